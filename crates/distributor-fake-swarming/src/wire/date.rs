//! Moments as text.

use crate::clock::{Micros, SECOND};

/// As Swarming writes them: UTC, and no letter says so.
pub(crate) fn date(at: Micros) -> String {
    const DAY: i64 = 86_400;
    let seconds = at.div_euclid(SECOND);
    let micros = at.rem_euclid(SECOND);
    let (year, month, day) = civil(seconds.div_euclid(DAY));
    let of_day = seconds.rem_euclid(DAY);
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    let fraction = match micros {
        0 => String::new(),
        micros => format!(".{micros:06}"),
    };
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{fraction}")
}

/// As Pub/Sub writes them (RFC 3339).
pub(crate) fn zulu(at: Micros) -> String {
    date(at) + "Z"
}

/// The day of the Gregorian calendar that is `days` after 1970-01-01: counted in years that begin in
/// March, so that the day that some years have more is their last one.
fn civil(days: i64) -> (i64, i64, i64) {
    const DAYS_OF_400_YEARS: i64 = 146_097;
    let shifted = days + 719_468;
    let era = shifted.div_euclid(DAYS_OF_400_YEARS);
    let day_of_era = shifted.rem_euclid(DAYS_OF_400_YEARS);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = (from_march + 2) % 12 + 1;
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written_in_utc_without_a_letter() {
        assert_eq!(date(0), "1970-01-01T00:00:00");
        assert_eq!(date(951_782_400_000_001), "2000-02-29T00:00:00.000001");
        assert_eq!(zulu(1_700_000_000_500_000), "2023-11-14T22:13:20.500000Z");
        assert_eq!(date(1_735_689_599_000_000), "2024-12-31T23:59:59");
    }
}
