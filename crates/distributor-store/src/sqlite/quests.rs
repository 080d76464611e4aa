//! From quest ids to keys.
//!
//! Ids are random: an index over them would have one page written for nearly every new quest,
//! which costs more than all other writes of a quest's life together. So new ones are only kept
//! in memory ([`Recent`], which is read back from the quests themselves at start) until there are
//! enough of them to join the index in one sorted run.

use std::collections::{BTreeMap, HashMap};

use distributor_core::QuestId;
use rusqlite::{Connection, OptionalExtension, params};

use super::cache::{Shared, read_lock};
use crate::Result;

/// Keys of quests that are not in the index.
pub(super) type Recent = HashMap<QuestId, i64>;

/// So many recent quests are moved to the index.
#[cfg(not(test))]
pub(super) const MOST_RECENT: usize = 16 * 1024;
/// Few, so that the tests move them often.
#[cfg(test)]
pub(super) const MOST_RECENT: usize = 4;

/// Reads the recent quests from the file.
pub(super) fn load_recent(connection: &Connection) -> Result<Recent> {
    let mut select = connection.prepare_cached(
        "SELECT id, key FROM quests WHERE key > (SELECT quests_indexed FROM counters)",
    )?;
    let rows = select.query_map([], |row| {
        Ok((QuestId::from_bytes(row.get(0)?), row.get(1)?))
    })?;
    Ok(rows.collect::<rusqlite::Result<Recent>>()?)
}

/// The key of an indexed quest.
pub(super) fn find_indexed(connection: &Connection, id: &QuestId) -> Result<Option<i64>> {
    let mut select = connection.prepare_cached(
        "SELECT quests.key
         FROM quest_index CROSS JOIN quests ON quests.key = quest_index.quest
         WHERE quest_index.prefix = ?1 AND quests.id = ?2",
    )?;
    let key = select
        .query_row(params![prefix(id), id.as_bytes()], |row| row.get(0))
        .optional()?;
    Ok(key)
}

/// Moves quests to the index.
pub(super) fn index(connection: &Connection, recent: &Recent) -> Result<()> {
    let mut sorted: Vec<_> = recent.iter().map(|(id, key)| (prefix(id), *key)).collect();
    sorted.sort_unstable();
    let mut insert =
        connection.prepare_cached("INSERT INTO quest_index (prefix, quest) VALUES (?1, ?2)")?;
    for (prefix, key) in sorted {
        insert.execute([prefix, key])?;
    }
    Ok(())
}

/// Removes a quest from the index, if it is there.
pub(super) fn remove_indexed(connection: &Connection, id: &QuestId, key: i64) -> Result<()> {
    connection
        .prepare_cached("DELETE FROM quest_index WHERE prefix = ?1 AND quest = ?2")?
        .execute([prefix(id), key])?;
    Ok(())
}

/// The first 48 bits: enough to tell ids apart nearly always, and short.
fn prefix(id: &QuestId) -> i64 {
    let [a, b, c, d, e, f, ..] = *id.as_bytes();
    i64::from_be_bytes([0, 0, a, b, c, d, e, f])
}

/// Characters of an id's text, sorted, each with its value.
fn alphabet() -> BTreeMap<char, u8> {
    let characters = ('A'..='Z').chain('a'..='z').chain('0'..='9');
    characters.chain(['-', '_']).zip(0..).collect()
}

/// Ids whose text starts with a prefix.
pub(super) struct PrefixSearch<'a> {
    pub(super) connection: &'a Connection,
    pub(super) recent: RecentIds<'a>,
    pub(super) limit: usize,
}

