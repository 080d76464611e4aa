//! Bytes to messages, and messages to bytes.

use std::io::{Read, Write};

use distributor_api::{Code, Status};
use distributor_proto::text::{TextError, from_json, from_text, to_json, to_text};
use distributor_proto::weight;
use flate2::Compression;
use flate2::bufread::MultiGzDecoder;
use flate2::write::GzEncoder;
use http::StatusCode;
use prost::{Message, Name};

use super::media::Format;
use super::reply::Refusal;
use crate::budget::Share;
use crate::request::{self, RequestError, undecodable, weigh};

/// So that no website can read a reply as a script (XSSI).
const JSON_PREFIX: &str = ")]}'\n";
/// Larger replies are compressed, if the client can read that.
const MOST_PLAIN_BYTES: usize = 1024;

/// The message of a body; `share` grows to what it takes.
pub(super) fn decode<M>(format: Format, bytes: &[u8], share: &mut Share) -> Result<M, RequestError>
where
    M: Message + Name + Default,
{
    let values = match format {
        Format::Binary => return request::decode(bytes, share),
        Format::Json => weight::of_json(bytes),
        Format::Text => weight::of_text(bytes),
    };
    weigh(bytes.len(), values, share)?;
    let text = std::str::from_utf8(bytes).map_err(|error| undecodable(&error))?;
    let message = match format {
        Format::Text => from_text(text),
        Format::Json | Format::Binary => from_json(text),
    };
    message.map_err(|error| undecodable(&error))
}

/// What a gzip file holds; `share` has room for both.
pub(super) fn inflate(compressed: &[u8], share: &mut Share) -> Result<Vec<u8>, RequestError> {
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
            Some(data) => request::add(&mut bytes, data, request::MOST_BYTES, share)?,
        }
    }
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
