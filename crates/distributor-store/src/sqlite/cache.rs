//! What is remembered between calls, all of it bounded, none of it needed: the file alone tells
//! the same.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use distributor_core::ConfigSnapshot;
use rusqlite::{Connection, OptionalExtension, params};

use super::quests::Recent;
use crate::{Result, StoreError};

/// What the writer and all readers of a store share.
pub(super) struct Shared {
    /// Quests that are not in the index yet. None in a process that does not write, which has to
    /// look into the file each time.
    pub(super) recent: Option<RwLock<Recent>>,
    names: Mutex<Interner<str>>,
    snapshots: Mutex<Interner<ConfigSnapshot>>,
}

impl Shared {
    pub(super) fn new(recent: Option<Recent>) -> Self {
        Shared {
            recent: recent.map(RwLock::new),
            names: Mutex::default(),
            snapshots: Mutex::default(),
        }
    }

    /// Forgets what a transaction that failed may have added.
    pub(super) fn forget_interned(&self) {
        *lock(&self.names) = Interner::default();
        *lock(&self.snapshots) = Interner::default();
    }

    /// The configuration name with this key.
    pub(super) fn name(&self, connection: &Connection, key: i64) -> Result<Arc<str>> {
        let known = lock(&self.names).value(key);
        if let Some(name) = known {
            return Ok(name);
        }
        let name: Arc<str> = connection
            .prepare_cached("SELECT name FROM config_names WHERE key = ?1")?
            .query_row([key], |row| row.get::<_, String>(0))
            .optional()?
            .ok_or_else(|| missing("configuration name", key))?
            .into();
        lock(&self.names).remember(&name, key);
        Ok(name)
    }

    /// The key of a configuration name, which is stored if it is new.
    pub(super) fn name_key(&self, connection: &Connection, name: &Arc<str>) -> Result<i64> {
        let known = lock(&self.names).key(name);
        if let Some(key) = known {
            return Ok(key);
        }
        connection
            .prepare_cached("INSERT OR IGNORE INTO config_names (name) VALUES (?1)")?
            .execute([name.as_ref()])?;
        let key = connection
            .prepare_cached("SELECT key FROM config_names WHERE name = ?1")?
            .query_row([name.as_ref()], |row| row.get(0))?;
        lock(&self.names).remember(name, key);
        Ok(key)
    }

    /// The configuration snapshot with this key.
    pub(super) fn snapshot(
        &self,
        connection: &Connection,
        key: u64,
    ) -> Result<Arc<ConfigSnapshot>> {
        let key = super::error::integer(key)?;
        let known = lock(&self.snapshots).value(key);
        if let Some(snapshot) = known {
            return Ok(snapshot);
        }
        let snapshot = connection
            .prepare_cached(
                "SELECT name, version, config_type, content, dm_host
                 FROM config_snapshots WHERE key = ?1",
            )?
            .query_row([key], |row| {
                Ok(ConfigSnapshot {
                    name: row.get(0)?,
                    version: row.get(1)?,
                    config_type: row.get(2)?,
                    content: row.get(3)?,
                    dm_host: row.get(4)?,
                })
            })
            .optional()?
            .ok_or_else(|| missing("configuration snapshot", key))?;
        let snapshot = Arc::new(snapshot);
        lock(&self.snapshots).remember(&snapshot, key);
        Ok(snapshot)
    }

    /// The key of a configuration snapshot, which is stored if it is new.
    pub(super) fn snapshot_key(
        &self,
        connection: &Connection,
        snapshot: &Arc<ConfigSnapshot>,
    ) -> Result<u64> {
        let known = lock(&self.snapshots).key(snapshot);
        if let Some(key) = known {
            return Ok(key.unsigned_abs());
        }
        let values = params![
            snapshot.name,
            snapshot.version,
            snapshot.config_type,
            snapshot.content,
            snapshot.dm_host
        ];
        let stored = connection
            .prepare_cached(
                "SELECT key FROM config_snapshots WHERE name = ?1 AND version = ?2
                 AND config_type = ?3 AND content = ?4 AND dm_host = ?5",
            )?
            .query_row(values, |row| row.get(0))
            .optional()?;
        let key: i64 = match stored {
            Some(key) => key,
            None => {
                connection
                    .prepare_cached(
                        "INSERT INTO config_snapshots
                         (name, version, config_type, content, dm_host) VALUES (?1, ?2, ?3, ?4, ?5)",
                    )?
                    .execute(values)?;
                connection.last_insert_rowid()
            }
        };
        lock(&self.snapshots).remember(snapshot, key);
        Ok(key.unsigned_abs())
    }
}

