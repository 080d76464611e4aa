//! What every kind of token has in common: its secrets, its clock, its usual lifetime.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use distributor_core::{Clock, Error, ErrorKind, Result, Secret};

use super::format::{self, EncodeError, Fields};
use super::keyring::{Keyring, SecretSummary, TooMany};
use super::refusal::TokenRefusal;
use super::secret_file::{self, SecretError, SecretFile};

/// Signs and checks tokens of one kind.
#[derive(Debug, Clone)]
pub(super) struct SignedTokens {
    secrets: Arc<SecretFile>,
    clock: Arc<dyn Clock>,
    lifetime: Duration,
}

impl SignedTokens {
    pub(super) fn new(
        directory: PathBuf,
        name: &'static str,
        clock: Arc<dyn Clock>,
        lifetime: Duration,
    ) -> Self {
        SignedTokens {
            secrets: Arc::new(SecretFile::new(directory, name)),
            clock,
            lifetime,
        }
    }

    /// A token; with a `lifetime` of its own if it is not to be the usual one.
    pub(super) fn issue(&self, fields: Fields, lifetime: Option<Duration>) -> Result<Secret> {
        let keyring = self
            .signing(lifetime.unwrap_or(self.lifetime))
            .map_err(unavailable)?;
        self.sign(&keyring, fields, lifetime)
    }

    /// A token of the usual lifetime, if no file has to be read for it; otherwise the fields come back.
    pub(super) fn issue_at_once(&self, fields: Fields) -> Result<Result<Secret>, Fields> {
        match self.secrets.in_memory() {
            Some(keyring) if keyring.expects(self.lifetime) => {
                Ok(self.sign(&keyring, fields, None))
            }
            _ => Err(fields),
        }
    }

    /// The fields of a good token.
    pub(super) fn verify(&self, token: &str) -> Result<Fields, TokenRefusal> {
        let keyring = self
            .secrets
            .load()
            .map_err(|error| TokenRefusal::Unchecked(error.to_string()))?;
        let now = self.clock.now();
        // Where no secret was ever made, no token was signed either.
        let honoured = keyring
            .iter()
            .flat_map(|keyring| keyring.honoured(now, self.lifetime));
        format::decode(honoured, b"", token, now, self.lifetime)
    }

    /// Signs with a new secret from now on. Former ones are honoured until the last token that they
    /// signed has expired, or not at all any more. `None`, and nothing is made, if there is no secret.
    pub(super) fn rotate(&self, drop_previous: bool) -> Result<Option<SecretSummary>, SecretError> {
        if self.secrets.load()?.is_none() {
            return Ok(None);
        }
        let rotated = self.secrets.update(|found| {
            let Some(found) = found else {
                return Ok(None);
            };
            let mut keyring = found.clone();
            if drop_previous {
                keyring.drop_previous();
            }
            keyring
                .rotate(secret_file::random()?, self.clock.now(), self.lifetime)
                .map_err(|TooMany| SecretError::TooMany {
                    path: self.secrets.path().to_owned(),
                })?;
            if drop_previous {
                keyring.drop_previous();
            }
            Ok(Some(keyring))
        })?;
        Ok(rotated.map(|keyring| self.summary_of(&keyring)))
    }

    /// What may be told of the secrets; `None` if there are none.
    pub(super) fn summary(&self) -> Result<Option<SecretSummary>, SecretError> {
        let keyring = self.secrets.load()?;
        Ok(keyring.map(|keyring| self.summary_of(&keyring)))
    }

    /// The file with the secrets.
    pub(super) fn path(&self) -> &Path {
        self.secrets.path()
    }

    fn summary_of(&self, keyring: &Keyring) -> SecretSummary {
        keyring.summary(self.clock.now(), self.lifetime)
    }

    /// Secrets that know that they sign tokens which are good for `lifetime`, so that a rotation keeps
    /// them for as long. The first who asks makes them.
    fn signing(&self, lifetime: Duration) -> Result<Arc<Keyring>, SecretError> {
        if let Some(keyring) = self.secrets.load()?
            && keyring.expects(lifetime)
        {
            return Ok(keyring);
        }
        let updated = self.secrets.update(|found| match found {
            Some(found) if found.expects(lifetime) => Ok(None),
            Some(found) => {
                let mut keyring = found.clone();
                keyring.expect(lifetime);
                Ok(Some(keyring))
            }
            None => {
                let secret = secret_file::random()?;
                Ok(Some(Keyring::new(secret, self.clock.now(), lifetime)))
            }
        })?;
        updated.ok_or_else(|| SecretError::System {
            what: "find",
            path: self.secrets.path().to_owned(),
            source: std::io::ErrorKind::NotFound.into(),
        })
    }

    fn sign(
        &self,
        keyring: &Keyring,
        fields: Fields,
        lifetime: Option<Duration>,
    ) -> Result<Secret> {
        let issued = self.clock.now();
        format::encode(keyring.current(), b"", fields, issued, lifetime).map_err(invalid)
    }
}

/// Somebody can put it right, so it is worth another try.
fn unavailable(error: SecretError) -> Error {
    Error::new(ErrorKind::Unavailable, "there is no secret to sign a token")
        .transient()
        .not_applied()
        .because(error)
}

fn invalid(error: EncodeError) -> Error {
    Error::new(ErrorKind::InvalidArgument, error.to_string())
}
