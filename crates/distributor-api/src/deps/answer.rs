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

use crate::walk::limiter::{LARGEST_ANSWER, MOST_BESIDES, SizeLimiter};
use crate::walk::view;

/// Records that are in memory at once.
const CHUNK: usize = 64;
/// Most bytes that the name of a quest takes, with all that belongs to it but its data.
const QUEST_BYTES: usize = 64;
/// Most bytes that the number of an attempt takes, with all that belongs to it but its data.
const ATTEMPT_BYTES: usize = 32;

/// Builds a result.
#[derive(Debug)]
pub(super) struct Before {
    new_quests: HashSet<QuestId>,
    /// Sorted.
    attempts: Vec<Ensured>,
    include_result: bool,
    objects: SizeLimiter,
    /// For attempts with their result objects, and then for descriptions.
    room: usize,
    quests: BTreeMap<QuestId, dm::Quest>,
}

impl Before {
    /// `max_data_size` bounds the sum of the sizes of the result objects, and `taken` is what the
    /// answer holds already, both in bytes.
    pub(super) fn new(
        answer: GraphAnswer,
        taken: usize,
        include_result: bool,
        max_data_size: u32,
    ) -> Self {
        Before {
            new_quests: answer.new_quests,
            attempts: answer.attempts,
            include_result,
            objects: SizeLimiter::new(max_data_size),
            room: LARGEST_ANSWER.saturating_sub(taken),
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
        let names = self.quests.len() * QUEST_BYTES + attempts.len() * ATTEMPT_BYTES;
        self.room = self.room.saturating_sub(names);
        // Attempts first: whoever asks knows the descriptions.
        let existing = attempts.iter().filter(|ensured| ensured.existed);
        let existing: Vec<AttemptId> = existing.map(|ensured| ensured.id).collect();
        for chunk in existing.chunks(CHUNK) {
            self.read_attempts(store, chunk)?;
        }
        self.room = self.room.min(MOST_BESIDES);
        for chunk in known.chunks(CHUNK) {
            self.read_quests(store, chunk)?;
        }
        let quests = self.quests.into_iter();
        Ok(dm::GraphData {
            quests: quests.map(|(id, quest)| (id.to_string(), quest)).collect(),
            ..Default::default()
        })
    }

    fn read_quests(&mut self, store: &dyn Store, ids: &[QuestId]) -> Result<()> {
        for (id, record) in ids.iter().zip(store.quests(ids)?) {
            let data = record.as_ref().map(view::quest_data);
            let fits = data.as_ref().is_none_or(|data| self.take(data));
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
        for (id, record) in ids.iter().zip(store.attempts(ids)?) {
            let attempt = match record {
                Some(record) => self.shown(&record),
                None => dm::Attempt {
                    dne: true,
                    ..Default::default()
                },
            };
            if let Some(quest) = self.quests.get_mut(&id.quest) {
                quest.attempts.insert(id.number, attempt);
            }
        }
        Ok(())
    }

    fn shown(&mut self, record: &AttemptRecord) -> dm::Attempt {
        let bare = view::attempt_data(record, false);
        let Some(result) = view::attempt_result(record).filter(|_| self.include_result) else {
            return match self.take(&bare) {
                true => with_data(bare, None),
                false => without_data(),
            };
        };
        let whole = view::attempt_data(record, true);
        if whole.encoded_len() <= self.room && self.objects.take(result.size) {
            self.take(&whole);
            return with_data(whole, None);
        }
        let partial = Partial {
            result: partial::Result::DataSizeLimit.into(),
            ..Default::default()
        };
        match self.take(&bare) {
            true => with_data(bare, Some(partial)),
            false => without_data(),
        }
    }

    /// Takes the room that a message needs, if there is as much.
    fn take(&mut self, message: &impl Message) -> bool {
        let left = self.room.checked_sub(message.encoded_len());
        self.room = left.unwrap_or(self.room);
        left.is_some()
    }
}

fn with_data(data: dm::attempt::Data, partial: Option<Partial>) -> dm::Attempt {
    dm::Attempt {
        data: Some(data),
        partial,
        ..Default::default()
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
    use distributor_store::records::{Outcome, QuestRecord};
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

    fn before(taken: usize) -> Before {
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
        Before::new(answer, taken, true, 1)
    }

    #[test]
    fn what_exists_is_shown_and_what_was_removed_since_does_not_exist() {
        let result = before(0).read(&store()).expect("a result");
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
    fn descriptions_that_have_no_room_are_partial_and_attempts_are_not() {
        let taken = LARGEST_ANSWER - 150_000;
        let result = before(taken).read(&store()).expect("a result");
        assert!(result.encoded_len() < 150_000);
        let quests = result.quests.values().filter(|quest| !quest.dne);
        let (whole, partial): (Vec<_>, Vec<_>) = quests.partition(|quest| quest.data.is_some());
        assert!((90..130).contains(&whole.len()), "{}", whole.len());
        assert!(whole.iter().all(|quest| !quest.partial));
        assert!(partial.iter().all(|quest| quest.partial));
        for quest in whole.iter().chain(&partial) {
            assert!(quest.attempts[&1].data.is_some());
        }
    }

    #[test]
    fn attempts_that_have_no_room_are_partial() {
        let result = before(LARGEST_ANSWER).read(&store()).expect("a result");
        let names = usize::from(QUESTS) + 1;
        assert!(result.encoded_len() < names * (QUEST_BYTES + ATTEMPT_BYTES));
        for quest in result.quests.values().filter(|quest| !quest.dne) {
            let partial = quest.attempts[&1].partial.expect("marked as partial");
            assert!(partial.data && quest.partial);
        }
    }

    #[test]
    fn the_largest_results_fit_into_what_clients_accept() {
        let store = MemoryStore::new();
        let result = Arc::new(dm::JsonResult {
            object: format!(r#"{{"x":"{}"}}"#, "x".repeat(262_136)),
            size: 262_144,
            expiration: None,
        });
        let desc = Arc::new(dm::quest::Desc {
            parameters: "x".repeat(200_000),
            ..Default::default()
        });
        let mut batch = Batch::default();
        for number in 0..QUESTS {
            let quest = QuestRecord {
                desc: desc.clone(),
                ..quest(number)
            };
            let now = quest.created;
            let (mut attempt, _) = create(quest.id.attempt(1), "c", policy(&quest.desc), 0, now);
            attempt.state = State::Finished;
            attempt.outcome = Some(Outcome::Data(result.clone()));
            batch.quests.push(quest);
            batch.attempts.push(attempt);
        }
        store.commit(&batch).expect("a good batch");
        let ids = (0..QUESTS).map(|number| quest(number).id.attempt(1));
        let attempts = ids.map(|id| Ensured {
            id,
            existed: true,
            state: State::Finished,
        });
        let answer = GraphAnswer {
            attempts: attempts.collect(),
            ..GraphAnswer::default()
        };
        let before = Before::new(answer, 0, true, 30 << 20);
        let shown = before.read(&store).expect("a result");
        assert!(shown.encoded_len() <= LARGEST_ANSWER);
        let attempts = shown.quests.values().map(|quest| &quest.attempts[&1]);
        let (whole, cut): (Vec<_>, Vec<_>) = attempts.partition(|it| it.partial.is_none());
        assert_eq!(whole.len(), 120);
        assert!(cut.iter().all(|it| it.data.is_some()));
    }
}
