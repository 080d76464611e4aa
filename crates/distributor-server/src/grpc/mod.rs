//! gRPC: `/<service>/<method>`, with reflection and health.
//!
//! It refuses compressed messages, and to do anything for a caller before it knows who calls.

mod call;
mod frame;
mod standard;
mod status;

use std::time::Duration;

use axum::extract::Request;
use distributor_api::{Code, Status};
use http::header::CONTENT_TYPE;
use http::{Method, Response, Version};
use tonic::body::Body as Answer;

pub(crate) use standard::Health;

use crate::call::Admitted;
use crate::deadline::{self, within};
use crate::guard;
use crate::held::Holding;
use crate::methods::{self, SERVICES, WATCH};
use crate::shared::Shared;
use crate::stop::{End, Ending, Stop};
use crate::time::Moment;
use call::Call;
use standard::Standard;

/// How long a caller waits.
const TIMEOUT: deadline::Header = deadline::Header {
    name: "grpc-timeout",
    most_digits: 8,
    problem: "must be 1 to 8 digits and a unit: H, M, S, m, u or n",
};

/// How long a call of health or reflection may be open: it needs no token, so that it must not hold
/// anything for ever. Clients that watch the health begin again.
const STANDARD_TIME: Duration = Duration::from_secs(10 * 60);

/// The transport. Clones are the same.
#[derive(Debug, Clone)]
pub(crate) struct Grpc {
    shared: Shared,
    standard: Standard,
    stop: Stop,
}

/// Is this a gRPC call, by its content type? One in another format than protobuf's binary is not, nor
/// is one of gRPC-Web.
pub(crate) fn is_grpc(request: &Request) -> bool {
    let content_type = request.headers().get(CONTENT_TYPE);
    let content_type = content_type.and_then(|value| value.to_str().ok());
    let name = content_type.and_then(|value| value.split(';').next());
    let grpc = matches!(
        name.map(str::trim),
        Some("application/grpc" | "application/grpc+proto")
    );
    grpc && request.method() == Method::POST && request.version() == Version::HTTP_2
}

impl Grpc {
    /// With what tells the health service that the end is near.
    pub(crate) async fn new(shared: Shared, stop: Stop) -> (Self, Health) {
        let (standard, health) = Standard::new().await;
        let grpc = Grpc {
            shared,
            standard,
            stop,
        };
        (grpc, health)
    }

    /// Answers a call, with a status if it fails.
    pub(crate) async fn serve(self, request: Request) -> Response<Answer> {
        let path = request.uri().path().to_owned();
        let answer = self.start(&path, request).await;
        answer.unwrap_or_else(|status| status::failure(&path, status))
    }

    async fn start(self, path: &str, request: Request) -> Result<Response<Answer>, Status> {
        let headers = request.headers();
        guard::check(headers, request.uri(), self.shared.open)?;
        let mut deadline = TIMEOUT.deadline(headers, &self.shared.time)?;
        let unknown = || unknown(path);
        let (service, method) = split(path).ok_or_else(unknown)?;
        if self.standard.has(service) {
            return self.standard(request, deadline).await;
        }
        if !SERVICES.contains(&service) {
            return Err(unknown());
        }
        let admitted = Admitted::new(&self.shared, headers, (service, method))?;
        let call = Call::new(admitted, request.into_body());
        if (service, method) == WATCH {
            let response = within(&mut deadline, call.watch()).await?;
            return Ok(self.stream(response, deadline));
        }
        let answer = methods::find(service, method, call).ok_or_else(unknown)?;
        within(&mut deadline, answer).await
    }

    /// A call of health or reflection.
    async fn standard(
        &self,
        request: Request,
        mut deadline: Moment,
    ) -> Result<Response<Answer>, Status> {
        let share = self.shared.budget.share()?;
        // The end of a stream of requests, which must not hold up the server's.
        let (stop, long) = (self.stop.clone(), self.shared.time.after(STANDARD_TIME));
        let no_more: End = Box::pin(async move {
            tokio::select! {
                () = stop.wait() => {}
                () = long => {}
            }
            http::HeaderMap::new()
        });
        let request = request.map(|body| axum::body::Body::new(Ending::new(body, no_more)));
        let answer = async { Ok::<_, Status>(self.standard.clone().serve(request).await) };
        let response = within(&mut deadline, answer).await?;
        let response = response.map(|body| Answer::new(Holding::new(body, share)));
        let long = self.shared.time.after(STANDARD_TIME);
        let deadline = Box::pin(async move {
            tokio::select! {
                () = deadline => {}
                () = long => {}
            }
        });
        Ok(self.stream(response, deadline))
    }

    /// A stream, ended when the server stops or the time of the call is over.
    fn stream(&self, response: Response<Answer>, deadline: Moment) -> Response<Answer> {
        let stop = self.stop.clone();
        let end: End = Box::pin(async move {
            let status = tokio::select! {
                () = stop.wait() => Status::new(Code::Unavailable, "the service is stopping"),
                () = deadline => deadline::exceeded(),
            };
            status::trailers(status)
        });
        response.map(|body| Answer::new(Ending::new(body, end)))
    }
}

fn split(path: &str) -> Option<(&str, &str)> {
    let (service, method) = path.strip_prefix('/')?.split_once('/')?;
    (!method.is_empty() && !method.contains('/')).then_some((service, method))
}

fn unknown(path: &str) -> Status {
    let message =
        format!("there is no method {path}; the reflection service lists those that exist");
    Status::new(Code::Unimplemented, message)
}
