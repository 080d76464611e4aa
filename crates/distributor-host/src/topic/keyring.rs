//! The secrets of one kind of token: one that signs, and former ones that are still honoured. Pure.
//!
//! Stored as `{"current": base64, "previous": [base64, …]}`, newest first, with facts beside them that
//! say when a former one may be dropped. It refuses to drop one earlier, unless it is told to.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use distributor_core::{Secret, Timestamp};
use serde::{Deserialize, Serialize};

use super::format::DRIFT;

/// Bytes of a secret that is made here, and fewest of one that is read.
pub(super) const SECRET_BYTES: usize = 32;
/// Most former secrets: each makes the check of a forged token longer.
pub(super) const MOST_PREVIOUS: usize = 100;

/// All secrets of one kind of token.
#[derive(Debug, Clone)]
pub(super) struct Keyring {
    current: Key,
    /// Newest first.
    previous: Vec<Key>,
}

/// A secret and what is known of it.
#[derive(Debug, Clone)]
struct Key {
    secret: Secret,
    facts: Facts,
}

/// What is known of a secret. In a file from elsewhere it may be nothing.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Facts {
    /// When it was made, in microseconds since the epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    made: Option<i64>,
    /// When it was replaced, likewise. A former secret without it is kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    replaced: Option<i64>,
    /// Longest lifetime of the tokens that it may have signed, in milliseconds.
    #[serde(default)]
    lifetime_ms: u64,
}

/// The file. No `Debug`: it is what must not be seen.
#[derive(Serialize, Deserialize)]
struct Stored {
    current: String,
    #[serde(default)]
    previous: Option<Vec<String>>,
    #[serde(default)]
    about_current: Facts,
    #[serde(default)]
    about_previous: Vec<Facts>,
}

/// What may be told of a secret and its predecessors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretSummary {
    /// When the current one was made, if that is known.
    pub made: Option<Timestamp>,
    /// How many former ones are still honoured.
    pub previous: usize,
    /// When the last of them will be dropped, if that is known.
    pub honoured_until: Option<Timestamp>,
}

/// There are too many former secrets that may not be dropped yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooMany;

impl Keyring {
    /// With a single secret.
    pub(super) fn new(secret: Secret, now: Timestamp, lifetime: Duration) -> Self {
        Keyring {
            current: Key::made(secret, now, lifetime),
            previous: Vec::new(),
        }
    }

    /// The one that signs.
    pub(super) fn current(&self) -> &Secret {
        &self.current.secret
    }

    /// Those that are honoured `now`, where tokens are good for `lifetime` unless they say otherwise.
    pub(super) fn honoured(
        &self,
        now: Timestamp,
        lifetime: Duration,
    ) -> impl Iterator<Item = &Secret> {
        let previous = self
            .previous
            .iter()
            .filter(move |key| key.is_honoured(now, lifetime));
        std::iter::once(&self.current)
            .chain(previous)
            .map(|key| &key.secret)
    }

    /// Whether it is known that tokens may be good for so long.
    pub(super) fn expects(&self, lifetime: Duration) -> bool {
        self.current.facts.lifetime_ms >= milliseconds(lifetime)
    }

    /// Takes note that tokens may be good for so long: also those of former secrets, because a token
    /// need not say its lifetime.
    pub(super) fn expect(&mut self, lifetime: Duration) {
        let lifetime = milliseconds(lifetime);
        for key in std::iter::once(&mut self.current).chain(&mut self.previous) {
            key.facts.lifetime_ms = key.facts.lifetime_ms.max(lifetime);
        }
    }

    /// `secret` signs from now on. Former ones whose tokens have all expired are dropped.
    pub(super) fn rotate(
        &mut self,
        secret: Secret,
        now: Timestamp,
        lifetime: Duration,
    ) -> Result<(), TooMany> {
        let mut previous = self.previous.clone();
        // One of unknown age begins to age now.
        for key in &mut previous {
            key.facts.replaced.get_or_insert(now.as_micros());
        }
        previous.retain(|key| key.is_honoured(now, lifetime));
        if previous.len() >= MOST_PREVIOUS {
            return Err(TooMany);
        }
        let mut old = std::mem::replace(&mut self.current, Key::made(secret, now, lifetime));
        old.facts.replaced = Some(now.as_micros());
        previous.insert(0, old);
        self.previous = previous;
        // What is known of lifetimes may be less than what this process uses.
        self.expect(lifetime);
        Ok(())
    }

