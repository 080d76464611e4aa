//! Notifications from outside, duplicated and out of order, and what must be true of them.

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
            let id = match self.random.below(3) {
                0 if !sent.is_empty() => sent[0],
                _ => {
                    let number = u32::try_from(self.random.below(4)).expect("small");
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
