//! The `result` of EnsureGraphData: what there was before the call.

use std::collections::{BTreeMap, HashSet};

use distributor_core::{AttemptId, QuestId};
use distributor_host::driver::{Ensured, GraphAnswer};
use distributor_proto::dm;
use distributor_proto::dm::attempt::Partial;
use distributor_proto::dm::attempt::partial;
use distributor_store::records::AttemptRecord;
use distributor_store::{Result, Store};
use prost::Message;

use crate::walk::limiter::SizeLimiter;
use crate::walk::view;

/// Records that are in memory at once.
const CHUNK: usize = 64;
/// Room for all that is not a result object, in bytes.
const ROOM: usize = 32 << 20;

/// Builds a result.
#[derive(Debug)]
pub(super) struct Before {
    new_quests: HashSet<QuestId>,
    /// Sorted.
    attempts: Vec<Ensured>,
    include_result: bool,
    objects: SizeLimiter,
    room: Option<usize>,
    quests: BTreeMap<QuestId, dm::Quest>,
}

impl Before {
    /// `max_data_size` bounds the sum of the sizes of the result objects, in bytes.
    pub(super) fn new(answer: GraphAnswer, include_result: bool, max_data_size: u32) -> Self {
        Before {
            new_quests: answer.new_quests,
            attempts: answer.attempts,
            include_result,
            objects: SizeLimiter::new(max_data_size),
            room: Some(ROOM),
            quests: BTreeMap::new(),
        }
    }

    /// Blocking. What existed before the call is shown as it is stored now.
    pub(super) fn read(mut self, store: &dyn Store) -> Result<dm::GraphData> {
        let attempts = std::mem::take(&mut self.attempts);
        let mut known = Vec::new();
        for ensured in &attempts {
            let quest = ensured.id.quest;
            let is_new = self.new_quests.contains(&quest);
            let entry = self.quests.entry(quest).or_insert_with(|| {
                if !is_new {
                    known.push(quest);
                }
                dm::Quest {
                    dne: is_new,
                    partial: !is_new,
                    ..Default::default()
                }
            });
            let attempt = dm::Attempt {
                dne: !ensured.existed,
                ..Default::default()
            };
            entry.attempts.insert(ensured.id.number, attempt);
        }
        for chunk in known.chunks(CHUNK) {
            self.read_quests(store, chunk)?;
        }
        let existing = attempts.iter().filter(|ensured| ensured.existed);
        let existing: Vec<AttemptId> = existing.map(|ensured| ensured.id).collect();
        for chunk in existing.chunks(CHUNK) {
            self.read_attempts(store, chunk)?;
        }
        let quests = self.quests.into_iter();
        Ok(dm::GraphData {
            quests: quests.map(|(id, quest)| (id.to_string(), quest)).collect(),
            ..Default::default()
        })
    }

    fn read_quests(&mut self, store: &dyn Store, ids: &[QuestId]) -> Result<()> {
        if self.room.is_none() {
            return Ok(());
        }
        for (id, record) in ids.iter().zip(store.quests(ids)?) {
            let data = record.as_ref().map(view::quest_data);
            let fits = data.as_ref().is_none_or(|data| self.fits(data));
            if let Some(quest) = self.quests.get_mut(id) {
                // It may have been collected just now.
                quest.dne = data.is_none();
                quest.partial = !fits;
                quest.data = data.filter(|_| fits);
            }
        }
        Ok(())
    }

    fn read_attempts(&mut self, store: &dyn Store, ids: &[AttemptId]) -> Result<()> {
        let records = match self.room {
            Some(_) => store.attempts(ids)?,
            None => Vec::new(),
        };
        let mut records = records.into_iter();
        for id in ids {
            let attempt = match (records.next(), self.room) {
                (Some(Some(record)), Some(_)) => self.shown(&record),
                (Some(None), _) => dm::Attempt {
                    dne: true,
                    ..Default::default()
                },
                _ => without_data(),
            };
            if let Some(quest) = self.quests.get_mut(&id.quest) {
                quest.attempts.insert(id.number, attempt);
            }
        }
        Ok(())
    }

