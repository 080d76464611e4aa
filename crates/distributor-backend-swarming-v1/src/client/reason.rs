//! What a server says about a refusal, made fit for an error message.
//!
//! It refuses to repeat a secret that the server has sent back.

use crate::wire::ErrorBody;

/// The message of the body, or the body itself if it is none that is known: one line of about 1 KiB at
/// most, without any of the `secrets`; empty if there is nothing to tell.
pub(super) fn of(body: &[u8], secrets: &[&str]) -> String {
    let hidden = |text: String| {
        let secrets = secrets.iter().filter(|secret| !secret.is_empty());
        secrets.fold(text, |text, secret| text.replace(secret, "(secret)"))
    };
    // Before anything is cut off, since a part of a secret is not found, and after it was read as JSON,
    // which may write it in another way.
    let body = hidden(String::from_utf8_lossy(body).into_owned());
    let text = hidden(ErrorBody::message(body.as_bytes()));
    let mut line = String::new();
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()) {
        if word.is_empty() {
            continue;
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_shapes_of_an_error_give_its_message() {
        let later = br#"{"error":{"message":"no such pool"}}"#;
        assert_eq!(of(later, &[]), "no such pool");
        let older = br#"{"error":{"code":404,"message":"T not found.","errors":[
            {"domain":"global","reason":"notFound","message":"T not found."}]}}"#;
        assert_eq!(of(older, &[]), "T not found.");
    }

    #[test]
    fn anything_else_is_told_in_one_bounded_line() {
        let html = b"<html>\r\n\t<title>502\0Bad Gateway</title>\n</html>\n";
        assert_eq!(
            of(html, &[]),
            "<html> <title>502 Bad Gateway</title> </html>"
        );
        assert_eq!(of(br#"{"error":"x"}"#, &[]), r#"{"error":"x"}"#);
        assert_eq!(of(b"", &[]), "");
        assert_eq!(of(b"\xff", &[]), "\u{fffd}");
        let long = of("é".repeat(1_000).as_bytes(), &[]);
        assert_eq!(long, "é".repeat(512));
    }

    #[test]
    fn a_secret_that_is_sent_back_is_not_repeated() {
        let body = format!(
            "{} Authorization: Bearer canary {}",
            "x".repeat(1_000),
            "y".repeat(99)
        );
        let told = of(body.as_bytes(), &["canary", ""]);
        assert!(!told.contains("can"), "{told}");
        let json = br#"{"error":{"message":"bad token can\u0061ry"}}"#;
        assert_eq!(of(json, &["canary"]), "bad token (secret)");
    }
}
