//! The header `grpc-timeout`: how long a caller waits for its answer.

use std::time::Duration;

use distributor_api::{Code, Status};
use http::HeaderMap;

const HEADER: &str = "grpc-timeout";

/// The timeout of a call: 1 to 8 digits and a unit, `H`, `M`, `S`, `m`, `u` or `n`. `None` waits for
/// ever.
///
/// # Errors
/// `InvalidArgument` for anything else.
pub(super) fn of(headers: &HeaderMap) -> Result<Option<Duration>, Status> {
    let Some(value) = headers.get(HEADER) else {
        return Ok(None);
    };
    let timeout = value.to_str().ok().and_then(parse);
    timeout.map(Some).ok_or_else(|| {
        let problem = "must be 1 to 8 digits and a unit: H, M, S, m, u or n";
        Status::invalid(HEADER, problem)
    })
}

/// What a call gets whose time is over.
pub(super) fn exceeded() -> Status {
    let message = "the deadline of the call has passed; what was accepted before goes on";
    Status::new(Code::DeadlineExceeded, message)
}

fn parse(value: &str) -> Option<Duration> {
    let mut digits = value.chars();
    let unit = digits.next_back()?;
    let digits = digits.as_str();
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|it| it.is_ascii_digit()) {
        return None;
    }
    let number: u64 = digits.parse().ok()?;
    match unit {
        'H' => Some(Duration::from_secs(number * 3600)),
        'M' => Some(Duration::from_secs(number * 60)),
        'S' => Some(Duration::from_secs(number)),
        'm' => Some(Duration::from_millis(number)),
        'u' => Some(Duration::from_micros(number)),
        'n' => Some(Duration::from_nanos(number)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn timeout(value: &str) -> Result<Option<Duration>, Code> {
        let value = HeaderValue::from_str(value).unwrap();
        let headers = HeaderMap::from_iter([(HEADER.parse().unwrap(), value)]);
        of(&headers).map_err(|status| status.code)
    }

    #[test]
    fn every_unit_is_understood() {
        assert_eq!(of(&HeaderMap::new()), Ok(None));
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
            assert_eq!(timeout(value), Ok(Some(expected)), "{value}");
        }
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
            assert_eq!(timeout(value), Err(Code::InvalidArgument), "{value}");
        }
    }
}
