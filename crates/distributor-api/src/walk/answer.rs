//! The answer of a walk as it grows, and its bound.

use std::collections::{BTreeMap, HashMap, HashSet};

use distributor_core::{QuestId, dm};
use distributor_proto::dm::attempt::partial::Result as ResultPart;
use distributor_store::records::QuestRecord;
use prost::Message;

use super::limiter::MOST_BESIDES;
use super::nodes::{Entry, Node, Nodes};
use super::view;
use crate::validate::walk::WalkRequest;

/// What the key of an attempt and of its quest take.
const KEY_BYTES: usize = 64;

/// What a walk will answer.
pub(super) struct Answer<'a> {
    request: &'a WalkRequest,
    quests: HashMap<QuestId, QuestEntry>,
    /// Quests that the query asks for as such.
    named: Vec<QuestId>,
    /// What cannot exist, because its name is no quest id.
    others: BTreeMap<String, dm::Quest>,
    bytes: usize,
    is_full: bool,
    /// There is more than this answer holds.
    pub(super) had_more: bool,
}

enum QuestEntry {
    /// It could not be read, and is not tried again.
    Unreadable,
    Absent,
    Known {
        data: Box<dm::quest::Data>,
        /// It got room in the answer.
        shown: bool,
    },
}

impl<'a> Answer<'a> {
    pub(super) fn new(request: &'a WalkRequest) -> Self {
        Answer {
            request,
            quests: HashMap::new(),
            named: Vec::new(),
            others: BTreeMap::new(),
            bytes: 0,
            is_full: false,
            had_more: false,
        }
    }

    /// Shows this quest even if no attempt of it is.
    pub(super) fn name_quest(&mut self, id: QuestId) {
        self.named.push(id);
    }

    /// The quests that are shown even if no attempt of them is.
    pub(super) fn named_quests(&self) -> Vec<QuestId> {
        self.named.clone()
    }

    /// Something that cannot exist, with the attempts of it that were asked for.
    pub(super) fn other(&mut self, text: &str) -> &mut dm::Quest {
        let include = &self.request.include;
        self.others
            .entry(text.to_owned())
            .or_insert_with(|| dm::Quest {
                id: include.quest.ids.then(|| dm::quest::Id {
                    id: text.to_owned(),
                }),
                dne: include.quest.data,
                ..dm::Quest::default()
            })
    }

    /// Those of these quests whose data is to be shown and is not read yet, each once.
    pub(super) fn unread_quests(&self, ids: impl Iterator<Item = QuestId>) -> Vec<QuestId> {
        let mut seen = HashSet::new();
        ids.filter(|id| self.shows_data(*id) && !self.quests.contains_key(id))
            .filter(|id| seen.insert(*id))
            .collect()
    }

    fn shows_data(&self, id: QuestId) -> bool {
        self.request.include.quest.data && !self.request.exclude.quest(id)
    }

    /// Keeps a quest that was read; `None` if that failed.
    pub(super) fn quest_read(&mut self, id: QuestId, record: Option<Option<QuestRecord>>) {
        let entry = match record {
            None => QuestEntry::Unreadable,
            Some(None) => QuestEntry::Absent,
            Some(Some(record)) => QuestEntry::Known {
                data: Box::new(view::quest_data(&record)),
                shown: false,
            },
        };
        self.quests.insert(id, entry);
    }

    /// Takes room for something that cannot exist, whose name takes so many bytes: a name may be as long
    /// as a request, and stands beside each of its numbers.
    pub(super) fn take_other_room(&mut self, name_bytes: usize) -> bool {
        self.take_bytes(name_bytes.saturating_add(KEY_BYTES))
    }

    /// Nothing more can be shown.
    pub(super) fn is_full(&self) -> bool {
        self.is_full
    }

    /// Takes room for an attempt, and for its quest if that is not in the answer yet. The first one
    /// always has room, so that a client who asks again for the rest gets on.
    pub(super) fn take_room(&mut self, attempt: &dm::Attempt, quest: QuestId) -> bool {
        let structure = attempt.encoded_len().saturating_sub(object_bytes(attempt));
        self.take(structure + KEY_BYTES, quest)
    }

    /// Takes room for a quest, and for an attempt of which there is nothing to show.
    pub(super) fn take_quest_room(&mut self, quest: QuestId) -> bool {
        self.take(KEY_BYTES, quest)
    }

    fn take(&mut self, mut bytes: usize, quest: QuestId) -> bool {
        if let Some(QuestEntry::Known { data, shown: false }) = self.quests.get(&quest) {
            bytes += data.encoded_len();
        }
        if !self.take_bytes(bytes) {
            return false;
        }
        if let Some(QuestEntry::Known { shown, .. }) = self.quests.get_mut(&quest) {
            *shown = true;
        }
        true
    }

