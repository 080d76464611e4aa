//! Reads `Retry-After`: how long a server asks to be left alone, in seconds or until a date.

use std::time::{Duration, UNIX_EPOCH};

use distributor_core::Timestamp;

/// The longest that is honoured. A server that asks for more is asked again then.
const MOST: Duration = Duration::from_secs(10 * 60);

/// `None` if the text is neither, or if the wait is over already.
pub(super) fn read(text: &str, now: Timestamp) -> Option<Duration> {
    let text = text.trim();
    let wait = if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // Digits that fit into no number are a long time.
        text.parse().map_or(MOST, Duration::from_secs)
    } else {
        let date = httpdate::parse_http_date(text).ok()?;
        let since_epoch = date.duration_since(UNIX_EPOCH).ok()?;
        Timestamp::default().after(since_epoch).since(now)
    };
    (!wait.is_zero()).then_some(wait.min(MOST))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_and_dates_are_understood_and_bounded() {
        // 1994-11-06T08:49:37Z, the date of the RFC.
        let now = Timestamp::from_micros(784_111_777 * 1_000_000);
        let seconds = |seconds| Some(Duration::from_secs(seconds));
        for (text, expected) in [
            ("120", seconds(120)),
            (" 7 ", seconds(7)),
            ("0", None),
            ("601", seconds(600)),
            ("99999999999999999999999", seconds(600)),
            ("Sun, 06 Nov 1994 08:50:37 GMT", seconds(60)),
            ("Sunday, 06-Nov-94 08:50:37 GMT", seconds(60)),
            ("Sun Nov  6 08:50:37 1994", seconds(60)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", None),
            ("Sun, 06 Nov 1994 07:00:00 GMT", None),
            ("Sat, 06 Nov 2094 07:00:00 GMT", seconds(600)),
            ("", None),
            ("-1", None),
            ("1.5", None),
            ("soon", None),
        ] {
            assert_eq!(read(text, now), expected, "{text}");
        }
    }
}
