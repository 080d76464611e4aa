//! What an identity token says, and whether that is enough.

use std::time::Duration;

use distributor_core::Timestamp;
use serde::Deserialize;

/// How far the clocks of the issuer and of this machine may be apart.
const SKEW: Duration = Duration::from_secs(60);
/// The longest life that a token may have.
const MOST_LIFETIME: i64 = 60 * 60;

/// The claims that count besides those which the library checks. All times are in seconds.
#[derive(Debug, Deserialize)]
pub(super) struct Claims {
    iat: i64,
    exp: i64,
    nbf: Option<i64>,
    email: Option<String>,
    email_verified: Option<bool>,
}

impl Claims {
    /// Has the token begun, is it not over, and does it not last too long?
    pub(super) fn check_times(&self, now: Timestamp) -> Result<(), &'static str> {
        let begins = at(self.nbf.unwrap_or(self.iat).max(self.iat));
        if self.exp.saturating_sub(self.iat) > MOST_LIFETIME {
            return Err("the identity token lasts for more than an hour");
        }
        if begins > now.after(SKEW) {
            return Err("the identity token is from the future; compare the clocks");
        }
        if now > at(self.exp).after(SKEW) {
            return Err("the identity token has expired");
        }
        Ok(())
    }

    /// Is it one of these accounts?
    pub(super) fn check_account(&self, accounts: &[String]) -> Result<(), String> {
        let Some(email) = &self.email else {
            return Err("the identity token names no service account (`email`)".to_owned());
        };
        // The token is genuine, so this is what its issuer says.
        if self.email_verified != Some(true) {
            return Err(format!("the issuer has not verified that it is {email:?}"));
        }
        match accounts.contains(email) {
            true => Ok(()),
            false => Err(format!("{email:?} is not an account that pushes")),
        }
    }
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(seconds.saturating_mul(1_000_000))
}
