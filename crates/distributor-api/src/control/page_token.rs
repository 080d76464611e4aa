//! Page tokens: where the next page of a listing begins, and of which listing. Opaque to clients.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::status::Status;

/// A listing that has two kinds of pages.
#[derive(Debug, Clone, Copy)]
pub(super) struct Listing {
    /// First byte of its tokens, its own: so that no token of another listing is one of this.
    pub(super) form: u8,
    /// The field of the request that says which kind of pages.
    pub(super) flag: &'static str,
}

impl Listing {
    /// The token of the page that begins before this number.
    pub(super) fn token(self, before: u64, flag: bool) -> String {
        let mut bytes = vec![self.form, u8::from(flag)];
        bytes.extend(before.to_be_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Where the page begins; nothing for the first one.
    pub(super) fn parse(self, token: &str, flag: bool) -> Result<Option<u64>, Status> {
        if token.is_empty() {
            return Ok(None);
        }
        let bytes = URL_SAFE_NO_PAD.decode(token).unwrap_or_default();
        let [form, kind @ 0..=1, before @ ..] = bytes.as_slice() else {
            return Err(no_token());
        };
        let before = <[u8; 8]>::try_from(before).map_err(|_| no_token())?;
        if *form != self.form {
            return Err(no_token());
        }
        if (*kind == 1) != flag {
            let flag = self.flag;
            let problem = format!(
                "it belongs to a listing with another value of `{flag}`; keep `{flag}` while you page"
            );
            return Err(Status::invalid("page_token", problem));
        }
        Ok(Some(u64::from_be_bytes(before)))
    }
}

fn no_token() -> Status {
    Status::invalid(
        "page_token",
        "it is none that this service gave; leave it empty for the first page",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const LISTING: Listing = Listing {
        form: 1,
        flag: "all",
    };

    #[test]
    fn page_tokens_survive_both_ways_and_nothing_else_is_one() {
        for before in [0, 1, u64::MAX] {
            for flag in [false, true] {
                let token = LISTING.token(before, flag);
                assert_eq!(LISTING.parse(&token, flag), Ok(Some(before)));
                let status = LISTING.parse(&token, !flag).unwrap_err();
                assert!(status.message.contains("`all`"), "{status}");
            }
        }
        assert_eq!(LISTING.parse("", true), Ok(None));
        let other_form = URL_SAFE_NO_PAD.encode([2, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
        let neither = URL_SAFE_NO_PAD.encode([1, 2, 0, 0, 0, 0, 0, 0, 0, 1]);
        let long = URL_SAFE_NO_PAD.encode([1; 11]);
        let short = URL_SAFE_NO_PAD.encode([1, 0]);
        for text in [
            "x",
            "50",
            " ",
            "é",
            "../..",
            &other_form,
            &neither,
            &long,
            &short,
        ] {
            let status = LISTING.parse(text, false).unwrap_err();
            assert!(status.message.starts_with("page_token: "), "{status}");
        }
    }
}
