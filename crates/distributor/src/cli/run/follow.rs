//! Follows a run to its end: takes changes in, stops after a failure, obeys signals.

use std::time::Duration;

use distributor_core::dm::attempt::State;
use distributor_core::{AttemptId, Clock, SystemClock};
use distributor_host::driver::AttemptChange;
use distributor_store::records::AttemptRecord;

use super::plan::{News, Plan};
use super::progress::Progress;
use super::reasons::{blame, readable};
use super::work::{Changes, Work};
use crate::cli::exit::Failure;
use crate::cli::signals::Signals;
use crate::cli::view;

/// Attempts that are read at once.
const CHUNK: usize = 256;
/// How often to see that the host is there. What happens is told without it.
const HEARTBEAT: Duration = Duration::from_secs(10);

/// How it went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// To the end.
    Whole,
    /// A signal ended it, and all that ran has ended.
    Interrupted,
    /// A second signal came: what runs was left running.
    Left,
}

/// Waits until these attempts are over. `Left` if a signal came before that.
pub(super) async fn settle(
    work: &Work,
    mut changes: Changes,
    signals: &mut Signals,
    attempts: &[AttemptId],
) -> Result<Way, Failure> {
    loop {
        let mut over = true;
        for ids in attempts.chunks(CHUNK) {
            let records = work.records().attempts(ids)?;
            over &= records.iter().flatten().all(AttemptRecord::is_final);
        }
        if over {
            return Ok(Way::Whole);
        }
        loop {
            tokio::select! {
                change = changes.next() => match change? {
                    Some(change) if !attempts.contains(&change.id) => {}
                    Some(_) | None => break,
                },
                () = signals.next() => return Ok(Way::Left),
            }
        }
    }
}

/// A run under way.
pub(super) struct Follower<'f> {
    pub(super) work: &'f Work,
    pub(super) plan: &'f mut Plan,
    /// From before the attempts were chosen, so that nothing is missed.
    pub(super) changes: Changes,
    pub(super) progress: &'f mut Progress,
    pub(super) signals: &'f mut Signals,
    /// Goes on after a failure.
    pub(super) keep_going: bool,
}

impl Follower<'_> {
    pub(super) async fn follow(&mut self) -> Result<Way, Failure> {
        let mut heartbeat = SystemClock.now().after(HEARTBEAT);
        let mut way = Way::Whole;
        while self.plan.unfinished() > 0 {
            let mut failed = None;
            tokio::select! {
                change = self.changes.next() => failed = self.take(change?)?,
                () = self.signals.next() => {
                    if way == Way::Interrupted {
                        return Ok(Way::Left);
                    }
                    way = Way::Interrupted;
                    if self.interrupt().await? == Way::Left {
                        return Ok(Way::Left);
                    }
                }
                () = SystemClock.sleep_until(heartbeat) => {
                    heartbeat = SystemClock.now().after(HEARTBEAT);
                    self.work.check().await?;
                }
            }
            if let Some(failed) = failed
                && way == Way::Whole
                && !self.keep_going
            {
                // Once is enough: nothing new starts from then on.
                self.keep_going = true;
                self.stop_starting(&failed).await?;
            }
        }
        Ok(way)
    }

    /// The attempt that ended abnormally, if one did.
    fn take(&mut self, change: Option<AttemptChange>) -> Result<Option<AttemptId>, Failure> {
        match change {
            Some(change) => self.note(&change),
            None => self.read_again(),
        }
    }

    fn note(&mut self, change: &AttemptChange) -> Result<Option<AttemptId>, Failure> {
        match self.plan.note(change) {
            None => Ok(None),
            Some(News::Running { job, execution }) => {
                let name = &self.plan.jobs[job].name;
                self.progress.running(job, name, execution);
                Ok(None)
            }
            Some(News::Ended { job }) if change.state == State::Finished => {
                let name = &self.plan.jobs[job].name;
                self.progress.finished(job, name);
                Ok(None)
            }
            Some(News::Ended { job }) => {
                let (status, reason) = self.end_of(&change.id)?;
                let name = &self.plan.jobs[job].name;
                self.progress.failed(job, name, status, &reason);
                Ok(Some(change.id))
            }
        }
    }

    /// Changes were lost because there were too many: what is stored tells them all.
    fn read_again(&mut self) -> Result<Option<AttemptId>, Failure> {
        let mut failed = None;
        for ids in self.plan.not_ended().chunks(CHUNK) {
            for record in self.work.records().attempts(ids)?.into_iter().flatten() {
                let change = AttemptChange {
                    id: record.id,
                    state: record.state,
                    execution: record.current_execution,
                    execution_state: record.execution.as_ref().map(|it| it.state),
                };
                let ended = self.note(&change)?;
                failed = failed.or(ended);
            }
        }
        Ok(failed)
    }

    fn record(&self, id: &AttemptId) -> Result<Option<AttemptRecord>, Failure> {
        Ok(self.work.records().attempts(&[*id])?.pop().flatten())
    }

    /// Status and reason, for people.
    fn end_of(&self, id: &AttemptId) -> Result<(&'static str, String), Failure> {
        let record = self.record(id)?;
        let outcome = record.as_ref().and_then(|record| record.outcome.as_ref());
        let Some((status, reason)) = view::abnormal(outcome) else {
            return Ok((State::AbnormalFinished.as_str_name(), String::new()));
        };
        let reason = readable(reason, |id| self.plan.name_of(id));
        Ok((status.as_str_name(), reason))
    }

    /// Cancels what has not started, because of `failed`.
    async fn stop_starting(&mut self, failed: &AttemptId) -> Result<(), Failure> {
        let record = self.record(failed)?;
        let outcome = record.as_ref().and_then(|record| record.outcome.as_ref());
        let (status, reason) = match view::abnormal(outcome) {
            Some((status, reason)) => (status.as_str_name(), reason),
            None => (State::AbnormalFinished.as_str_name(), ""),
        };
        // The first that is heard of may be one that needs the one that failed.
        let (culprit, status) = match blame(reason) {
            Some(blame) => (blame.culprit, blame.status),
            None => (*failed, status),
        };
        let culprit = self
            .plan
            .name_of(&culprit)
            .unwrap_or_else(|| culprit.to_string());
        let because =
            format!("job {culprit} ended {status} (use --keep-going to run what does not need it)");
        let wishes = self.plan.not_started().into_iter().map(|id| {
            let started = self.plan.job_of(&id).map(|job| self.plan.jobs[job].running);
            let what = match started {
                Some(execution) if execution > 0 => "not retried",
                _ => "not started",
            };
            (id, format!("{what}: {because}"))
        });
        let wishes: Vec<_> = wishes.collect();
        self.work.cancel(wishes).await
    }

    /// Cancels all that is not over, unless another signal says not to wait even for that.
    async fn interrupt(&mut self) -> Result<Way, Failure> {
        self.progress
            .note("interrupted: stopping what runs (once more: leave it running and end at once)");
        let wishes = self.plan.not_ended().into_iter();
        let wishes = wishes.map(|id| (id, "interrupted".to_owned())).collect();
        tokio::select! {
            cancelled = self.work.cancel(wishes) => cancelled.map(|()| Way::Interrupted),
            () = self.signals.next() => Ok(Way::Left),
        }
    }
}

impl Plan {
    /// What people call an attempt of this graph.
    pub(super) fn name_of(&self, id: &AttemptId) -> Option<String> {
        self.job_of(id).map(|job| self.jobs[job].name.clone())
    }
}
