//! The bytes of a token, in the format of the LUCI server library. Pure: no clock, no files.
//!
//! ```text
//! token = base64url( version || public || mac ), without padding
//! mac   = HMAC-SHA256( secret, chunk(version) || chunk(public) [ || chunk(state) ] )
//! chunk = length in decimal || line feed || bytes
//! ```
//!
//! `public` is a JSON object of strings, readable by whoever holds the token. Nothing here knows what
//! its fields mean, except for those that begin with `_`.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::DecodeError;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use distributor_core::{Secret, Timestamp};
use distributor_proto::normalize_object;
use hmac::digest::InvalidLength;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::refusal::TokenRefusal;

/// How far a token may come from the future, because clocks differ.
pub(super) const DRIFT: Duration = Duration::from_secs(30);

/// The fields that a token embeds.
pub(super) type Fields = BTreeMap<String, String>;

const VERSION: u8 = 1;
const MAC_BYTES: usize = 32;
/// A version, at least one byte, and a MAC.
const SHORTEST: usize = 1 + 1 + MAC_BYTES;
/// The text of [`SHORTEST`] bytes.
const SHORTEST_TEXT: usize = (SHORTEST * 8).div_ceil(6);
/// Longest text that is looked at, in bytes. An attribute of Pub/Sub carries 1024.
pub(super) const LONGEST_TEXT: usize = 16 * 1024;
/// When it was issued, in milliseconds since the epoch.
const ISSUED: &str = "_i";
/// How many milliseconds it is good, if not as long as others of its kind.
const LIFETIME: &str = "_x";

/// Why there is no token for these fields.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum EncodeError {
    #[error("a token cannot embed a field without a name")]
    EmptyKey,
    #[error("a token cannot embed `{0}`: names that begin with `_` are reserved")]
    Reserved(String),
    #[error("a token cannot be good for longer than {} ms", i64::MAX)]
    Lifetime,
    #[error("a token cannot be issued before 1970")]
    Issued,
    #[error("the fields of a token cannot be written")]
    Unwritable,
    #[error("the secret cannot sign")]
    Secret,
}

/// Makes a token. `state` is bound to it but not embedded; `lifetime` is embedded, and replaces
/// the usual one of its kind.
pub(super) fn encode(
    secret: &Secret,
    state: &[u8],
    mut fields: Fields,
    issued: Timestamp,
    lifetime: Option<Duration>,
) -> Result<Secret, EncodeError> {
    for key in fields.keys() {
        match key.as_bytes() {
            [] => return Err(EncodeError::EmptyKey),
            [b'_', ..] => return Err(EncodeError::Reserved(key.clone())),
            _ => {}
        }
    }
    let issued = u64::try_from(milliseconds(issued)).map_err(|_| EncodeError::Issued)?;
    fields.insert(ISSUED.to_owned(), issued.to_string());
    if let Some(lifetime) = lifetime {
        let lifetime = i64::try_from(lifetime.as_millis()).map_err(|_| EncodeError::Lifetime)?;
        fields.insert(LIFETIME.to_owned(), lifetime.to_string());
    }
    let public = serde_json::to_string(&fields).map_err(|_| EncodeError::Unwritable)?;
    let public = normalize_object(&public).map_err(|_| EncodeError::Unwritable)?;
    sign(secret, VERSION, public.as_bytes(), state)
}

/// Joins version, fields and MAC.
pub(super) fn sign(
    secret: &Secret,
    version: u8,
    public: &[u8],
    state: &[u8],
) -> Result<Secret, EncodeError> {
    let mac = mac(secret, version, public, state).map_err(|_| EncodeError::Secret)?;
    let mut bytes = vec![version];
    bytes.extend_from_slice(public);
    bytes.extend_from_slice(&mac.finalize().into_bytes());
    Ok(Secret::new(URL_SAFE_NO_PAD.encode(bytes)))
}

