//! How long a caller waits for its answer. Each transport has a header of its own for it.

use std::future::Future;
use std::time::Duration;

use distributor_api::{Code, Status};
use http::HeaderMap;

use crate::time::{Moment, Time};

/// How a transport writes timeouts: digits and a unit, `H`, `M`, `S`, `m`, `u` or `n`.
#[derive(Debug)]
pub(crate) struct Header {
    pub(crate) name: &'static str,
    pub(crate) most_digits: usize,
    /// What a caller is told that has it wrong.
    pub(crate) problem: &'static str,
}

impl Header {
    /// The moment when the caller gives up, counted from now; it never comes if the caller does not say.
    ///
    /// # Errors
    /// `InvalidArgument` if it is malformed.
    pub(crate) fn deadline(&self, headers: &HeaderMap, time: &Time) -> Result<Moment, Status> {
        let timeout = self.timeout(headers)?;
        Ok(timeout.map_or_else(Time::never, |timeout| time.after(timeout)))
    }

    fn timeout(&self, headers: &HeaderMap) -> Result<Option<Duration>, Status> {
        let Some(value) = headers.get(self.name) else {
            return Ok(None);
        };
        let timeout = value.to_str().ok().and_then(|it| self.parse(it));
        timeout
            .map(Some)
            .ok_or_else(|| Status::invalid(self.name, self.problem))
    }

    fn parse(&self, text: &str) -> Option<Duration> {
        let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
        // `parse` alone would take a sign.
        let are_digits = digits.bytes().all(|it| it.is_ascii_digit());
        if !are_digits || digits.len() > self.most_digits {
            return None;
        }
        let number: u64 = digits.parse().ok()?;
        // A caller that waits for centuries waits for ever.
        Some(match unit {
            "H" => Duration::from_secs(number.saturating_mul(3600)),
            "M" => Duration::from_secs(number.saturating_mul(60)),
            "S" => Duration::from_secs(number),
            "m" => Duration::from_millis(number),
            "u" => Duration::from_micros(number),
            "n" => Duration::from_nanos(number),
            _ => return None,
        })
    }
}

/// What comes of `answer`, if that is before the deadline.
///
/// # Errors
/// What `answer` says, or [`exceeded`].
pub(crate) async fn within<T, E: From<Status>>(
    deadline: &mut Moment,
    answer: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    tokio::select! { biased;
        () = deadline => Err(exceeded().into()),
        answer = answer => answer,
    }
}

/// What a call gets whose time is over.
pub(crate) fn exceeded() -> Status {
    let message = "the deadline of the call has passed; what was accepted before goes on";
    Status::new(Code::DeadlineExceeded, message)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn timeout(value: &str, most_digits: usize) -> Result<Option<Duration>, Code> {
        let header = Header {
            name: "timeout",
            most_digits,
            problem: "is wrong",
        };
        let value = HeaderValue::from_str(value).unwrap();
        let mut headers = HeaderMap::new();
        assert_eq!(header.timeout(&headers), Ok(None));
        headers.insert(header.name, value);
        header.timeout(&headers).map_err(|status| status.code)
    }

    #[test]
    fn every_unit_is_understood() {
        for (value, expected) in [
            ("1H", Duration::from_secs(3600)),
            ("2M", Duration::from_secs(120)),
            ("0S", Duration::ZERO),
            ("007S", Duration::from_secs(7)),
            ("15m", Duration::from_millis(15)),
            ("99999999u", Duration::from_micros(99_999_999)),
            ("1n", Duration::from_nanos(1)),
            ("99999999H", Duration::from_secs(99_999_999 * 3600)),
        ] {
            assert_eq!(timeout(value, 8), Ok(Some(expected)), "{value}");
        }
        let longest = Ok(Some(Duration::from_secs(u64::MAX)));
        assert_eq!(timeout("18446744073709551615H", 20), longest);
    }

    #[test]
    fn anything_else_is_refused() {
        for value in [
            "",
            "S",
            "1",
            "1s",
            "-1S",
            "+1S",
            "1.5S",
            "1 S",
            "123456789S",
            "1\u{e9}",
        ] {
            assert_eq!(timeout(value, 8), Err(Code::InvalidArgument), "{value}");
        }
        assert!(timeout("99999999999999999999S", 20).is_err());
    }
}
