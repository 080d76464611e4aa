//! pRPC: `POST /prpc/<service>/<method>` in binary, JSON and text (`dm-api.md`, section 7).
//!
//! * [`media`]: which of the three forms a request has, and which its reply shall have.
//! * [`codec`]: bytes to messages and back.
//! * [`call`]: what happens between the two.
//! * [`reply`]: the HTTP side of an answer, good or bad.
//!
//! It has no metadata for methods: the headers of a request that are not named here are not looked at.
//! Methods that stream are not part of the protocol.

mod call;
mod codec;
mod discovery;
mod media;
mod reply;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use distributor_api::{Code, Status};
use http::request::Parts;
use http::{Method, StatusCode};

use self::call::{Answer, Call};
use self::media::Format;
use self::reply::Refusal;
use crate::call::Admitted;
use crate::deadline::{self, within};
use crate::shared::Shared;
use crate::{guard, methods};

/// Where the protocol wants all methods to be.
const PREFIX: &str = "/prpc/";

/// In how long the client gives up.
const TIMEOUT: deadline::Header = deadline::Header {
    name: "X-Prpc-Grpc-Timeout",
    most_digits: 20,
    problem: "must be digits and one of H, M, S, m, u, n, such as 60S",
};

/// Finds a method, and begins its call; `None` if there is no such method.
type Find = dyn Fn(&str, &str, Call) -> Option<Answer> + Send + Sync;

/// What handles every request.
struct Service {
    shared: Shared,
    find: Box<Find>,
}

/// The routes below `/prpc/`.
pub(crate) fn routes(shared: Shared) -> Router {
    routes_of(shared, Box::new(find))
}

fn routes_of(shared: Shared, find: Box<Find>) -> Router {
    let service = Service { shared, find };
    Router::new()
        .route("/prpc", any(handle))
        .route(PREFIX, any(handle))
        .route("/prpc/{*method}", any(handle))
        .with_state(Arc::new(service))
}

fn find(service: &str, method: &str, call: Call) -> Option<Answer> {
    if (service, method) == discovery::DESCRIBE {
        return Some(discovery::describe(call));
    }
    methods::find(service, method, call)
}

async fn handle(State(service): State<Arc<Service>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let answer = service.answer(&parts, body).await;
    let path = parts.uri.path();
    answer.unwrap_or_else(|refusal| {
        refusal.log(path);
        refusal.into_response()
    })
}

impl Service {
    async fn answer(&self, parts: &Parts, body: Body) -> Result<Response, Refusal> {
        if parts.method != Method::POST {
            return Err(not_a_call());
        }
        let headers = &parts.headers;
        guard::check(headers, &parts.uri, self.shared.open)?;
        let path = parts.uri.path();
        let unknown = || Status::new(Code::Unimplemented, format!("there is no method at {path}"));
        let method = path.strip_prefix(PREFIX).and_then(|it| it.split_once('/'));
        let admitted = Admitted::new(&self.shared, headers, method.unwrap_or_default())?;
        let (service, method) = method.ok_or_else(unknown)?;

        let reply_format = Format::of_reply(headers)?;
        // Counted from here: what was looked at so far costs next to nothing.
        let mut deadline = TIMEOUT.deadline(headers, &self.shared.time)?;
        let call = Call {
            admitted,
            format: Format::of_request(headers)?,
            inflate: media::is_gzip(headers)?,
            body,
            reply_format,
            deflate: media::accepts_gzip(headers),
        };
        let answer = (self.find)(service, method, call).ok_or_else(unknown)?;
        within(&mut deadline, answer).await
    }
}

/// Says to people, and to programs that took a wrong turn, what this place is for.
fn not_a_call() -> Refusal {
    let message = format!(
        "This is a pRPC service. Call a method with POST {PREFIX}<service>/<method>, for example:\n\n\
         curl --header 'Content-Type: application/json' --header 'Accept: application/json' \\\n    \
         --data '{{}}' http://<this host>{PREFIX}dm.Deps/WalkGraph\n\n\
         Services: {}",
        methods::SERVICES.join(", ")
    );
    Refusal::new(StatusCode::METHOD_NOT_ALLOWED, Code::Unimplemented, message)
}

#[cfg(test)]
mod tests;
