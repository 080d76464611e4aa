//! Notifications from outside, duplicated and out of order, and what must be true of them.

use distributor_core::dm::attempt::State;
use distributor_core::{AttemptId, ExecutionId, Notification};
use distributor_host::Received;

use super::Simulation;
use crate::support::Quest;

impl Simulation {
    /// Notifications from outside about a few tasks that may exist, in any order, each sent until it
    /// is acknowledged or the sender gives up, some more often. Only the backend knows what they mean.
    pub(super) async fn receive(&mut self) {
        let mut sent: Vec<ExecutionId> = Vec::new();
        for _ in 0..1 + self.random.below(12) {
            let live = self.live();
            let mut at = |end: usize| {
                let at = self.random.below(end.max(1) as u64);
                usize::try_from(at).expect("small")
            };
            let id = match (at(8), live.get(at(live.len()))) {
                (0..=2, _) if !sent.is_empty() => sent[at(sent.len())],
                (3..=6, Some(id)) => *id,
                _ => {
                    let number = u32::try_from(at(4)).expect("small");
                    self.any().execution(number)
                }
            };
            sent.push(id);
        }
        for id in sent {
            let config = match self.random.below(8) {
                0 => "b",
                _ => self.resolved_config(id.attempt),
            };
            let notification = Notification::new(id, vec![0; 10]);
            let received = self.world.engine.receive(notification, config).await;
            self.check_received(id, received.ok());
        }
    }

    /// Executions that run, or are about to.
    fn live(&self) -> Vec<ExecutionId> {
        let known = self
            .ids()
            .into_iter()
            .filter_map(|id| self.world.find(id).filter(|record| !record.is_final()));
        known
            .filter_map(|record| match record.prepared {
                Some(prepared) => Some(record.id.execution(prepared.execution)),
                None if record.state == State::Executing => {
                    Some(record.id.execution(record.current_execution))
                }
                None => None,
            })
            .collect()
    }

    /// The sender's answer fits to what is stored, which may have moved on since.
    fn check_received(&mut self, id: ExecutionId, received: Option<Received>) {
        let seed = self.seed;
        let known = self.world.find(id.attempt);
        let current = known.as_ref().map_or(0, |record| record.current_execution);
        let fits = match received {
            Some(Received::Over | Received::Recorded | Received::Condensed) => {
                (1..=current).contains(&id.number)
            }
            Some(Received::Unsettled | Received::OtherConfiguration) => id.number > 0,
            // What was unknown may exist by now.
            Some(Received::Unknown) | None => true,
        };
        assert!(fits, "seed {seed}: {id}: {received:?}, now {known:?}");
    }

    fn resolved_config(&self, id: AttemptId) -> &'static str {
        let quest = self.quests.iter().find(|quest| quest.attempt() == id);
        match quest.map(Quest::config) {
            Some("b") => "b",
            _ => "a",
        }
    }

    /// What has ended once stays as it was.
    pub(super) fn check_ends(&mut self) {
        let seed = self.seed;
        for id in self.ids() {
            let executions = self.world.inner.executions(id, 1000).expect("executions");
            for execution in executions {
                let Some(outcome) = execution.outcome else {
                    continue;
                };
                let id = id.execution(execution.number);
                let first = self.ends.entry(id).or_insert_with(|| outcome.clone());
                assert_eq!(*first, outcome, "seed {seed}: {id} ended twice");
            }
        }
        let pending = self.world.inner.pending_notifications().expect("pending");
        let limits = self.world.settings.notifications;
        let rows: usize = pending.iter().map(|it| it.rows).sum();
        let bytes: usize = pending.iter().map(|it| it.bytes).sum();
        assert!(
            rows <= limits.in_all
                && bytes <= limits.bytes
                && pending.iter().all(|it| it.rows <= limits.per_execution),
            "seed {seed}: {pending:?} beyond {limits:?}"
        );
    }
}
