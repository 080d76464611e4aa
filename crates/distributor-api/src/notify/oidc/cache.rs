//! Remembers keys, and asks for them again: when they are old, and for a key that nobody knows.
//!
//! It refuses to ask often, whatever tokens are shown to it.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use distributor_core::{Clock, Timestamp};
use jsonwebtoken::DecodingKey;
use tokio::sync::Mutex;

use super::keys::{KeyError, KeySet, KeySource};

/// The shortest time between two questions.
const INTERVAL: Duration = Duration::from_secs(30);
/// How long keys are believed when the source does not answer.
const MOST_AGE: Duration = Duration::from_secs(24 * 60 * 60);

/// The keys of one source.
#[derive(Debug)]
pub(super) struct Keys {
    source: Arc<dyn KeySource>,
    clock: Arc<dyn Clock>,
    known: RwLock<Option<Known>>,
    /// Held while the source is asked, by one for all.
    last: Mutex<Option<Question>>,
}

#[derive(Debug, Clone)]
struct Known {
    keys: Arc<KeySet>,
    since: Timestamp,
    good_until: Timestamp,
}

/// When the source was last asked, and what it said if it had no keys.
#[derive(Debug)]
struct Question {
    at: Timestamp,
    failure: Option<KeyError>,
}

impl Keys {
    pub(super) fn new(source: Arc<dyn KeySource>, clock: Arc<dyn Clock>) -> Self {
        Keys {
            source,
            clock,
            known: RwLock::new(None),
            last: Mutex::new(None),
        }
    }

    /// The key with this id; `None` if the source has no such key.
    ///
    /// # Errors
    /// If the source has never answered, or not for [`MOST_AGE`].
    pub(super) async fn find(&self, id: &str) -> Result<Option<DecodingKey>, KeyError> {
        if let Some(key) = self.fresh(id) {
            return Ok(Some(key));
        }
        let mut last = self.last.lock().await;
        // Another one may have asked meanwhile.
        if let Some(key) = self.fresh(id) {
            return Ok(Some(key));
        }
        let now = self.clock.now();
        let may_ask = last.as_ref().is_none_or(|it| now >= it.at.after(INTERVAL));
        if may_ask {
            let failure = self.ask().await.err();
            *last = Some(Question { at: now, failure });
        }
        let failure = last.as_ref().and_then(|it| it.failure.clone());
        match self.believed() {
            // Old keys are better than none, but none of them is proof that there is no such key.
            Some(known) => match (known.keys.get(id), failure) {
                (None, Some(failure)) => Err(failure),
                (key, _) => Ok(key),
            },
            None => Err(failure.unwrap_or_else(|| KeyError("the keys are too old".to_owned()))),
        }
    }

    async fn ask(&self) -> Result<(), KeyError> {
        let fetched = self.source.fetch().await.inspect_err(|error| {
            tracing::warn!("cannot fetch the keys of the issuer of pushes: {error}");
        })?;
        let now = self.clock.now();
        let known = Known {
            keys: Arc::new(fetched.keys),
            since: now,
            good_until: now.after(fetched.good_for),
        };
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = Some(known);
        Ok(())
    }

    fn fresh(&self, id: &str) -> Option<DecodingKey> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let known = known.as_ref()?;
        let is_fresh = self.clock.now() < known.good_until;
        is_fresh.then(|| known.keys.get(id)).flatten()
    }

    fn believed(&self) -> Option<Known> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let known = known.clone()?;
        (self.clock.now() < known.since.after(MOST_AGE)).then_some(known)
    }
}
