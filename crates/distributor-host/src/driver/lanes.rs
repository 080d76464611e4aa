//! Room at the backends: who may start, who must wait in the store.
//!
//! Counts unfinished executions per resolved configuration name. The numbers follow from the
//! records; after a failed commit they are counted anew.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use distributor_core::{AttemptId, ConfigSnapshot};
use distributor_store::records::AttemptRecord;

#[derive(Debug, Default, Clone, Copy)]
struct Load {
    starting: usize,
    unfinished: usize,
}

/// What one attempt uses of its backend's room.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Occupation {
    config: Arc<ConfigSnapshot>,
    starting: bool,
    /// The attempt was ended, and its `run` has not answered yet.
    abandoned: bool,
}

impl Occupation {
    pub(super) fn of(record: &AttemptRecord) -> Option<Self> {
        use distributor_core::dm::execution::State;
        if let Some(prepared) = &record.prepared {
            return Some(Occupation {
                config: prepared.config.clone(),
                starting: true,
                abandoned: record.is_final(),
            });
        }
        let execution = record.execution.as_ref()?;
        match execution.state {
            State::Scheduling | State::Running | State::Stopping => Some(Occupation {
                config: execution.config.clone(),
                starting: false,
                abandoned: false,
            }),
            State::Finished | State::AbnormalFinished => None,
        }
    }
}

/// The load of all backends, and which configuration names have attempts waiting.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    loads: HashMap<String, Load>,
    total: usize,
    /// Attempts that are counted although they are over. After a restart nobody lists them, so what
    /// is not in here was not counted.
    abandoned: HashSet<AttemptId>,
    backlog: BTreeSet<Arc<str>>,
    /// Who was served last.
    last_served: Option<Arc<str>>,
}

impl Lanes {
    pub(super) fn change(
        &mut self,
        id: AttemptId,
        before: Option<Occupation>,
        after: Option<Occupation>,
    ) {
        if before == after {
            return;
        }
        let before = before.filter(|it| !it.abandoned || self.abandoned.remove(&id));
        let after = after.filter(|it| !it.abandoned || before.is_some());
        if after.as_ref().is_some_and(|it| it.abandoned) {
            self.abandoned.insert(id);
        }
        if let Some(before) = before {
            let load = self.load(&before.config.name);
            load.unfinished = load.unfinished.saturating_sub(1);
            load.starting = load.starting.saturating_sub(usize::from(before.starting));
            self.total = self.total.saturating_sub(1);
        }
        if let Some(after) = after {
            let load = self.load(&after.config.name);
            load.unfinished += 1;
            load.starting += usize::from(after.starting);
            self.total += 1;
        }
    }

    /// How many more executions may be started under the resolved name `config`.
    pub(super) fn room(
        &self,
        config: &str,
        capacity: Option<usize>,
        starts_at_once: usize,
        max_unfinished: Option<usize>,
    ) -> usize {
        let load = self.loads.get(config).copied().unwrap_or_default();
        let limits = [
            Some(starts_at_once.saturating_sub(load.starting)),
            capacity.map(|capacity| capacity.saturating_sub(load.unfinished)),
            max_unfinished.map(|most| most.saturating_sub(self.total)),
        ];
        limits.into_iter().flatten().min().unwrap_or(usize::MAX)
    }

    /// How many executions are unfinished.
    pub(super) fn unfinished(&self) -> usize {
        self.total
    }

    pub(super) fn has_backlog(&self, name: &str) -> bool {
        self.backlog.contains(name)
    }

    pub(super) fn set_backlog(&mut self, name: Arc<str>, waiting: bool) {
        if waiting {
            self.backlog.insert(name);
        } else {
            self.backlog.remove(&name);
        }
    }

    /// Names with attempts waiting; whoever was served last comes last, so that nobody starves
    /// where all share the room.
    pub(super) fn backlog(&self) -> Vec<Arc<str>> {
        let (first, last): (Vec<_>, Vec<_>) = self
            .backlog
            .iter()
            .cloned()
            .partition(|name| Some(name) > self.last_served.as_ref());
        first.into_iter().chain(last).collect()
    }

    pub(super) fn served(&mut self, name: Arc<str>) {
        self.last_served = Some(name);
    }

    pub(super) fn clear_loads(&mut self) {
        self.loads.clear();
        self.abandoned.clear();
        self.total = 0;
    }

    fn load(&mut self, config: &str) -> &mut Load {
        if !self.loads.contains_key(config) {
            self.loads.insert(config.to_owned(), Load::default());
        }
        self.loads.entry(config.to_owned()).or_default()
    }
}

#[cfg(test)]
mod tests {
    use distributor_core::QuestId;

    use super::*;

    const ID: AttemptId = QuestId::from_bytes([1; 32]).attempt(1);

    fn occupation(name: &str, starting: bool) -> Option<Occupation> {
        let config = ConfigSnapshot {
            name: name.to_owned(),
            version: String::new(),
            config_type: String::new(),
            content: Vec::new(),
            dm_host: String::new(),
        };
        Some(Occupation {
            config: Arc::new(config),
            starting,
            abandoned: false,
        })
    }

    fn abandoned(name: &str) -> Option<Occupation> {
        occupation(name, true).map(|it| Occupation {
            abandoned: true,
            ..it
        })
    }

    #[test]
    fn room_is_the_smallest_of_all_limits() {
        let mut lanes = Lanes::default();
        lanes.change(ID, None, occupation("a", true));
        lanes.change(ID, None, occupation("b", false));
        assert_eq!(lanes.room("a", None, 10, None), 9);
        assert_eq!(lanes.room("a", Some(3), 10, None), 2);
        assert_eq!(lanes.room("a", Some(3), 10, Some(3)), 1);
        assert_eq!(lanes.room("b", Some(1), 10, None), 0);
        lanes.change(ID, occupation("b", false), None);
        assert_eq!(lanes.room("b", Some(1), 10, None), 1);
    }

    #[test]
    fn a_started_execution_still_counts_as_unfinished() {
        let mut lanes = Lanes::default();
        lanes.change(ID, None, occupation("a", true));
        lanes.change(ID, occupation("a", true), occupation("a", false));
        assert_eq!(lanes.room("a", Some(1), 10, None), 0);
        assert_eq!(lanes.room("a", None, 10, None), 10);
    }

    #[test]
    fn an_abandoned_start_counts_until_it_answers_and_only_if_it_was_counted() {
        let mut lanes = Lanes::default();
        lanes.change(ID, None, occupation("a", true));
        lanes.change(ID, occupation("a", true), abandoned("a"));
        assert_eq!(lanes.room("a", Some(2), 10, None), 1);
        lanes.change(ID, abandoned("a"), None);
        assert_eq!(lanes.room("a", Some(2), 10, None), 2);
        lanes.change(ID, None, occupation("a", true));
        let other = QuestId::from_bytes([2; 32]).attempt(1);
        lanes.change(other, abandoned("a"), None);
        assert_eq!(lanes.room("a", Some(2), 10, None), 1);
        assert!(lanes.abandoned.is_empty());
    }

    #[test]
    fn whoever_was_served_comes_last() {
        let mut lanes = Lanes::default();
        for name in ["a", "b", "c"] {
            lanes.set_backlog(name.into(), true);
        }
        lanes.served("a".into());
        assert_eq!(lanes.backlog(), ["b".into(), "c".into(), "a".into()]);
        lanes.served("c".into());
        assert_eq!(lanes.backlog(), ["a".into(), "b".into(), "c".into()]);
    }
}
