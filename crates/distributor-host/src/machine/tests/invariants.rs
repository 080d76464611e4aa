//! What must be true after every step.

use std::time::Duration;

use distributor_core::dm::attempt::State as Attempt;
use distributor_core::dm::execution::State as Execution;
use distributor_store::records::{AttemptRecord, ExecutionRecord, Outcome, Retries};

use super::super::{Effect, Event, STOPPING_POLLS};

/// Checks the record that `event` made of `before`, and what is owed because of it.
pub(super) fn check(
    before: &AttemptRecord,
    after: &AttemptRecord,
    effects: &[Effect],
    event: &Event,
) {
    if let Err(broken) = broken(before, after, effects) {
        panic!("{broken}\nbefore: {before:#?}\nevent: {event:?}\nafter: {after:#?}\n{effects:?}");
    }
}

fn broken(
    before: &AttemptRecord,
    after: &AttemptRecord,
    effects: &[Effect],
) -> Result<(), &'static str> {
    attempt(after)?;
    attempt_step(before, after)?;
    counters(before, after)?;
    if let Some(execution) = &after.execution {
        live_execution(after, execution)?;
        deadlines(after, execution)?;
    }
    if let (Some(before), Some(after)) = (&before.execution, &after.execution) {
        execution_step(before, after)?;
    }
    owed(before, after, effects)
}

fn ensure(holds: bool, broken: &'static str) -> Result<(), &'static str> {
    if holds { Ok(()) } else { Err(broken) }
}

fn is_live(execution: &ExecutionRecord) -> bool {
    !matches!(
        execution.state,
        Execution::Finished | Execution::AbnormalFinished
    )
}

fn attempt(after: &AttemptRecord) -> Result<(), &'static str> {
    let executing = after.state == Attempt::Executing;
    let live = after.execution.as_ref().is_some_and(is_live);
    ensure(executing == live, "EXECUTING means a live execution")?;
    ensure(
        after.execution.as_ref().map_or(0, |it| it.number) == after.current_execution,
        "the current execution has the current number",
    )?;
    let called_off = after.state == Attempt::Scheduling
        && (after.prepared.as_ref()).is_some_and(|prepared| prepared.ending.is_some());
    ensure(
        executing || called_off || after.wake_at().is_none(),
        "nothing is due unless EXECUTING, or called off while `run` is under way",
    )?;
    if let Some(prepared) = &after.prepared {
        ensure(
            prepared.ending.is_some() == prepared.give_up_at.is_some(),
            "who is called off is not waited for without end",
        )?;
    }
    if let Some(prepared) = &after.prepared {
        ensure(
            matches!(after.state, Attempt::Scheduling | Attempt::AbnormalFinished),
            "prepared only while SCHEDULING, or ended meanwhile",
        )?;
        ensure(
            prepared.execution == after.current_execution + 1,
            "numbers are contiguous",
        )?;
    }
    ensure(
        after.ready.is_none() || after.state == Attempt::Scheduling && after.prepared.is_none(),
        "ready only while nothing is decided",
    )?;
    let dependencies = &after.dependencies;
    match after.state {
        Attempt::Waiting => ensure(dependencies.unset() > 0, "WAITING for something")?,
        Attempt::Scheduling | Attempt::Finished => {
            ensure(dependencies.size() == 0, "the map is reset")?;
        }
        Attempt::Executing | Attempt::AbnormalFinished => {}
    }
    let outcome_fits = match after.state {
        Attempt::Finished => matches!(after.outcome, Some(Outcome::Data(_))),
        Attempt::AbnormalFinished => matches!(after.outcome, Some(Outcome::Abnormal(_))),
        Attempt::Executing => !matches!(after.outcome, Some(Outcome::Abnormal(_))),
        Attempt::Scheduling | Attempt::Waiting => after.outcome.is_none(),
    };
    ensure(outcome_fits, "the attempt's outcome fits its state")?;
    ensure(
        after.last_successful_execution <= after.current_execution,
        "a successful execution existed",
    )
}

fn attempt_step(before: &AttemptRecord, after: &AttemptRecord) -> Result<(), &'static str> {
    if before.is_final() {
        let mut same = after.clone();
        same.prepared = before.prepared.clone();
        ensure(same == *before, "final stays final")?;
    }
    ensure(
        after.current_execution == before.current_execution
            || after.current_execution == before.current_execution + 1,
        "executions are contiguous",
    )?;
    ensure(
        (after.state == before.state) || after.modified > before.modified,
        "a change of the attempt's state moves `modified`",
    )?;
    ensure(
        after.modified >= before.modified && after.created == before.created,
        "the attempt's times do not go back",
    )
}

fn counters(before: &AttemptRecord, after: &AttemptRecord) -> Result<(), &'static str> {
    let list = |retries: Retries| {
        [
            retries.failed,
            retries.crashed,
            retries.expired,
            retries.timed_out,
        ]
    };
    let (old, new) = (list(before.failures), list(after.failures));
    let grown: u32 = new
        .iter()
        .zip(old)
        .map(|(new, old)| new.saturating_sub(old))
        .sum();
    let reset = after.failures == Retries::default();
    ensure(
        new == old || reset || grown == 1 && new.iter().zip(old).all(|(new, old)| *new >= old),
        "one failure at a time is counted, or all are forgiven",
    )?;
    let over = |(count, budget): (&u32, u32)| *count > budget;
    ensure(
        after.is_final() || !new.iter().zip(list(after.policy.retries)).any(over),
        "an attempt over its budget is over",
    )
}