fn missing(what: &str, key: i64) -> StoreError {
    StoreError::Damaged {
        what: format!("{what} {key}"),
        detail: "something refers to it, and it is not there".to_owned(),
    }
}

/// For a look at the recent quests.
pub(super) fn read_lock(recent: &RwLock<Recent>) -> RwLockReadGuard<'_, Recent> {
    recent.read().unwrap_or_else(PoisonError::into_inner)
}

/// For a change of the recent quests.
pub(super) fn write_lock(recent: &RwLock<Recent>) -> RwLockWriteGuard<'_, Recent> {
    recent.write().unwrap_or_else(PoisonError::into_inner)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Few values that many records share, and their keys.
struct Interner<T: ?Sized> {
    last: Option<(Arc<T>, i64)>,
    keys: HashMap<Arc<T>, i64>,
    values: HashMap<i64, Arc<T>>,
}

impl<T: ?Sized> Default for Interner<T> {
    fn default() -> Self {
        Interner {
            last: None,
            keys: HashMap::new(),
            values: HashMap::new(),
        }
    }
}

impl<T: ?Sized + Eq + Hash> Interner<T> {
    const LARGEST: usize = 1024;

    fn value(&self, key: i64) -> Option<Arc<T>> {
        self.values.get(&key).cloned()
    }

    fn key(&mut self, value: &Arc<T>) -> Option<i64> {
        if let Some((last, key)) = &self.last
            && Arc::ptr_eq(last, value)
        {
            return Some(*key);
        }
        let key = *self.keys.get(value)?;
        self.last = Some((value.clone(), key));
        Some(key)
    }

    fn remember(&mut self, value: &Arc<T>, key: i64) {
        if self.values.len() >= Self::LARGEST {
            *self = Self::default();
        }
        self.keys.insert(value.clone(), key);
        self.values.insert(key, value.clone());
    }
}

/// A map that forgets what was not used for long: once the young half is full it becomes the old
/// one, and the former old one goes.
pub(super) struct Generations<K, V> {
    young: HashMap<K, V>,
    old: HashMap<K, V>,
    half: usize,
}

impl<K: Eq + Hash, V> Generations<K, V> {
    /// Holds at least `half` entries, and at most twice as many.
    pub(super) fn new(half: usize) -> Self {
        Generations {
            young: HashMap::new(),
            old: HashMap::new(),
            half,
        }
    }

    pub(super) fn get(&mut self, key: &K) -> Option<&V> {
        if !self.young.contains_key(key) {
            let (key, value) = self.old.remove_entry(key)?;
            self.insert(key, value);
        }
        self.young.get(key)
    }

    pub(super) fn insert(&mut self, key: K, value: V) {
        if self.young.len() >= self.half {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, value);
    }

    pub(super) fn clear(&mut self) {
        self.young.clear();
        self.old.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::Generations;

    #[test]
    fn generations_keep_what_is_used_and_stay_bounded() {
        let mut cache = Generations::new(4);
        cache.insert(0, "kept");
        for number in 1..100 {
            assert_eq!(cache.get(&0), Some(&"kept"), "after {number}");
            cache.insert(number, "other");
            assert!(cache.young.len() + cache.old.len() <= 8);
        }
        assert_eq!(cache.get(&1), None);
    }

    #[test]
    fn a_newer_entry_hides_an_older_one() {
        let mut cache = Generations::new(1);
        cache.insert(1, "old");
        cache.insert(2, "other");
        cache.insert(1, "new");
        assert_eq!(cache.get(&1), Some(&"new"));
    }
}
