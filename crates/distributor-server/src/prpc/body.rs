//! Receives the body of a request: all of it, in bounded time and memory.

use std::io::Read;
use std::time::Duration;

use axum::body::Body;
use distributor_api::{Code, Status};
use flate2::bufread::MultiGzDecoder;
use http::StatusCode;
use http_body::Body as _;
use http_body_util::BodyExt;

use super::budget::Share;
use super::reply::Refusal;
use crate::time::Time;

/// The most bytes of a body, 32 MiB, as sent and again when inflated. It is what the clients of the
/// original take for a reply.
pub(super) const MOST_BYTES: usize = 32 * 1024 * 1024;
/// In this time a body must be here. So a client that sends a byte now and then cannot hold what it
/// holds for ever; for the largest body it takes four megabits in a second.
pub(super) const READ_TIMEOUT: Duration = Duration::from_secs(60);

/// Reads the whole body.
pub(super) async fn receive(
    body: Body,
    time: &Time,
    share: &mut Share,
) -> Result<Vec<u8>, Refusal> {
    let over = time.after(READ_TIMEOUT);
    tokio::select! { biased;
        bytes = read(body, share) => bytes,
        () = over => {
            let message = format!("the body was not here within {} s", READ_TIMEOUT.as_secs());
            let http = StatusCode::REQUEST_TIMEOUT;
            Err(Refusal::new(http, Code::DeadlineExceeded, message))
        }
    }
}

async fn read(mut body: Body, share: &mut Share) -> Result<Vec<u8>, Refusal> {
    // What the client says to send: no need to wait for it.
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    check_size(announced)?;
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| {
            let message = "the body broke off";
            Refusal::new(StatusCode::BAD_REQUEST, Code::InvalidArgument, message)
        })?;
        if let Ok(data) = frame.into_data() {
            add(&mut bytes, &data, share)?;
        }
    }
    Ok(bytes)
}

/// What a gzip file holds; `share` has room for both.
pub(super) fn inflate(compressed: &[u8], share: &mut Share) -> Result<Vec<u8>, Refusal> {
    let mut decoder = MultiGzDecoder::new(compressed);
    let mut chunk = [0; 16 * 1024];
    let mut bytes = Vec::new();
    loop {
        let read = decoder.read(&mut chunk).map_err(|error| {
            Status::invalid(
                "body",
                format_args!("is not gzip, as its Content-Encoding says: {error}"),
            )
        })?;
        match chunk.get(..read) {
            None | Some([]) => return Ok(bytes),
            Some(data) => add(&mut bytes, data, share)?,
        }
    }
}

fn add(bytes: &mut Vec<u8>, data: &[u8], share: &mut Share) -> Result<(), Refusal> {
    let size = bytes.len().saturating_add(data.len());
    check_size(size)?;
    share.cover(size)?;
    bytes.extend_from_slice(data);
    Ok(())
}

fn check_size(size: usize) -> Result<(), Refusal> {
    if size <= MOST_BYTES {
        return Ok(());
    }
    let message =
        format!("the body is larger than {MOST_BYTES} bytes; send it in several requests");
    let http = StatusCode::PAYLOAD_TOO_LARGE;
    Err(Refusal::new(http, Code::ResourceExhausted, message))
}
