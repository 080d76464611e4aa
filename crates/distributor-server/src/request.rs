//! Receives the body of a request, all of it, in bounded time and memory, and says what one may hold.

use std::time::Duration;

use axum::body::Body;
use distributor_api::{Code, Status};
use distributor_proto::weight;
use http_body::Body as _;
use http_body_util::BodyExt;
use prost::{Message, Name};

use crate::budget::Share;
use crate::time::Time;

/// The most bytes of a message, 32 MiB, as sent and again when inflated. It is what the clients of the
/// original take for a reply.
pub(crate) const MOST_BYTES: usize = 32 * 1024 * 1024;

/// In this time a body must be here. So a client that sends a byte now and then cannot hold what it
/// holds for ever; for the largest body it takes four megabits in a second.
pub(crate) const READ_TIMEOUT: Duration = Duration::from_secs(60);

/// The most values in a message: a few bytes become a value of some hundred, so that bytes alone are no
/// measure of what a message takes.
pub(crate) const MOST_VALUES: usize = 500_000;

/// What a value takes, in bytes, at most; roughly.
const VALUE_BYTES: usize = 256;

/// Longest text about a malformed body, in bytes: it may quote the body.
const MOST_PROBLEM_BYTES: usize = 1024;

/// Why there is no request.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RequestError {
    /// It has too many bytes.
    #[error("the body is larger than {MOST_BYTES} bytes; send it in several requests")]
    TooLarge,
    /// It has too many values.
    #[error("the body has more than {MOST_VALUES} values; send them in several requests")]
    TooManyValues,
    /// Its sender takes too long.
    #[error("the body was not here within {} s", READ_TIMEOUT.as_secs())]
    TooSlow,
    /// Anything that HTTP has no word for.
    #[error("{}", .0.message)]
    Other(#[from] Status),
}

impl From<RequestError> for Status {
    fn from(error: RequestError) -> Self {
        let code = match error {
            RequestError::Other(status) => return status,
            RequestError::TooLarge | RequestError::TooManyValues => Code::ResourceExhausted,
            RequestError::TooSlow => Code::DeadlineExceeded,
        };
        Status::new(code, error.to_string())
    }
}

/// Reads the whole body, of up to `most` bytes.
pub(crate) async fn receive(
    body: Body,
    most: usize,
    time: &Time,
    share: &mut Share,
) -> Result<Vec<u8>, RequestError> {
    let over = time.after(READ_TIMEOUT);
    tokio::select! { biased;
        bytes = read(body, most, share) => bytes,
        () = over => Err(RequestError::TooSlow),
    }
}

async fn read(mut body: Body, most: usize, share: &mut Share) -> Result<Vec<u8>, RequestError> {
    // What the client says to send: no need to wait for it.
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if announced > most {
        return Err(RequestError::TooLarge);
    }
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Status::new(Code::InvalidArgument, "the body broke off"))?;
        if let Ok(data) = frame.into_data() {
            add(&mut bytes, &data, most, share)?;
        }
    }
    Ok(bytes)
}

/// Adds bytes to a body, as long as it has no more than `most` of them and `share` has room for all.
pub(crate) fn add(
    bytes: &mut Vec<u8>,
    data: &[u8],
    most: usize,
    share: &mut Share,
) -> Result<(), RequestError> {
    let size = bytes.len().saturating_add(data.len());
    if size > most {
        return Err(RequestError::TooLarge);
    }
    share.cover(size)?;
    bytes.extend_from_slice(data);
    Ok(())
}

/// May a body of so many bytes become so many values? Then `share` grows to what they take.
pub(crate) fn weigh(bytes: usize, values: usize, share: &mut Share) -> Result<(), RequestError> {
    if values > MOST_VALUES {
        return Err(RequestError::TooManyValues);
    }
    // The bytes are there twice for a moment.
    let bytes = bytes.saturating_mul(2);
    let values = values.saturating_mul(VALUE_BYTES);
    Ok(share.cover(bytes.saturating_add(values))?)
}

/// The message that is encoded in these bytes; `share` grows to what it takes.
pub(crate) fn decode<M>(bytes: &[u8], share: &mut Share) -> Result<M, RequestError>
where
    M: Message + Name + Default,
{
    weigh(
        bytes.len(),
        weight::of_binary::<M>(bytes, MOST_VALUES + 1),
        share,
    )?;
    M::decode(bytes).map_err(|error| undecodable(&error))
}

/// A body is not what it should be.
pub(crate) fn undecodable(error: &dyn std::error::Error) -> RequestError {
    let mut problem = error.to_string();
    let end = problem.floor_char_boundary(MOST_PROBLEM_BYTES);
    problem.truncate(end);
    Status::invalid("body", problem).into()
}