/// The fields of a token that one of `secrets` signed for `state` and that is in time `now`, without
/// those that begin with `_`. `lifetime` counts for tokens that do not say their own.
///
/// The order of the checks is part of the format: nothing of a token is believed, not even its
/// version, before its MAC is right.
pub(super) fn decode<'a>(
    secrets: impl IntoIterator<Item = &'a Secret>,
    state: &[u8],
    token: &str,
    now: Timestamp,
    lifetime: Duration,
) -> Result<Fields, TokenRefusal> {
    if token.len() > LONGEST_TEXT {
        return Err(TokenRefusal::TooLarge);
    }
    let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|error| match error {
        // Cut off within a byte: that it is short says more.
        DecodeError::InvalidLastSymbol(..) if token.len() < SHORTEST_TEXT => TokenRefusal::TooSmall,
        _ => TokenRefusal::Encoding,
    })?;
    if bytes.len() < SHORTEST {
        return Err(TokenRefusal::TooSmall);
    }
    let (signed, tag) = bytes
        .split_last_chunk::<MAC_BYTES>()
        .ok_or(TokenRefusal::TooSmall)?;
    let (&version, public) = signed.split_first().ok_or(TokenRefusal::TooSmall)?;
    let genuine = secrets.into_iter().any(|secret| {
        // Takes the same time wherever the difference is.
        mac(secret, version, public, state).is_ok_and(|mac| mac.verify(tag.into()).is_ok())
    });
    if !genuine {
        return Err(TokenRefusal::BadMac);
    }
    if version != VERSION {
        return Err(TokenRefusal::BadVersion);
    }
    let mut fields: Fields = serde_json::from_slice(public).map_err(|_| TokenRefusal::Malformed)?;
    check_time(&mut fields, now, lifetime)?;
    Ok(fields)
}

/// Takes out the fields about time.
fn check_time(fields: &mut Fields, now: Timestamp, lifetime: Duration) -> Result<(), TokenRefusal> {
    let now = milliseconds(now);
    let issued = fields.remove(ISSUED).ok_or(TokenRefusal::Missing(ISSUED))?;
    let issued = integer(&issued).ok_or(TokenRefusal::Number(ISSUED))?;
    if issued > now.saturating_add(whole(DRIFT)) {
        return Err(TokenRefusal::Future);
    }
    let lifetime = match fields.remove(LIFETIME) {
        Some(own) => integer(&own).ok_or(TokenRefusal::Number(LIFETIME))?,
        None => whole(lifetime),
    };
    if lifetime < 0 {
        return Err(TokenRefusal::Lifetime);
    }
    if now > issued.saturating_add(lifetime) {
        return Err(TokenRefusal::Expired);
    }
    Ok(())
}

/// HMAC takes keys of any length, so the error never happens.
fn mac(
    secret: &Secret,
    version: u8,
    public: &[u8],
    state: &[u8],
) -> Result<Hmac<Sha256>, InvalidLength> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.expose())?;
    let mut chunk = |bytes: &[u8]| {
        mac.update(bytes.len().to_string().as_bytes());
        mac.update(b"\n");
        mac.update(bytes);
    };
    chunk(&[version]);
    chunk(public);
    if !state.is_empty() {
        chunk(state);
    }
    Ok(mac)
}

/// A field that must be a number of 32 bits: digits and nothing else.
pub(super) fn number(fields: &Fields, key: &'static str) -> Result<u32, TokenRefusal> {
    let text = field(fields, key)?;
    match text.bytes().all(|byte| byte.is_ascii_digit()) {
        true => text.parse().map_err(|_| TokenRefusal::Number(key)),
        false => Err(TokenRefusal::Number(key)),
    }
}

/// A field that must be there.
pub(super) fn field<'a>(fields: &'a Fields, key: &'static str) -> Result<&'a str, TokenRefusal> {
    let text = fields.get(key).ok_or(TokenRefusal::Missing(key))?;
    Ok(text)
}

/// Digits, with a minus sign if need be, and nothing else: the parser alone would take a plus sign.
fn integer(text: &str) -> Option<i64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let only_digits = digits.bytes().all(|byte| byte.is_ascii_digit());
    only_digits.then(|| text.parse().ok()).flatten()
}

fn milliseconds(time: Timestamp) -> i64 {
    time.as_micros().div_euclid(1_000)
}

fn whole(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