    /// Drops all former secrets: the tokens that they signed are worthless from now on.
    pub(super) fn drop_previous(&mut self) {
        self.previous.clear();
    }

    /// What may be told.
    pub(super) fn summary(&self, now: Timestamp, lifetime: Duration) -> SecretSummary {
        let honoured = self
            .previous
            .iter()
            .filter(|key| key.is_honoured(now, lifetime));
        let ends: Vec<Option<Timestamp>> = honoured.map(|key| key.end(lifetime)).collect();
        let known: Option<Vec<Timestamp>> = ends.iter().copied().collect();
        SecretSummary {
            made: self.current.facts.made.map(Timestamp::from_micros),
            previous: ends.len(),
            honoured_until: known.and_then(|ends| ends.into_iter().max()),
        }
    }

    /// Reads the stored form. The problem that it reports quotes nothing of it.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, String> {
        let stored: Stored = serde_json::from_slice(bytes).map_err(|error| {
            // What the parser says may quote the file.
            format!(
                "line {}, column {}: not the JSON object {{\"current\": BASE64, \"previous\": [BASE64, …]}}",
                error.line(),
                error.column()
            )
        })?;
        let mut facts = stored.about_previous.into_iter();
        let mut previous = Vec::new();
        for (index, text) in stored.previous.iter().flatten().enumerate() {
            previous.push(Key {
                secret: secret(&format!("previous[{index}]"), text)?,
                facts: facts.next().unwrap_or_default(),
            });
        }
        Ok(Keyring {
            current: Key {
                secret: secret("current", &stored.current)?,
                facts: stored.about_current,
            },
            previous,
        })
    }

    /// The stored form.
    pub(super) fn to_bytes(&self) -> Result<Secret, String> {
        let text = |key: &Key| STANDARD.encode(key.secret.expose());
        let stored = Stored {
            current: text(&self.current),
            previous: Some(self.previous.iter().map(text).collect()),
            about_current: self.current.facts.clone(),
            about_previous: self.previous.iter().map(|key| key.facts.clone()).collect(),
        };
        let mut bytes = serde_json::to_vec_pretty(&stored).map_err(|error| error.to_string())?;
        bytes.push(b'\n');
        Ok(Secret::new(bytes))
    }
}

impl Key {
    fn made(secret: Secret, now: Timestamp, lifetime: Duration) -> Self {
        Key {
            secret,
            facts: Facts {
                made: Some(now.as_micros()),
                replaced: None,
                lifetime_ms: milliseconds(lifetime),
            },
        }
    }

    /// When the last token that it signed expires, also by a clock that is behind.
    fn end(&self, lifetime: Duration) -> Option<Timestamp> {
        let lifetime = lifetime.max(Duration::from_millis(self.facts.lifetime_ms));
        let replaced = Timestamp::from_micros(self.facts.replaced?);
        Some(replaced.after(lifetime.saturating_add(DRIFT)))
    }

    fn is_honoured(&self, now: Timestamp, lifetime: Duration) -> bool {
        self.end(lifetime).is_none_or(|end| now <= end)
    }
}

fn secret(field: &str, text: &str) -> Result<Secret, String> {
    let bytes = STANDARD
        .decode(text)
        .map_err(|_| format!("`{field}` is not base64"))?;
    if bytes.len() < SECRET_BYTES {
        return Err(format!(
            "`{field}` has {} bytes, and a secret has at least {SECRET_BYTES}",
            bytes.len()
        ));
    }
    Ok(Secret::new(bytes))
}

fn milliseconds(duration: Duration) -> u64 {
    // Rounded up: a secret is never dropped early.
    u64::try_from(duration.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}
