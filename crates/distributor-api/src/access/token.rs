//! The text of a bearer token: `dt_<id>_<secret>`. Pure.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use distributor_core::Secret;

const PREFIX: &str = "dt_";
/// Letters and digits that no shell, file system or reader mistakes for something else.
const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
/// Characters of a token's id: 60 bits.
pub(super) const ID_LENGTH: usize = 12;
/// Bytes of a token's secret.
pub(super) const SECRET_BYTES: usize = 32;

/// The public half of a token, which is also the name of its file. Only well-formed ones exist, so
/// that no path can be smuggled in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct TokenId(String);

impl TokenId {
    /// `None` for everything but [`ID_LENGTH`] characters of [`ALPHABET`].
    pub(super) fn parse(text: &str) -> Option<Self> {
        let well_formed = text.len() == ID_LENGTH && text.bytes().all(|it| ALPHABET.contains(&it));
        well_formed.then(|| TokenId(text.to_owned()))
    }

    /// From random bytes.
    pub(super) fn from_random(bytes: [u8; ID_LENGTH]) -> Self {
        let character = |byte: u8| {
            let index = usize::from(byte) % ALPHABET.len();
            ALPHABET.get(index).map_or('a', |it| char::from(*it))
        };
        TokenId(bytes.into_iter().map(character).collect())
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Takes a token apart; `None` if it is none.
pub(super) fn parse(text: &str) -> Option<(TokenId, Secret)> {
    let rest = text.strip_prefix(PREFIX)?;
    let (id, secret) = rest.split_at_checked(ID_LENGTH)?;
    let id = TokenId::parse(id)?;
    let secret = secret.strip_prefix('_')?;
    // The decoder wants room for an estimate that exceeds the secret.
    let mut bytes = [0; SECRET_BYTES + 1];
    match URL_SAFE_NO_PAD.decode_slice(secret, &mut bytes) {
        Ok(SECRET_BYTES) => Some((id, Secret::new(bytes.get(..SECRET_BYTES)?))),
        _ => None,
    }
}

/// Joins a token's halves.
pub(super) fn text(id: &TokenId, secret: &[u8; SECRET_BYTES]) -> Secret {
    let secret = URL_SAFE_NO_PAD.encode(secret);
    Secret::new(format!("{PREFIX}{id}_{secret}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_survives_both_ways() {
        for byte in [0, 7, 255] {
            let id = TokenId::from_random([byte; ID_LENGTH]);
            let whole = text(&id, &[byte; SECRET_BYTES]);
            let whole = std::str::from_utf8(whole.expose()).unwrap();
            assert_eq!(whole.len(), 59);
            let (parsed, secret) = parse(whole).unwrap();
            assert_eq!(parsed, id);
            assert_eq!(secret.expose(), [byte; SECRET_BYTES]);
        }
    }

    #[test]
    fn what_is_no_token_is_refused() {
        let secret = URL_SAFE_NO_PAD.encode([9; SECRET_BYTES]);
        let good = format!("dt_aaaaaaaaaaaa_{secret}");
        assert!(parse(&good).is_some());
        let bad = [
            String::new(),
            "dt_".to_owned(),
            "dt_aaaaaaaaaaaa".to_owned(),
            "dt_aaaaaaaaaaaa_".to_owned(),
            good.to_uppercase(),
            format!("{good}="),
            format!("{good}A"),
            format!(" {good}"),
            format!("{good}\n"),
            good.replacen("dt_", "dt-", 1),
            format!("dt_aaaaaaaaaaa_{secret}"),
            format!("dt_aaaaaaaaaaaaa_{secret}"),
            format!("dt_../../../../_{secret}"),
            format!("dt_aaaaaaaaaaa/_{secret}"),
            format!("dt_aaaaaaaaaa\0\0_{secret}"),
            // A character that lies across the end of the id.
            format!("dt_aaaaaaaaaaaé{secret}"),
            format!("dt_aaaaaaaaaaaa_{}", "A".repeat(1 << 20)),
            // Bits beyond the last byte must be zero: one secret, one text.
            format!("dt_aaaaaaaaaaaa_{}B", "A".repeat(42)),
        ];
        for text in bad {
            assert!(parse(&text).is_none(), "{text:.80}");
        }
    }
}
