//! The public keys of an issuer, as a JSON Web Key Set has them.

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use jsonwebtoken::DecodingKey;
use jsonwebtoken::jwk::{AlgorithmParameters, Jwk, KeyAlgorithm, PublicKeyUse};
use serde::Deserialize;

/// Where the keys of an issuer come from.
#[async_trait]
pub trait KeySource: Send + Sync + fmt::Debug {
    /// The keys as they are now. Whoever implements it limits its own time, and need neither remember
    /// keys nor limit how often it is asked.
    ///
    /// # Errors
    /// If they cannot be had. Those that are known already then go on to be good for a while.
    async fn fetch(&self) -> Result<FetchedKeys, KeyError>;
}

/// Keys, and for how long one need not ask again.
#[derive(Debug, Clone)]
pub struct FetchedKeys {
    /// The keys.
    pub keys: KeySet,
    /// What the source says; it is asked again in between for a key that is not among them.
    pub good_for: Duration,
}

/// Why there are no keys; for operators.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct KeyError(pub String);

/// Public keys by their id, those for RS256.
#[derive(Clone)]
pub struct KeySet(HashMap<String, DecodingKey>);

#[derive(Deserialize)]
struct Document {
    keys: Vec<serde_json::Value>,
}

impl KeySet {
    /// Reads a JSON Web Key Set. Keys that are not for signatures with RS256, or have no id, are left
    /// out: a set may hold keys of kinds that are still to be invented.
    ///
    /// # Errors
    /// If it is no set, or there is no key in it that can be used.
    pub fn parse(json: &[u8]) -> Result<Self, KeyError> {
        let document: Document = serde_json::from_slice(json).map_err(|error| {
            // Of the wrong file nothing is quoted.
            let (line, column) = (error.line(), error.column());
            KeyError(format!(
                "not a JSON Web Key Set, at line {line} column {column}"
            ))
        })?;
        let keys: HashMap<_, _> = document.keys.into_iter().filter_map(usable).collect();
        match keys.is_empty() {
            true => Err(KeyError(
                "there is no key for RS256 in the key set (`kty` RSA, `kid`, `n`, `e`)".to_owned(),
            )),
            false => Ok(KeySet(keys)),
        }
    }

    pub(super) fn get(&self, id: &str) -> Option<DecodingKey> {
        self.0.get(id).cloned()
    }
}

impl fmt::Debug for KeySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

fn usable(key: serde_json::Value) -> Option<(String, DecodingKey)> {
    let key: Jwk = serde_json::from_value(key).ok()?;
    let is_rsa = matches!(key.algorithm, AlgorithmParameters::RSA(_));
    let usage = key.common.public_key_use.as_ref();
    let is_for_signatures = usage.is_none_or(|it| *it == PublicKeyUse::Signature);
    let algorithm = key.common.key_algorithm;
    let is_for_rs256 = algorithm.is_none_or(|it| it == KeyAlgorithm::RS256);
    if !(is_rsa && is_for_signatures && is_for_rs256) {
        return None;
    }
    let decoded = DecodingKey::from_jwk(&key).ok()?;
    Some((key.common.key_id?, decoded))
}
