//! Who pushes: the identity token (OIDC, a JWT) that Pub/Sub adds to each push of a subscription that
//! is configured so (`pubsub.md`, section 4).
//!
//! * [`PushCallers`]: the checks, all of them.
//! * [`KeySource`], [`KeySet`]: the issuer's public keys, wherever they come from.
//!
//! It proves that a message came through our subscription. It refuses to say whether its publisher may
//! say what it says: that is the topic token's task.

mod cache;
mod claims;
mod file;
mod keys;
mod signature;

use std::sync::Arc;

use distributor_core::Clock;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, Validation};

use cache::Keys;
use claims::Claims;

pub use file::KeyFile;
pub use keys::{FetchedKeys, KeyError, KeySet, KeySource};

/// How Google names itself as an issuer.
pub const GOOGLE_ISSUERS: [&str; 2] = ["https://accounts.google.com", "accounts.google.com"];

/// Which pushes are let in.
#[derive(Debug, Clone)]
pub struct PushCallersSettings {
    /// Whose tokens are believed: one of these must be the claim `iss`.
    pub issuers: Vec<String>,
    /// For whom a token must be meant: one of these must be in the claim `aud`.
    pub audiences: Vec<String>,
    /// The service accounts that push: one of these must be the claim `email`.
    pub accounts: Vec<String>,
}

/// The settings let everybody or nobody in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{field}: give at least one")]
pub struct PushCallersError {
    /// The list that is empty.
    pub field: &'static str,
}

/// Why a push is not let in. Never holds the token, nor anything from a token that is not genuine.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PushRefusal {
    /// There is no token, or it is not good (401).
    #[error("{0}")]
    Unauthenticated(String),
    /// The token is genuine, and somebody else's (403).
    #[error("{0}")]
    WrongCaller(String),
    /// The keys that it takes to tell cannot be had for the moment (503).
    #[error("cannot check who pushes: {0}")]
    Unavailable(#[from] KeyError),
}

/// Checks who pushes.
#[derive(Debug)]
pub struct PushCallers {
    validation: Validation,
    accounts: Vec<String>,
    keys: Keys,
    clock: Arc<dyn Clock>,
}

impl PushCallers {
    /// With the keys of `source`.
    ///
    /// # Errors
    /// If one of the lists is empty.
    pub fn new(
        settings: PushCallersSettings,
        source: Arc<dyn KeySource>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, PushCallersError> {
        let PushCallersSettings {
            issuers,
            audiences,
            accounts,
        } = settings;
        let lists = [
            ("issuers", &issuers),
            ("audiences", &audiences),
            ("accounts", &accounts),
        ];
        if let Some((field, _)) = lists.into_iter().find(|(_, list)| list.is_empty()) {
            return Err(PushCallersError { field });
        }
        signature::install();
        let mut validation = Validation::new(Algorithm::RS256);
        validation.set_required_spec_claims(&["exp", "iss", "aud"]);
        validation.set_issuer(&issuers);
        validation.set_audience(&audiences);
        // By the wall clock; ours decides (see `Claims::check_times`).
        validation.validate_exp = false;
        Ok(PushCallers {
            validation,
            accounts,
            keys: Keys::new(source, clock.clone()),
            clock,
        })
    }

    /// Is a request with these values of the header `Authorization` a push that is let in?
    ///
    /// # Errors
    /// If not, or if that cannot be found out now. All make Pub/Sub send it again.
    pub async fn check(&self, authorization: &[&[u8]]) -> Result<(), PushRefusal> {
        let token = bearer(authorization)?;
        let header = jsonwebtoken::decode_header(token).map_err(|_| refused(NO_TOKEN))?;
        if header.alg != Algorithm::RS256 {
            return Err(refused("the identity token is not signed with RS256"));
        }
        if header.crit.is_some() {
            return Err(refused(
                "the identity token has a critical header that nobody here knows",
            ));
        }
        let id = header
            .kid
            .ok_or_else(|| refused("the identity token does not say which key has signed it"))?;
        let key = self.keys.find(&id).await?.ok_or_else(|| {
            refused("the identity token is signed with a key that its issuer does not have")
        })?;
        let decoded = jsonwebtoken::decode::<Claims>(token, &key, &self.validation);
        let claims = decoded
            .map_err(|error| refused(reason(error.kind())))?
            .claims;
        claims.check_times(self.clock.now()).map_err(refused)?;
        claims
            .check_account(&self.accounts)
            .map_err(PushRefusal::WrongCaller)
    }
}

const NO_TOKEN: &str = "the header Authorization has no identity token (JWT)";

fn bearer<'a>(authorization: &[&'a [u8]]) -> Result<&'a str, PushRefusal> {
    let [value] = authorization else {
        return Err(refused(match authorization.is_empty() {
            true => "there is no header Authorization; configure the subscription to authenticate",
            false => "there is more than one header Authorization",
        }));
    };
    let text = std::str::from_utf8(value).ok();
    let parts = text.and_then(|it| it.trim().split_once(' '));
    match parts {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Ok(token.trim()),
        _ => Err(refused("the header Authorization is not `Bearer TOKEN`")),
    }
}

fn refused(reason: impl Into<String>) -> PushRefusal {
    PushRefusal::Unauthenticated(reason.into())
}

/// In our own words: those of the library may quote the token.
fn reason(error: &ErrorKind) -> String {
    match error {
        ErrorKind::InvalidSignature => "the signature of the identity token is wrong".to_owned(),
        ErrorKind::InvalidIssuer => "the identity token is from another issuer".to_owned(),
        ErrorKind::InvalidAudience => "the identity token is for another audience".to_owned(),
        ErrorKind::MissingRequiredClaim(claim) => format!("the identity token has no `{claim}`"),
        ErrorKind::Json(_) => {
            "a claim of the identity token is missing or not what it should be".to_owned()
        }
        _ => NO_TOKEN.to_owned(),
    }
}

#[cfg(test)]
mod tests;
