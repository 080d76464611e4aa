//! The end of something that the attempt depends on.

use distributor_core::dm::abnormal_finish::Status;
use distributor_core::dm::attempt::State;

use super::{Change, abnormal};

impl Change<'_> {
    /// Counts a dependency as over. An abnormal end wakes its dependents too: a job sees it in the
    /// results, and a simple quest that did not ask to run anyway ends with the culprit's name.
    pub(super) fn dependency_ended(
        &mut self,
        bit: u32,
        for_execution: u32,
        culprit: Option<String>,
    ) {
        let waits = matches!(self.attempt.state, State::Executing | State::Waiting);
        if !waits
            || for_execution != self.attempt.current_execution
            || bit >= self.attempt.dependencies.size()
        {
            return;
        }
        let policy = self.policy();
        let simple_waits = policy.simple && self.attempt.state == State::Waiting;
        if let Some(culprit) = culprit.filter(|_| simple_waits && !policy.run_anyway) {
            self.give_up(abnormal(Status::Cancelled, format!("needs {culprit}")));
            return;
        }
        self.attempt.dependencies.set(bit);
        if self.attempt.state == State::Waiting && self.attempt.dependencies.all_set() {
            self.schedule_again();
        }
    }
}