    fn shown(&mut self, record: &AttemptRecord) -> dm::Attempt {
        let result = view::attempt_result(record).filter(|_| self.include_result);
        let object_fits = result.is_some_and(|result| self.objects.take(result.size));
        if !self.fits(&view::attempt_data(record, false)) {
            return without_data();
        }
        let partial = (result.is_some() && !object_fits).then(|| Partial {
            result: partial::Result::DataSizeLimit.into(),
            ..Default::default()
        });
        dm::Attempt {
            data: Some(view::attempt_data(record, object_fits)),
            partial,
            ..Default::default()
        }
    }

    /// Takes the room that the message needs. Once something did not fit, nothing does: what is not shown
    /// need not be read.
    fn fits(&mut self, message: &impl Message) -> bool {
        self.room = self
            .room
            .and_then(|room| room.checked_sub(message.encoded_len()));
        self.room.is_some()
    }
}

fn without_data() -> dm::Attempt {
    dm::Attempt {
        partial: Some(Partial {
            data: true,
            ..Default::default()
        }),
        ..Default::default()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use distributor_core::Timestamp;
    use distributor_core::dm::attempt::State;
    use distributor_host::machine::{create, policy};
    use distributor_store::records::QuestRecord;
    use distributor_store::{Batch, MemoryStore};

    use super::*;

    const QUESTS: u8 = 200;

    fn quest(number: u8) -> QuestRecord {
        QuestRecord {
            id: QuestId::from_bytes([number; 32]),
            desc: Arc::new(dm::quest::Desc {
                parameters: "x".repeat(1_000),
                ..Default::default()
            }),
            created: Timestamp::from_micros(1),
            built_by: Vec::new(),
        }
    }

    /// Quests with one attempt each, but for the last quest.
    fn store() -> MemoryStore {
        let mut batch = Batch::default();
        for number in 0..QUESTS {
            let quest = quest(number);
            let now = quest.created;
            let (attempt, _) = create(quest.id.attempt(1), "c", policy(&quest.desc), 0, now);
            batch.quests.push(quest);
            batch.attempts.push(attempt);
        }
        let store = MemoryStore::new();
        store.commit(&batch).expect("a good batch");
        store
    }

    fn before(room: usize) -> Before {
        // One more than there are: it was removed since.
        let attempts = (0..=QUESTS).map(|number| Ensured {
            id: quest(number).id.attempt(1),
            existed: true,
            state: State::Scheduling,
        });
        let answer = GraphAnswer {
            attempts: attempts.collect(),
            ..GraphAnswer::default()
        };
        Before {
            room: Some(room),
            ..Before::new(answer, true, 1)
        }
    }

    #[test]
    fn what_exists_is_shown_and_what_was_removed_since_does_not_exist() {
        let result = before(ROOM).read(&store()).expect("a result");
        assert_eq!(result.quests.len(), usize::from(QUESTS) + 1);
        let gone = quest(QUESTS).id.to_string();
        for (id, quest) in &result.quests {
            assert_eq!(quest.dne, *id == gone);
            assert_eq!(quest.data.is_none(), *id == gone);
            assert!(!quest.partial);
            let attempt = &quest.attempts[&1];
            assert_eq!(attempt.dne, *id == gone);
            assert_eq!(attempt.data.is_none(), *id == gone);
            assert_eq!(attempt.partial, None);
        }
    }

    #[test]
    fn what_has_no_room_is_partial() {
        let result = before(100_000).read(&store()).expect("a result");
        assert!(result.encoded_len() < 150_000);
        let quests = result.quests.values();
        let (whole, partial): (Vec<_>, Vec<_>) = quests.partition(|quest| quest.data.is_some());
        assert!((90..100).contains(&whole.len()), "{}", whole.len());
        assert!(whole.iter().all(|quest| !quest.partial && !quest.dne));
        assert!(partial.iter().all(|quest| quest.partial && !quest.dne));
        // No room is left for the attempts.
        for quest in result.quests.values() {
            let partial = quest.attempts[&1].partial.expect("marked as partial");
            assert!(partial.data);
            assert!(quest.attempts[&1].data.is_none());
        }
    }
}
