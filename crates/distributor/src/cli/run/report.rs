//! What became of a run: the result table, the same in JSON, and what failing jobs said last.

use std::fmt::Write as _;
use std::time::Duration;

use distributor_core::dm::abnormal_finish::Status;
use distributor_core::dm::attempt::State;
use distributor_core::{AttemptId, DistributorSource, LogStream};
use distributor_store::records::{AttemptRecord, ExecutionRecord, Outcome};
use serde::Serialize;
use serde::ser::{Error as _, SerializeSeq, Serializer};
use serde_json::value::RawValue;

use super::plan::{Plan, PlannedJob};
use super::progress::time;
use super::reasons::readable;
use crate::cli::exit::Failure;
use crate::cli::findings::one_line;
use crate::cli::output;
use crate::cli::place::{Origin, Place, quoted};
use crate::cli::records::Records;
use crate::cli::table::{Cell, Table};
use crate::cli::view;

/// Attempts that are read at once.
const CHUNK: usize = 512;
/// Characters of a reason in the table.
const LONGEST_REASON: usize = 160;
/// Failing jobs whose output is shown.
const SHOWN_FAILURES: usize = 5;
/// Lines of their output.
const LAST_LINES: usize = 10;
/// Bytes of it that are looked at, and how many at once.
const LONGEST_LOG: u64 = 16 * 1024 * 1024;
const LOG_CHUNK: usize = 64 * 1024;

/// How many jobs ended how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Totals {
    pub(super) finished: usize,
    pub(super) failed: usize,
    /// Ended CANCELLED: by a signal, or because something else failed.
    pub(super) cancelled: usize,
    pub(super) reused: usize,
}

/// The end of one job's attempt, without its result, which may be large.
#[derive(Debug, Default)]
struct End {
    state: State,
    status: Option<Status>,
    executions: u32,
    took: Duration,
    reason: Option<Box<str>>,
}

/// The ends of all jobs.
pub(super) struct Report<'r> {
    store: &'r dyn Records,
    plan: &'r Plan,
    /// As the user named the graph file.
    graph: String,
    place: &'r Place,
    interrupted: bool,
    ends: Vec<End>,
}

impl<'r> Report<'r> {
    /// Reads what is stored of all jobs.
    pub(super) fn read(
        store: &'r dyn Records,
        plan: &'r Plan,
        graph: String,
        place: &'r Place,
        interrupted: bool,
    ) -> Result<Self, Failure> {
        let mut ends = Vec::with_capacity(plan.jobs.len());
        for jobs in plan.jobs.chunks(CHUNK) {
            for record in records(store, jobs)? {
                ends.push(record.as_ref().map_or_else(End::default, End::of));
            }
        }
        Ok(Report {
            store,
            plan,
            graph,
            place,
            interrupted,
            ends,
        })
    }

    pub(super) fn totals(&self) -> Totals {
        let mut totals = Totals::default();
        for (job, end) in self.plan.jobs.iter().zip(&self.ends) {
            match (end.state, end.status) {
                (State::Finished, _) => totals.finished += 1,
                (_, Some(Status::Cancelled)) => totals.cancelled += 1,
                _ => totals.failed += 1,
            }
            if job.choice.is_reuse() {
                totals.reused += 1;
            }
        }
        totals
    }

    /// The table and its last line, to standard output.
    pub(super) fn write_table(&self) -> Result<(), Failure> {
        let mut table = Table::new(&["JOB", "STATE", "REUSED", "EXECUTIONS", "TIME", "REASON"]);
        for (job, end) in self.plan.jobs.iter().zip(&self.ends) {
            let reused = if job.choice.is_reuse() { "yes" } else { "no" };
            let took = match end.executions {
                0 => String::new(),
                _ => time(end.took),
            };
            table.row([
                Cell::plain(&job.name),
                Cell::state(end.short_state()),
                Cell::plain(reused),
                Cell::plain(end.executions.to_string()),
                Cell::plain(took),
                Cell::plain(shortened(self.reason(end))),
            ]);
        }
        let mut text = table.render(output::colours());
        let totals = self.totals();
        // Writing to a string cannot fail.
        let _infallible = writeln!(
            text,
            "{} jobs: {} finished ({} reused), {} failed, {} cancelled",
            self.plan.jobs.len(),
            totals.finished,
            totals.reused,
            totals.failed,
            totals.cancelled
        );
        output::data(|out| out.write_all(text.as_bytes()).or_else(output::noticed))?;
        Ok(())
    }

    /// One object to standard output.
    pub(super) fn write_json(&self) -> Result<(), Failure> {
        let totals = self.totals();
        output::json(&Object {
            graph: &self.graph,
            origin: self.place.origin(),
            jobs: Jobs {
                store: self.store,
                plan: self.plan,
            },
            finished: totals.finished,
            failed: totals.failed,
            cancelled: totals.cancelled,
            reused: totals.reused,
            interrupted: self.interrupted,
        })?;
        Ok(())
    }

