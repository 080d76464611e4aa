//! Durations as people type and read them.

use std::time::Duration;

/// Shortest lifetime of a token.
const SHORTEST_LIFETIME: Duration = Duration::from_secs(1);
/// Longest lifetime of a token: ten years.
const LONGEST_LIFETIME: Duration = Duration::from_secs(3650 * 24 * 60 * 60);

/// Any duration.
pub(crate) fn any(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text)
        .map_err(|error| format!("{error}; write numbers with units, for example 36h or 7d"))
}

/// How long a token is good.
pub(crate) fn lifetime(text: &str) -> Result<Duration, String> {
    match any(text)? {
        short if short < SHORTEST_LIFETIME => Err("use at least 1s".to_owned()),
        long if long > LONGEST_LIFETIME => Err("use at most 3650d".to_owned()),
        lifetime => Ok(lifetime),
    }
}

/// In its two greatest units, as in `2days 3h`.
pub(crate) fn shown(duration: Duration) -> String {
    let seconds = Duration::from_secs(duration.as_secs());
    let text = humantime::format_duration(seconds).to_string();
    let units: Vec<&str> = text.split(' ').take(2).collect();
    units.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lifetimes_are_neither_nothing_nor_for_ever() {
        assert_eq!(lifetime("48h"), Ok(Duration::from_secs(48 * 3600)));
        assert!(lifetime("0s").is_err());
        assert!(lifetime("11y").is_err());
        assert!(lifetime("-1h").is_err());
        assert!(lifetime("48").unwrap_err().contains("36h"));
    }

    #[test]
    fn ages_are_short() {
        assert_eq!(shown(Duration::from_millis(3_999)), "3s");
        assert_eq!(shown(Duration::from_secs(180_061)), "2days 2h");
    }
}
