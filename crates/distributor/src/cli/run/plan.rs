//! What a run is about, job by job, and where each stands. Small, because graphs may be large; pure.

use std::collections::HashMap;

use distributor_core::dm::attempt::State;
use distributor_core::dm::execution;
use distributor_core::{AttemptId, QuestId};
use distributor_host::driver::{AttemptChange, Ensured};

use super::choose::Choice;

/// One job.
#[derive(Debug)]
pub(super) struct PlannedJob {
    pub(super) name: String,
    pub(super) attempt: AttemptId,
    pub(super) choice: Choice,
    /// The first job with the same attempt, mostly the job itself. Jobs that are described alike are
    /// one quest and run once.
    pub(super) owner: usize,
    /// It runs even if what it needs failed, and it needs something.
    pub(super) runs_anyway: bool,
    /// Of the owner's attempt.
    pub(super) state: State,
    /// Of the owner's attempt: the execution that was last seen running.
    pub(super) running: u32,
}

/// All jobs, each after what it needs.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) jobs: Vec<PlannedJob>,
    /// A graph has at most one attempt of a quest.
    by_quest: HashMap<QuestId, usize>,
    unfinished: usize,
}

/// What a change means for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum News {
    /// An execution of the job runs.
    Running { job: usize, execution: u32 },
    /// The job is over.
    Ended { job: usize },
}

impl Plan {
    /// Adds a job, not over unless it is reused.
    pub(super) fn add(
        &mut self,
        name: String,
        attempt: AttemptId,
        choice: Choice,
        runs_anyway: bool,
    ) {
        let index = self.jobs.len();
        let owner = *self.by_quest.entry(attempt.quest).or_insert(index);
        let state = match choice {
            Choice::Reuse(_) => State::Finished,
            Choice::Resume(_) | Choice::New(_) => State::Scheduling,
        };
        if owner == index && !is_final(state) {
            self.unfinished += 1;
        }
        self.jobs.push(PlannedJob {
            name,
            attempt,
            choice,
            owner,
            runs_anyway,
            state,
            running: 0,
        });
    }

    /// The job whose attempt it is.
    pub(super) fn job_of(&self, attempt: &AttemptId) -> Option<usize> {
        let index = *self.by_quest.get(&attempt.quest)?;
        (self.jobs[index].attempt == *attempt).then_some(index)
    }

    /// What was chosen for a quest that was added already.
    pub(super) fn choice_of(&self, quest: &QuestId) -> Option<Choice> {
        let index = self.by_quest.get(quest)?;
        Some(self.jobs[*index].choice)
    }

    /// Jobs that own their attempt, in order.
    pub(super) fn owners(&self) -> impl DoubleEndedIterator<Item = (usize, &PlannedJob)> {
        self.jobs
            .iter()
            .enumerate()
            .filter(|(index, job)| job.owner == *index)
    }

    /// How many attempts there are.
    pub(super) fn attempts(&self) -> usize {
        self.by_quest.len()
    }

    /// How many attempts are not over.
    pub(super) fn unfinished(&self) -> usize {
        self.unfinished
    }

    /// Takes in where an attempt stood when it was made sure of. That it ended since it was looked at is
    /// told by the change that ended it.
    pub(super) fn begin(&mut self, ensured: &Ensured) {
        if let Some(index) = self.job_of(&ensured.id)
            && !is_final(ensured.state)
        {
            self.jobs[index].state = ensured.state;
        }
    }

    /// Takes a change in. What is over stays over, however late older changes arrive.
    pub(super) fn note(&mut self, change: &AttemptChange) -> Option<News> {
        let index = self.job_of(&change.id)?;
        let job = &mut self.jobs[index];
        if is_final(job.state) {
            return None;
        }
        job.state = change.state;
        if is_final(job.state) {
            self.unfinished -= 1;
            return Some(News::Ended { job: index });
        }
        let runs = change.execution_state == Some(execution::State::Running);
        if runs && change.execution > job.running {
            job.running = change.execution;
            return Some(News::Running {
                job: index,
                execution: change.execution,
            });
        }
        None
    }

    /// What must be cancelled so that nothing new starts: all that does not run, those that need others
    /// before those others, so that each gets its own reason.
    pub(super) fn not_started(&self) -> Vec<AttemptId> {
        self.to_cancel(|job| job.state != State::Executing && !job.runs_anyway)
    }

    /// All that is not over, in the same order.
    pub(super) fn not_ended(&self) -> Vec<AttemptId> {
        self.to_cancel(|_| true)
    }

    fn to_cancel(&self, which: impl Fn(&PlannedJob) -> bool) -> Vec<AttemptId> {
        self.owners()
            .rev()
            .filter(|(_, job)| !is_final(job.state) && which(job))
            .map(|(_, job)| job.attempt)
            .collect()
    }
}

/// Nothing changes any more.
pub(super) fn is_final(state: State) -> bool {
    matches!(state, State::Finished | State::AbnormalFinished)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt(quest: u8) -> AttemptId {
        QuestId::from_bytes([quest; 32]).attempt(1)
    }

    fn change(quest: u8, state: State, running: Option<u32>) -> AttemptChange {
        AttemptChange {
            id: attempt(quest),
            state,
            execution: running.unwrap_or(0),
            execution_state: running.map(|_| execution::State::Running),
        }
    }

    fn plan() -> Plan {
        let mut plan = Plan::default();
        plan.add("a".to_owned(), attempt(1), Choice::Reuse(1), false);
        plan.add("b".to_owned(), attempt(2), Choice::New(1), false);
        plan.add("c".to_owned(), attempt(3), Choice::New(1), true);
        plan.add("like-b".to_owned(), attempt(2), Choice::New(1), false);
        plan.add("d".to_owned(), attempt(4), Choice::New(1), false);
        plan
    }

    #[test]
    fn jobs_described_alike_are_one_attempt() {
        let plan = plan();
        assert_eq!(plan.attempts(), 4);
        assert_eq!(plan.unfinished(), 3);
        assert_eq!(plan.jobs[3].owner, 1);
    }

    #[test]
    fn an_execution_is_news_once_and_an_end_is_the_last() {
        let mut plan = plan();
        let running = News::Running {
            job: 1,
            execution: 1,
        };
        assert_eq!(
            plan.note(&change(2, State::Executing, Some(1))),
            Some(running)
        );
        assert_eq!(plan.note(&change(2, State::Executing, Some(1))), None);
        assert_eq!(plan.note(&change(2, State::Scheduling, None)), None);
        assert_eq!(
            plan.note(&change(2, State::Finished, None)),
            Some(News::Ended { job: 1 })
        );
        assert_eq!(plan.note(&change(2, State::Executing, Some(2))), None);
        assert_eq!(plan.note(&change(9, State::Finished, None)), None);
        assert_eq!(plan.unfinished(), 2);
    }

    #[test]
    fn who_needs_is_cancelled_before_what_it_needs() {
        let mut plan = plan();
        assert_eq!(plan.not_started(), [attempt(4), attempt(2)]);
        plan.note(&change(2, State::Executing, None));
        assert_eq!(plan.not_started(), [attempt(4)]);
        assert_eq!(plan.not_ended(), [attempt(4), attempt(3), attempt(2)]);
    }
}
