//! Bytes to messages, and messages to bytes.

use std::io::Write;

use distributor_api::{Code, Status};
use distributor_proto::text::{TextError, from_json, from_text, to_json, to_text};
use distributor_proto::weight;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::StatusCode;
use prost::{Message, Name};

use super::budget::Share;
use super::media::Format;
use super::reply::Refusal;

/// So that no website can read a reply as a script (XSSI).
const JSON_PREFIX: &str = ")]}'\n";
/// The most values in a message: a few bytes become a value of some hundred, so that bytes alone are no
/// measure of what a message takes.
pub(super) const MOST_VALUES: usize = 500_000;
/// What a value takes, in bytes, at most; roughly.
const VALUE_BYTES: usize = 256;
/// Longest text about a malformed body, in bytes: it may quote the body.
const MOST_PROBLEM_BYTES: usize = 1024;
/// Larger replies are compressed, if the client can read that.
const MOST_PLAIN_BYTES: usize = 1024;

/// The message of a body; `share` grows to what it takes.
pub(super) fn decode<M>(format: Format, bytes: &[u8], share: &mut Share) -> Result<M, Refusal>
where
    M: Message + Name + Default,
{
    let values = match format {
        Format::Binary => weight::of_binary::<M>(bytes, MOST_VALUES + 1),
        Format::Json => weight::of_json(bytes),
        Format::Text => weight::of_text(bytes),
    };
    if values > MOST_VALUES {
        let message =
            format!("the body has more than {MOST_VALUES} values; send them in several requests");
        let http = StatusCode::PAYLOAD_TOO_LARGE;
        return Err(Refusal::new(http, Code::ResourceExhausted, message));
    }
    share.cover(bytes.len() + values * VALUE_BYTES)?;
    let read = |read: fn(&str) -> Result<M, TextError>| {
        let text = std::str::from_utf8(bytes).map_err(|error| undecodable(&error))?;
        read(text).map_err(|error| undecodable(&error))
    };
    match format {
        Format::Binary => M::decode(bytes).map_err(|error| undecodable(&error)),
        Format::Json => read(from_json),
        Format::Text => read(from_text),
    }
}

fn undecodable(error: &dyn std::error::Error) -> Refusal {
    let mut problem = error.to_string();
    let end = problem.floor_char_boundary(MOST_PROBLEM_BYTES);
    problem.truncate(end);
    Status::invalid("body", problem).into()
}

/// The body of a reply.
pub(super) fn encode<M: Message + Name>(format: Format, message: &M) -> Result<Vec<u8>, Refusal> {
    let text = match format {
        Format::Binary => return Ok(message.encode_to_vec()),
        Format::Json => to_json(message).map(|json| format!("{JSON_PREFIX}{json}\n")),
        Format::Text => to_text(message).map(|text| match text.is_empty() {
            true => text,
            false => text + "\n",
        }),
    };
    match text {
        Ok(text) => Ok(text.into_bytes()),
        Err(TextError::UnknownMessage(name)) => {
            let binary = Format::Binary.content_type();
            let message =
                format!("{name} can be had in binary only: ask for it with Accept: {binary}");
            let http = StatusCode::NOT_ACCEPTABLE;
            Err(Refusal::new(http, Code::InvalidArgument, message))
        }
        Err(error) => Err(Status::new(Code::Internal, error.to_string()).into()),
    }
}

/// Compresses the body of a reply if that is worth it, and says if it did.
pub(super) fn deflate(body: Vec<u8>) -> Result<(Vec<u8>, bool), Refusal> {
    if body.len() <= MOST_PLAIN_BYTES {
        return Ok((body, false));
    }
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    let compressed = encoder.write_all(&body).and_then(|()| encoder.finish());
    let compressed = compressed.map_err(|error| Status::new(Code::Internal, error.to_string()))?;
    Ok((compressed, true))
}
