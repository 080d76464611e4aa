//! What a program that hands out access tokens may print: the bare token, or a JSON object.
//!
//! The object is that of `luci-auth token -json-output` and of OAuth2 servers: `access_token` or
//! `token`, and when it ends, as `expires_in` (seconds) or `expiry` (seconds since 1970, or RFC 3339).
//! Other fields are ignored.

use std::time::Duration;

use distributor_core::Timestamp;
use serde::Deserialize;

use super::token::AccessToken;

/// A token, and when it ends if that is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Issued {
    pub(super) token: AccessToken,
    pub(super) end: Option<Timestamp>,
}

#[derive(Deserialize)]
struct Document {
    access_token: Option<String>,
    token: Option<String>,
    expires_in: Option<Number>,
    expiry: Option<Moment>,
}

/// A number, or the text of one: both are in use.
#[derive(Deserialize)]
#[serde(untagged)]
enum Number {
    Number(f64),
    Text(String),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Moment {
    Seconds(f64),
    Text(String),
}

/// Reads what the program printed at `now`.
///
/// # Errors
/// What is wrong, without a part of the output.
pub(super) fn read(output: &[u8], now: Timestamp) -> Result<Issued, &'static str> {
    let text = std::str::from_utf8(output).map_err(|_| "its output is not UTF-8")?;
    if !text.trim_start().starts_with('{') {
        let token = AccessToken::new(text)?;
        return Ok(Issued { token, end: None });
    }
    // The reason of a parser may quote what it has read.
    let document: Document = serde_json::from_str(text)
        .map_err(|_| "its output is not the JSON object that is expected")?;
    let token = document.access_token.or(document.token);
    let token = token.ok_or("its output has neither `access_token` nor `token`")?;
    let end = match (document.expires_in, document.expiry) {
        (Some(left), _) => {
            let left =
                number(left).ok_or("`expires_in` of its output is not a number of seconds")?;
            Some(now.after(left))
        }
        (None, Some(moment)) => Some(end(moment).ok_or("`expiry` of its output is not a time")?),
        (None, None) => None,
    };
    Ok(Issued {
        token: AccessToken::new(&token)?,
        end,
    })
}

fn number(number: Number) -> Option<Duration> {
    let seconds = match number {
        Number::Number(seconds) => seconds,
        Number::Text(text) => text.trim().parse().ok()?,
    };
    Duration::try_from_secs_f64(seconds).ok()
}

fn end(moment: Moment) -> Option<Timestamp> {
    match moment {
        Moment::Seconds(seconds) => {
            let since_epoch = Duration::try_from_secs_f64(seconds).ok()?;
            Some(Timestamp::default().after(since_epoch))
        }
        Moment::Text(text) => {
            let parsed: prost_types::Timestamp = text.trim().parse().ok()?;
            Some(Timestamp::from_proto(&parsed))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(1_000_000_000);

    #[track_caller]
    fn check(output: &str, token: &str, end_seconds: Option<i64>) {
        let issued = read(output.as_bytes(), NOW).expect(output);
        assert_eq!(issued.token.expose(), token);
        let end = end_seconds.map(|seconds| Timestamp::from_micros(seconds * 1_000_000));
        assert_eq!(issued.end, end, "{output}");
    }

    #[test]
    fn a_bare_token_and_both_kinds_of_object_are_understood() {
        check("ya29.x\n", "ya29.x", None);
        check(
            r#"{"access_token":"a","expires_in":3599,"token_type":"Bearer"}"#,
            "a",
            Some(4_599),
        );
        check(
            r#"{"access_token":"a","expires_in":"60"}"#,
            "a",
            Some(1_060),
        );
        check(
            r#" {"token":"b","expiry":1700000000}"#,
            "b",
            Some(1_700_000_000),
        );
        check(
            r#"{"token":"b","expiry":"2023-11-14T22:13:20Z"}"#,
            "b",
            Some(1_700_000_000),
        );
        check(
            r#"{"token":"b","expiry":"2023-11-14T23:13:20+01:00"}"#,
            "b",
            Some(1_700_000_000),
        );
        check(
            r#"{"access_token":"a","token":"b","expiry":null}"#,
            "a",
            None,
        );
    }

    #[test]
    fn what_is_wrong_is_told_without_the_output() {
        for output in [
            "",
            "{",
            "{}",
            "canary canary",
            r#"{"access_token":"canary","expires_in":-1}"#,
            r#"{"access_token":"canary","expires_in":"canary"}"#,
            r#"{"access_token":"canary","expires_in":1e300}"#,
            r#"{"access_token":"canary","expiry":"canary"}"#,
            r#"{"access_token":["canary"]}"#,
            r#"{"access_token":"canary\nX: y"}"#,
            r#"{"access_token":"","token":"canary"}"#,
        ] {
            let error = read(output.as_bytes(), NOW).expect_err(output);
            assert!(!error.contains("canary"), "{error}");
        }
        assert!(read(b"\xff", NOW).is_err());
    }
}
