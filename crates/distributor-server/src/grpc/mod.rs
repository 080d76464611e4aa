//! gRPC: `/<service>/<method>`, with reflection and health.
//!
//! It refuses compressed messages, and to do anything for a caller before it knows who calls.

mod call;
mod deadline;
mod received;
mod standard;
mod status;

use axum::body::Body;
use axum::extract::Request;
use distributor_api::{Code, Status};
use http::header::CONTENT_TYPE;
use http::{Method, Version};
use tonic::body::Body as Answer;

pub(crate) use standard::Health;

use crate::guard;
use crate::listener::Shared;
use crate::methods::{self, SERVICES, WATCH};
use crate::stop::{End, Ending, Stop};
use crate::time::{Moment, Time};
use call::Call;
use received::{Received, Room};
use standard::Standard;
use status::to_tonic;

/// The transport. Clones are the same.
#[derive(Debug, Clone)]
pub(crate) struct Grpc {
    shared: Shared,
    standard: Standard,
    room: Room,
    time: Time,
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
            time: Time::of(&shared.api),
            shared,
            standard,
            room: Room::default(),
            stop,
        };
        (grpc, health)
    }

    /// Answers a call, with a status if it fails.
    pub(crate) async fn serve(self, request: Request) -> http::Response<Answer> {
        match self.start(request).await {
            Ok(response) => response,
            Err(status) => to_tonic(status).into_http(),
        }
    }

    async fn start(self, request: Request) -> Result<http::Response<Answer>, Status> {
        guard::check(request.headers(), request.uri(), self.shared.open)?;
        let timeout = deadline::of(request.headers())?;
        let mut deadline = match timeout {
            Some(timeout) => self.time.after(timeout),
            None => Time::never(),
        };
        let path = request.uri().path().to_owned();
        let (service, method) = split(&path).ok_or_else(|| unknown(&path))?;
        let request = request.map(|body| Received::new(body, self.time.clone(), self.room.clone()));
        if self.standard.has(service) {
            let request = request.map(|body| Body::new(Ending::new(body, self.no_more())));
            let response = self.standard.clone().serve(request).await;
            return Ok(self.stream(response, deadline));
        }
        if !SERVICES.contains(&service) {
            return Err(unknown(&path));
        }
        let caller = guard::caller(&self.shared, request.headers())?;
        let api = self.shared.api.clone();
        let call = Call::new(api, caller, request.map(Answer::new));
        let streams = (service, method) == WATCH;
        let answer = match streams {
            true => call.watch(),
            false => methods::find(service, method, call).ok_or_else(|| unknown(&path))?,
        };
        // What the host has accepted goes on after the deadline: it is no longer part of this call.
        let response = tokio::select! {
            biased;
            response = answer => response,
            () = &mut deadline => return Err(deadline::exceeded()),
        };
        match streams {
            true => Ok(self.stream(response, deadline)),
            false => Ok(response),
        }
    }

    /// A stream, ended when the server stops or the time of the call is over.
    fn stream(&self, response: http::Response<Answer>, deadline: Moment) -> http::Response<Answer> {
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

    /// The end of a stream of requests, which must not hold up the server's.
    fn no_more(&self) -> End {
        let stop = self.stop.clone();
        Box::pin(async move {
            stop.wait().await;
            http::HeaderMap::new()
        })
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
