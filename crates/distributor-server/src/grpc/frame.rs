//! Messages in bodies: a byte about compression, the length in four bytes, and the message.
//!
//! This is by hand because what it would be instead makes room for a request as soon as its length is
//! announced, and decodes on the threads that serve the connections.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{BufMut, Bytes, BytesMut};
use distributor_api::{Changes, Code, Status};
use http_body::{Body, Frame};
use prost::Message;

use super::status;
use crate::request::MOST_BYTES;

/// Of what is before each message.
const PREFIX_BYTES: usize = 5;

/// Longest body of a request: one message.
pub(super) const LONGEST_REQUEST: usize = PREFIX_BYTES + MOST_BYTES;

/// Longest message of an answer, in bytes.
const LONGEST_ANSWER: usize = 64 * 1024 * 1024;

/// The one message of a request.
///
/// # Errors
/// `ResourceExhausted` for one that is too long, `Unimplemented` for one that is compressed,
/// `InvalidArgument` for what is not one message.
pub(super) fn read(body: &[u8]) -> Result<&[u8], Status> {
    let malformed = |problem: String| Status::invalid("body", problem);
    let Some(([compressed, length @ ..], message)) = body.split_first_chunk::<PREFIX_BYTES>()
    else {
        return Err(malformed("must be one message, and has none".to_owned()));
    };
    let length = u32::from_be_bytes(*length);
    if usize::try_from(length).map_or(true, |it| it > MOST_BYTES) {
        let message = format!("the message has {length} bytes, and may have {MOST_BYTES}");
        return Err(Status::new(Code::ResourceExhausted, message));
    }
    match compressed {
        0 => {}
        1 => {
            let message = "compressed messages are not supported; send them as they are";
            return Err(Status::new(Code::Unimplemented, message));
        }
        _ => return Err(malformed("does not begin like a message".to_owned())),
    }
    match usize::try_from(length) == Ok(message.len()) {
        true => Ok(message),
        false => Err(malformed(format!(
            "must be one message: {length} bytes are announced, and {} are there",
            message.len()
        ))),
    }
}

/// A message of an answer.
///
/// # Errors
/// `ResourceExhausted` if it is too long for clients.
pub(super) fn of(message: &impl Message) -> Result<Bytes, Status> {
    let length = message.encoded_len();
    let announced = u32::try_from(length)
        .ok()
        .filter(|_| length <= LONGEST_ANSWER);
    let Some(announced) = announced else {
        let message = format!("the answer has {length} bytes, and may have {LONGEST_ANSWER}");
        return Err(Status::new(Code::ResourceExhausted, message));
    };
    let mut bytes = BytesMut::with_capacity(PREFIX_BYTES + length);
    bytes.put_u8(0);
    bytes.put_u32(announced);
    message.encode_raw(&mut bytes);
    Ok(bytes.freeze())
}

/// The body of an answer that is a stream.
pub(super) struct Stream(Option<Changes>);

impl Stream {
    pub(super) fn new(changes: Changes) -> Self {
        Stream(Some(changes))
    }
}

impl Body for Stream {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let Some(changes) = &mut self.0 else {
            return Poll::Ready(None);
        };
        let message = match ready!(changes.as_mut().poll_next(context)) {
            Some(change) => change.and_then(|change| of(&change)).map(Some),
            None => Ok(None),
        };
        let trailers = match message {
            Ok(Some(message)) => return Poll::Ready(Some(Ok(Frame::data(message)))),
            Ok(None) => status::success(),
            Err(status) => status::trailers(status),
        };
        self.0 = None;
        Poll::Ready(Some(Ok(Frame::trailers(trailers))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn framed(compressed: u8, length: usize, message: &[u8]) -> Vec<u8> {
        let length = u32::try_from(length).unwrap().to_be_bytes();
        [&[compressed][..], &length, message].concat()
    }

    #[test]
    fn only_one_whole_message_is_a_request() {
        assert_eq!(read(&framed(0, 0, b"")), Ok(&b""[..]));
        assert_eq!(read(&framed(0, 3, b"abc")), Ok(&b"abc"[..]));
        for (body, code) in [
            (vec![], Code::InvalidArgument),
            (vec![0; 4], Code::InvalidArgument),
            (framed(0, 2, b"abc"), Code::InvalidArgument),
            (framed(0, 4, b"abc"), Code::InvalidArgument),
            (framed(2, 3, b"abc"), Code::InvalidArgument),
            (framed(1, 3, b"abc"), Code::Unimplemented),
            (framed(0, MOST_BYTES, b"abc"), Code::InvalidArgument),
            (framed(0, MOST_BYTES + 1, b"abc"), Code::ResourceExhausted),
        ] {
            assert_eq!(read(&body).unwrap_err().code, code, "{body:?}");
        }
    }

    #[test]
    fn what_is_written_can_be_read() {
        let message = prost_types::Duration {
            seconds: 7,
            nanos: 0,
        };
        let bytes = of(&message).unwrap();
        assert_eq!(read(&bytes), Ok(&message.encode_to_vec()[..]));
    }
}