    /// What is shown, result objects not counted, takes at most [`MOST_BESIDES`], or is but one thing.
    fn take_bytes(&mut self, bytes: usize) -> bool {
        let fits = self.bytes == 0 || self.bytes.saturating_add(bytes) <= MOST_BESIDES;
        match fits {
            true => self.bytes = self.bytes.saturating_add(bytes),
            false => self.is_full = true,
        }
        fits
    }

    /// Joins it with what the walk has met.
    pub(super) fn finish(mut self, nodes: Nodes, had_errors: bool) -> dm::GraphData {
        self.had_more |= had_errors || nodes.any_waits();
        let mut attempts: HashMap<QuestId, BTreeMap<u32, dm::Attempt>> = HashMap::new();
        for node in nodes.into_iter() {
            let id = node.id;
            if let Some(attempt) = self.attempt(node) {
                attempts
                    .entry(id.quest)
                    .or_default()
                    .insert(id.number, attempt);
            }
        }
        for id in std::mem::take(&mut self.named) {
            attempts.entry(id).or_default();
        }
        let mut quests = std::mem::take(&mut self.others);
        for (id, attempts) in attempts {
            let quest = self.quest(id, attempts);
            self.had_more |= quest.partial;
            quests.insert(id.to_string(), quest);
        }
        dm::GraphData {
            quests,
            had_errors,
            had_more: self.had_more,
        }
    }

    fn quest(&mut self, id: QuestId, attempts: BTreeMap<u32, dm::Attempt>) -> dm::Quest {
        let mut quest = dm::Quest {
            id: self.request.include.quest.ids.then(|| id.into()),
            attempts,
            ..dm::Quest::default()
        };
        match self.quests.remove(&id) {
            Some(QuestEntry::Absent) => quest.dne = true,
            Some(QuestEntry::Known { data, shown: true }) => quest.data = Some(*data),
            Some(QuestEntry::Known { .. } | QuestEntry::Unreadable) | None => {
                quest.partial = self.shows_data(id);
            }
        }
        quest
    }

    /// What is shown of a node; nothing if it is filtered and nobody names it.
    fn attempt(&self, node: Node) -> Option<dm::Attempt> {
        let request = self.request;
        let waits = node.waits();
        let expands = request.max_depth.is_none_or(|max| node.depth < max);
        let bare = dm::Attempt {
            id: (request.include.attempt.ids).then(|| node.id.into()),
            ..dm::Attempt::default()
        };
        let missing = |direction: bool| expands && direction;
        match node.entry {
            Entry::Filtered if !node.named => None,
            Entry::Filtered => Some(bare),
            Entry::Absent => Some(dm::Attempt { dne: true, ..bare }),
            Entry::Unknown => {
                let include = &request.include;
                let mut partial = dm::attempt::Partial {
                    data: include.attempt.data,
                    executions: include.num_executions > 0,
                    fwd_deps: include.fwd_deps || missing(request.forwards),
                    back_deps: include.back_deps || missing(request.backwards),
                    result: 0,
                };
                if include.attempt.result {
                    partial.set_result(ResultPart::NotLoaded);
                }
                // Something has to say that nothing is known of it.
                partial.data |= partial == dm::attempt::Partial::default();
                Some(dm::Attempt {
                    partial: Some(partial),
                    ..bare
                })
            }
            Entry::Shown {
                mut attempt,
                visible,
            } => {
                if waits {
                    let partial = attempt.partial.get_or_insert_default();
                    partial.fwd_deps |= missing(request.forwards);
                    partial.back_deps |= missing(request.backwards);
                    let is_withheld = partial.result() == ResultPart::NotAuthorized;
                    if is_withheld && node.visible != visible {
                        partial.set_result(ResultPart::NotLoaded);
                    }
                    let is_clear = *partial == dm::attempt::Partial::default();
                    attempt.partial.take_if(|_| is_clear);
                }
                Some(*attempt)
            }
        }
    }
}

/// How much of a message is result objects.
fn object_bytes(attempt: &dm::Attempt) -> usize {
    use dm::attempt::data::AttemptType;
    use dm::execution::data::ExecutionType;
    let own = attempt
        .data
        .as_ref()
        .and_then(|it| it.attempt_type.as_ref());
    let own = match own {
        Some(AttemptType::Finished(finished)) => finished.data.as_ref(),
        _ => None,
    };
    let executions = attempt.executions.values().flat_map(|it| &it.data);
    let of_executions = executions.flat_map(|data| match &data.execution_type {
        Some(ExecutionType::Finished(finished)) => finished.data.as_ref(),
        _ => None,
    });
    own.into_iter()
        .chain(of_executions)
        .map(|result| result.object.len())
        .sum()
}