    /// The last lines that the first failing jobs wrote, and how to see all, to standard error.
    pub(super) async fn explain(&self, backends: &dyn DistributorSource) -> Result<(), Failure> {
        let failed = self.plan.owners().filter(|(index, _)| {
            let status = self.ends[*index].status;
            // The others have written nothing, or not because of themselves.
            matches!(
                status,
                Some(Status::Failed | Status::Crashed | Status::TimedOut)
            )
        });
        for (index, job) in failed.take(SHOWN_FAILURES) {
            let end = &self.ends[index];
            let execution = self.store.execution(job.attempt, end.executions)?;
            let lines = last_lines(execution, backends).await;
            let mut text = format!("\n{} ended {}", job.name, end.short_state());
            for line in &lines {
                text.push_str("\n  | ");
                text.push_str(&one_line(line));
            }
            let id = job.attempt.execution(end.executions).to_string();
            output::note(format_args!(
                "{text}\n  all that it wrote: distributor logs {}{}",
                quoted(&id),
                self.place.hint()
            ));
        }
        Ok(())
    }

    fn reason(&self, end: &End) -> String {
        let reason = end.reason.as_deref().unwrap_or_default();
        readable(reason, |id: &AttemptId| self.plan.name_of(id))
    }
}

impl End {
    fn of(record: &AttemptRecord) -> Self {
        let abnormal = view::abnormal(record.outcome.as_ref());
        let took = record.execution.as_ref().map(|execution| {
            let until = execution.modified.max(record.modified);
            until.since(execution.started)
        });
        End {
            state: record.state,
            status: abnormal.map(|(status, _)| status),
            executions: record.current_execution,
            took: took.unwrap_or_default(),
            reason: abnormal.map(|(_, reason)| reason.into()),
        }
    }

    fn short_state(&self) -> &'static str {
        match self.status {
            Some(status) => status.as_str_name(),
            None => self.state.as_str_name(),
        }
    }
}

/// A reason that leaves the table readable; `show` and `--json` have all of it.
fn shortened(mut reason: String) -> String {
    if let Some((end, _)) = reason.char_indices().nth(LONGEST_REASON) {
        reason.truncate(end);
        reason.push('…');
    }
    reason
}

fn records(
    store: &dyn Records,
    jobs: &[PlannedJob],
) -> Result<Vec<Option<AttemptRecord>>, Failure> {
    let ids: Vec<AttemptId> = jobs.iter().map(|job| job.attempt).collect();
    store.attempts(&ids)
}

#[derive(Serialize)]
struct Object<'o> {
    graph: &'o str,
    #[serde(flatten)]
    origin: Origin,
    jobs: Jobs<'o>,
    finished: usize,
    failed: usize,
    cancelled: usize,
    reused: usize,
    interrupted: bool,
}

/// Read from the store as it is written: all results together may not fit into memory.
struct Jobs<'j> {
    store: &'j dyn Records,
    plan: &'j Plan,
}

#[derive(Serialize)]
struct Job<'j> {
    name: &'j str,
    state: &'static str,
    status: Option<&'static str>,
    reused: bool,
    attempt: String,
    executions: u32,
    result: Option<Box<RawValue>>,
    reason: Option<&'j str>,
}

impl Serialize for Jobs<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let jobs = &self.plan.jobs;
        let mut list = serializer.serialize_seq(Some(jobs.len()))?;
        for jobs in jobs.chunks(CHUNK) {
            let records = records(self.store, jobs).map_err(S::Error::custom)?;
            for (job, record) in jobs.iter().zip(&records) {
                list.serialize_element(&Job::new(job, record.as_ref()).map_err(S::Error::custom)?)?;
            }
        }
        list.end()
    }
}

impl<'j> Job<'j> {
    fn new(job: &'j PlannedJob, record: Option<&'j AttemptRecord>) -> Result<Self, Failure> {
        let outcome: Option<&Outcome> = record.and_then(|record| record.outcome.as_ref());
        let state = record.map_or(State::default(), |record| record.state);
        Ok(Job {
            name: &job.name,
            state: state.as_str_name(),
            status: view::status(outcome),
            reused: job.choice.is_reuse(),
            attempt: job.attempt.to_string(),
            executions: record.map_or(0, |record| record.current_execution),
            result: view::result(outcome)?,
            reason: view::reason(outcome),
        })
    }
}

/// The end of what an execution wrote to standard error; nothing if its backend keeps no logs.
async fn last_lines(
    execution: Option<ExecutionRecord>,
    backends: &dyn DistributorSource,
) -> Vec<String> {
    let mut tail: Vec<u8> = Vec::new();
    let Some(execution) = execution else {
        return Vec::new();
    };
    let Ok(backend) = backends.distributor(&execution.config) else {
        return Vec::new();
    };
    let mut offset = 0;
    while offset < LONGEST_LOG {
        let read = backend.read_log(&execution.token, LogStream::Stderr, offset, LOG_CHUNK);
        match read.await {
            Ok(chunk) if !chunk.data.is_empty() => {
                offset += chunk.data.len() as u64;
                tail.extend(chunk.data);
                let surplus = tail.len().saturating_sub(LOG_CHUNK);
                tail.drain(..surplus);
            }
            _ => break,
        }
    }
    let text = String::from_utf8_lossy(&tail);
    let lines: Vec<&str> = text.lines().collect();
    let from = lines.len().saturating_sub(LAST_LINES);
    lines[from..]
        .iter()
        .map(|line| (*line).to_owned())
        .collect()
}