/// Where the recent quests are found.
pub(super) enum RecentIds<'a> {
    Shared(&'a Shared),
    Loaded(&'a Recent),
}

impl PrefixSearch<'_> {
    /// The first ones in the order of their text, which is not the order of their bytes.
    pub(super) fn run(&self, text: &str) -> Result<Vec<QuestId>> {
        let alphabet = alphabet();
        let mut found = Vec::new();
        let values: Option<Vec<u8>> = text.chars().map(|c| alphabet.get(&c).copied()).collect();
        match values {
            Some(mut values) if values.len() < 43 => {
                self.descend(&alphabet, &mut values, &mut found)?;
            }
            _ => {
                if let Ok(id) = text.parse()
                    && self.in_range(id, id)?.contains(&id)
                {
                    found.push(id);
                }
            }
        }
        found.truncate(self.limit);
        Ok(found)
    }

    fn descend(
        &self,
        alphabet: &BTreeMap<char, u8>,
        values: &mut Vec<u8>,
        found: &mut Vec<QuestId>,
    ) -> Result<()> {
        if found.len() >= self.limit {
            return Ok(());
        }
        let (low, high) = range(values);
        let mut ids = self.in_range(low, high)?;
        // 42 characters leave 4 bits, so the first case holds at the latest then.
        if ids.len() as i64 <= MOST_SORTED {
            ids.sort_by_cached_key(ToString::to_string);
            ids.dedup();
            found.append(&mut ids);
            return Ok(());
        }
        for value in alphabet.values() {
            values.push(*value);
            self.descend(alphabet, values, found)?;
            values.pop();
        }
        Ok(())
    }

    /// Those between two ids; not all of them, but more than [`MOST_SORTED`], if there are more.
    fn in_range(&self, low: QuestId, high: QuestId) -> Result<Vec<QuestId>> {
        let recent = |recent: &Recent| -> Vec<QuestId> {
            let ids = recent.keys().filter(|id| (low..=high).contains(id));
            ids.copied().collect()
        };
        let mut found = match &self.recent {
            RecentIds::Loaded(loaded) => recent(loaded),
            RecentIds::Shared(shared) => match &shared.recent {
                Some(shared) => recent(&read_lock(shared)),
                None => Vec::new(),
            },
        };
        let mut select = self.connection.prepare_cached(
            "SELECT quests.id
             FROM quest_index CROSS JOIN quests ON quests.key = quest_index.quest
             WHERE quest_index.prefix BETWEEN ?1 AND ?2 AND quests.id BETWEEN ?3 AND ?4
             LIMIT ?5",
        )?;
        let rows = select.query_map(
            params![
                prefix(&low),
                prefix(&high),
                low.as_bytes(),
                high.as_bytes(),
                MOST_SORTED + 1
            ],
            |row| row.get(0).map(QuestId::from_bytes),
        )?;
        for id in rows {
            found.push(id?);
        }
        found.sort_unstable();
        found.dedup();
        Ok(found)
    }
}

/// So many ids are loaded and sorted at once.
const MOST_SORTED: i64 = if cfg!(test) { 16 } else { 1024 };

/// The smallest and the largest id whose text starts with these characters, at most 42.
fn range(values: &[u8]) -> (QuestId, QuestId) {
    let mut low = [0u8; 32];
    let mut high = [0xffu8; 32];
    for (position, value) in values.iter().enumerate() {
        for bit in 0..6 {
            let place = position * 6 + bit;
            let mask = 0x80 >> (place % 8);
            if value & (0x20 >> bit) == 0 {
                high[place / 8] &= !mask;
            } else {
                low[place / 8] |= mask;
            }
        }
    }
    (QuestId::from_bytes(low), QuestId::from_bytes(high))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_holds_exactly_what_starts_with_the_text() {
        let alphabet = alphabet();
        let id: QuestId = "1258phYs8GW6qM5AQopQ_L3A5cZhO7iaYQZyFkNusVw"
            .parse()
            .expect("an id");
        for length in 0..=42 {
            let text = &id.to_string()[..length];
            let values: Vec<u8> = text.chars().map(|c| alphabet[&c]).collect();
            let (low, high) = range(&values);
            assert!((low..=high).contains(&id), "{text}");
            assert!(low.to_string().starts_with(text), "{text}");
            assert!(high.to_string().starts_with(text), "{text}");
        }
    }

    #[test]
    fn the_alphabet_is_sorted_as_text_is() {
        let text: String = alphabet().into_keys().collect();
        assert_eq!(text.len(), 64);
        assert!(text.starts_with("-0") && text.ends_with('z'));
    }
}