fn live_execution(after: &AttemptRecord, execution: &ExecutionRecord) -> Result<(), &'static str> {
    let live = is_live(execution);
    let may_call = matches!(execution.state, Execution::Scheduling | Execution::Running)
        && execution.ending.is_none();
    ensure(
        may_call || execution.auth_token.0.is_empty(),
        "the token is erased",
    )?;
    ensure(
        !after.policy.simple || execution.auth_token.0.is_empty(),
        "a simple quest's job has no token",
    )?;
    ensure(
        execution.outcome.is_some() != live,
        "an execution has an outcome once it is over",
    )?;
    ensure(
        live || !execution.polling && execution.ending.is_none(),
        "nothing is asked of what is over",
    )?;
    let outcome_fits = match execution.state {
        Execution::Finished => matches!(execution.outcome, Some(Outcome::Data(_))),
        Execution::AbnormalFinished => matches!(execution.outcome, Some(Outcome::Abnormal(_))),
        Execution::Scheduling | Execution::Running | Execution::Stopping => true,
    };
    ensure(outcome_fits, "the execution's outcome fits its state")?;
    ensure(
        execution.polls <= STOPPING_POLLS,
        "at most three polls in STOPPING",
    )
}

/// Whatever has a time limit is due at some time.
fn deadlines(after: &AttemptRecord, execution: &ExecutionRecord) -> Result<(), &'static str> {
    if !is_live(execution) {
        let nothing = execution.deadline.is_none() && execution.poll_at.is_none();
        return ensure(nothing, "nothing is due any more");
    }
    if execution.ending.is_some() {
        return ensure(
            execution.deadline.is_some() && execution.poll_at.is_some(),
            "an end that was decided will come",
        );
    }
    let limit = match execution.state {
        Execution::Scheduling => after.policy.start_timeout,
        Execution::Running => after.policy.run_timeout,
        _ if execution.poll_timeout.is_zero() => after.policy.stop_timeout,
        _ => execution.poll_timeout,
    };
    ensure(
        limit.is_zero() != execution.deadline.is_some(),
        "a deadline if there is a time limit, and only then",
    )?;
    let polled = after.policy.simple && execution.poll_timeout > Duration::ZERO;
    ensure(
        !polled || execution.poll_at.is_some(),
        "the task of a simple quest is polled",
    )
}

fn execution_step(before: &ExecutionRecord, after: &ExecutionRecord) -> Result<(), &'static str> {
    if before.number != after.number {
        return Ok(());
    }
    ensure(
        is_live(before) || before == after,
        "an execution that is over does not change",
    )?;
    ensure(
        after.state == before.state || after.modified > before.modified,
        "a change of the execution's state moves `modified`",
    )?;
    ensure(
        before.token == after.token && before.config == after.config,
        "the same task at the same backend for life",
    )
}

fn owed(
    before: &AttemptRecord,
    after: &AttemptRecord,
    effects: &[Effect],
) -> Result<(), &'static str> {
    let called_off = |record: &AttemptRecord| {
        let prepared = record.prepared.as_ref();
        prepared.is_some_and(|prepared| prepared.ending.is_some())
    };
    let count = |wanted: fn(&Effect) -> bool| effects.iter().filter(|it| wanted(it)).count();
    let exactly = |wanted: fn(&Effect) -> bool, owed: bool, broken: &'static str| {
        ensure(count(wanted) == usize::from(owed), broken)
    };
    exactly(
        |effect| matches!(effect, Effect::Ready),
        after.state == Attempt::Scheduling
            && (before.state != Attempt::Scheduling
                || before.current_execution != after.current_execution),
        "whoever becomes SCHEDULING wants to be started",
    )?;
    exactly(
        |effect| matches!(effect, Effect::Run),
        after.prepared.is_some() && before.prepared.is_none(),
        "what is prepared is run",
    )?;
    exactly(
        |effect| matches!(effect, Effect::Ended),
        after.is_final() && !before.is_final(),
        "the end is told",
    )?;
    exactly(
        |effect| matches!(effect, Effect::Abandon),
        called_off(after) && !called_off(before),
        "a run that nobody wants is told so",
    )?;
    let asked = |record: &AttemptRecord| {
        let execution = record.execution.as_ref().filter(|it| it.polling);
        execution.map(|it| it.number)
    };
    let asks_again = |record: &AttemptRecord| {
        let execution = record.execution.as_ref();
        execution.is_some_and(|it| it.ask_again)
    };
    ensure(
        asked(after).is_some() || !asks_again(after),
        "only a query can be followed by another",
    )?;
    exactly(
        |effect| matches!(effect, Effect::GetStatus),
        asked(after).is_some() && asked(after) != asked(before),
        "a query is under way if it is owed",
    )?;
    let archived = effects.iter().find_map(|effect| match effect {
        Effect::Archive(execution) => Some(execution.as_ref()),
        _ => None,
    });
    let replaced = before.current_execution != after.current_execution;
    ensure(
        archived == before.execution.as_ref().filter(|_| replaced),
        "the former execution is kept",
    )
}
