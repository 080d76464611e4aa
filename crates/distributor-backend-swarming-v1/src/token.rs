//! The token of an execution is the id of its task.
//!
//! An id is hexadecimal. Its last digit says which try is meant, 0 for the task as a whole; so ids that
//! differ there alone are one task.

use distributor_core::Token;

use crate::config::Settings;

/// True if both ids name one task. What is no id equals itself only.
pub(crate) fn same_task(a: &str, b: &str) -> bool {
    match (stem(a), stem(b)) {
        (Some(a), Some(b)) => a == b,
        _ => a == b,
    }
}

/// An id without its last digit.
fn stem(id: &str) -> Option<&str> {
    let is_id = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    id.get(..id.len().checked_sub(1)?).filter(|_| is_id)
}

/// Where a person can look at the task (DC-42, DC-43): any token gives a URL.
pub(crate) fn info_url(settings: &Settings, token: &Token) -> String {
    let id: String = url::form_urlencoded::byte_serialize(token.0.as_bytes()).collect();
    format!("{}/task?id={id}", settings.url)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::tests::settings;

    #[test]
    fn the_last_digit_does_not_matter() {
        for (a, b) in [
            ("4f2a9c10", "4f2a9c10"),
            ("4f2a9c10", "4f2a9c11"),
            ("4f2a9c12", "4f2a9c11"),
            ("4f2a9c1f", "4f2a9c10"),
            ("0", "1"),
        ] {
            assert!(same_task(a, b) && same_task(b, a), "{a} {b}");
        }
        for (a, b) in [
            ("4f2a9c10", "4f2a9c20"),
            ("4f2a9c10", "4f2a9c1"),
            ("4f2a9c10", ""),
            ("4f2a9c10", "4F2a9c10"),
            ("00", "0"),
        ] {
            assert!(!same_task(a, b) && !same_task(b, a), "{a} {b}");
        }
    }

    #[test]
    fn what_is_no_id_equals_itself_only() {
        let garbage = [
            "", "task-1", "task-2", "ü", "üa0", "üa1", " 10", "10 ", "1\u{0}", "🦀0",
        ];
        for (i, a) in garbage.iter().enumerate() {
            for (j, b) in garbage.iter().enumerate() {
                assert_eq!(same_task(a, b), i == j, "{a:?} {b:?}");
            }
        }
    }

    fn url(token: &str) -> String {
        info_url(&settings(), &Token(token.to_owned()))
    }

    #[test]
    fn dc_42_the_url_shows_the_task() {
        assert_eq!(url("4f2a9c10"), "https://swarming.example/task?id=4f2a9c10");
    }

    #[test]
    fn dc_43_any_token_has_a_url() {
        for (token, expected) in [
            ("", ""),
            ("a/b?c=d&e#f%", "a%2Fb%3Fc%3Dd%26e%23f%25"),
            ("ü 🦀\n", "%C3%BC+%F0%9F%A6%80%0A"),
        ] {
            let expected = format!("https://swarming.example/task?id={expected}");
            assert_eq!(url(token), expected);
        }
    }
}
