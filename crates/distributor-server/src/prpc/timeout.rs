//! `X-Prpc-Grpc-Timeout`: digits and one of `H M S m u n`.

use std::time::Duration;

use distributor_api::Status;
use http::HeaderMap;

/// In how long the client gives up, from now on; `None` if it does not say.
///
/// # Errors
/// `InvalidArgument` if it is malformed.
pub(super) fn of(headers: &HeaderMap) -> Result<Option<Duration>, Status> {
    const NAME: &str = "X-Prpc-Grpc-Timeout";
    let Some(value) = headers.get(NAME) else {
        return Ok(None);
    };
    let timeout = value.to_str().ok().and_then(parse);
    timeout.map(Some).ok_or_else(|| {
        let problem = "must be digits and one of H, M, S, m, u, n, such as 60S";
        Status::invalid(NAME, problem)
    })
}

fn parse(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let nanos: u64 = match unit {
        "H" => 3_600_000_000_000,
        "M" => 60_000_000_000,
        "S" => 1_000_000_000,
        "m" => 1_000_000,
        "u" => 1_000,
        "n" => 1,
        _ => return None,
    };
    // `parse` alone would take a sign.
    if digits.is_empty() || !digits.bytes().all(|it| it.is_ascii_digit()) {
        return None;
    }
    let number: u64 = digits.parse().ok()?;
    // A client that waits for centuries waits for ever.
    Some(Duration::from_nanos(number.saturating_mul(nanos)))
}
