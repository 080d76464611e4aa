//! Room at the backends: who may start, who must wait in the store.
//!
//! Counts unfinished executions per resolved configuration name. The numbers follow from the
//! records; after a failed commit they are counted anew.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use distributor_core::ConfigSnapshot;
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
}

impl Occupation {
    pub(super) fn of(record: &AttemptRecord) -> Option<Self> {
        use distributor_core::dm::execution::State;
        if let Some(prepared) = &record.prepared {
            return Some(Occupation {
                config: prepared.config.clone(),
                starting: true,
            });
        }
        let execution = record.execution.as_ref()?;
        match execution.state {
            State::Scheduling | State::Running | State::Stopping => Some(Occupation {
                config: execution.config.clone(),
                starting: false,
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
    backlog: BTreeSet<Arc<str>>,
}

impl Lanes {
    pub(super) fn change(&mut self, before: Option<Occupation>, after: Option<Occupation>) {
        if before == after {
            return;
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

    pub(super) fn backlog(&self) -> Vec<Arc<str>> {
        self.backlog.iter().cloned().collect()
    }

    pub(super) fn clear_loads(&mut self) {
        self.loads.clear();
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
    use super::*;

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
        })
    }

    #[test]
    fn room_is_the_smallest_of_all_limits() {
        let mut lanes = Lanes::default();
        lanes.change(None, occupation("a", true));
        lanes.change(None, occupation("b", false));
        assert_eq!(lanes.room("a", None, 10, None), 9);
        assert_eq!(lanes.room("a", Some(3), 10, None), 2);
        assert_eq!(lanes.room("a", Some(3), 10, Some(3)), 1);
        assert_eq!(lanes.room("b", Some(1), 10, None), 0);
        lanes.change(occupation("b", false), None);
        assert_eq!(lanes.room("b", Some(1), 10, None), 1);
    }

    #[test]
    fn a_started_execution_still_counts_as_unfinished() {
        let mut lanes = Lanes::default();
        lanes.change(None, occupation("a", true));
        lanes.change(occupation("a", true), occupation("a", false));
        assert_eq!(lanes.room("a", Some(1), 10, None), 0);
        assert_eq!(lanes.room("a", None, 10, None), 10);
    }
}
