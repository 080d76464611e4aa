//! One access token: checked once, hidden from then on.
//!
//! It refuses to be printed, and to hold anything that could end a header or start another one.

use std::fmt;

use http::HeaderValue;

/// Longest token, in bytes.
const MOST: usize = 16 * 1024;

/// A bearer token, and the header that carries it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct AccessToken {
    text: String,
    header: HeaderValue,
}

impl AccessToken {
    /// Checks the token. White space around it is dropped: files and programs end with a new line.
    ///
    /// # Errors
    /// What is wrong, without a part of the token.
    pub(super) fn new(text: &str) -> Result<Self, &'static str> {
        let text = text.trim_matches([' ', '\t', '\r', '\n']);
        if text.is_empty() {
            return Err("the access token is empty");
        }
        if text.len() > MOST {
            return Err("the access token is longer than 16 KiB");
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err("the access token holds a space, a control character or one outside ASCII");
        }
        let mut header = HeaderValue::try_from(format!("Bearer {text}"))
            .map_err(|_| "the access token fits into no header")?;
        header.set_sensitive(true);
        Ok(AccessToken {
            text: text.to_owned(),
            header,
        })
    }

    /// The value of the `Authorization` header; whoever prints headers does not see it.
    pub(crate) fn header(&self) -> HeaderValue {
        self.header.clone()
    }

    /// The token itself, for finding it in what others have written.
    pub(crate) fn expose(&self) -> &str {
        &self.text
    }
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccessToken(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_trimmed_and_becomes_a_bearer_header() {
        let token = AccessToken::new(" ya29.a-b_c~d+e/f==\r\n").expect("a good token");
        assert_eq!(token.header(), "Bearer ya29.a-b_c~d+e/f==");
    }

    #[test]
    fn what_could_end_a_header_is_refused_and_not_shown() {
        for text in [
            "canary\nX-Evil: 1",
            "canary\u{7f}",
            "canary\0",
            "can ary",
            "canäry",
        ] {
            let error = AccessToken::new(text).expect_err(text);
            assert!(!error.contains("can"), "{error}");
        }
        assert!(AccessToken::new("").is_err());
        assert!(AccessToken::new("\n \t").is_err());
        assert!(AccessToken::new(&"x".repeat(MOST)).is_ok());
        assert!(AccessToken::new(&"x".repeat(MOST + 1)).is_err());
    }

    #[test]
    fn debug_shows_neither_the_token_nor_the_header() {
        let token = AccessToken::new("canary").expect("a good token");
        let shown = format!("{token:?} {:?}", token.header());
        assert!(!shown.contains("canary"), "{shown}");
    }
}
