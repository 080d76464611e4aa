//! Somebody wants an attempt to end.

use distributor_core::dm::attempt::State as Attempt;
use distributor_core::dm::execution::State as Execution;

use super::super::{ENDING_PATIENCE, ENDING_POLL_GAP};
use super::*;

fn cancelled() -> Option<Outcome> {
    Some(abnormal(Status::Cancelled, "enough"))
}

#[test]
fn an_attempt_that_was_not_started_ends_at_once() {
    for mut life in [
        Life::new(timed()),
        Life::declared(timed(), 2),
        Life::waiting(timed(), 1),
    ] {
        life.record.ready = (life.record.state == Attempt::Scheduling).then_some(4);
        assert_eq!(life.set(9).cancel(), [Effect::Ended]);
        assert_eq!(life.record.state, Attempt::AbnormalFinished);
        assert_eq!(life.record.outcome, cancelled());
        assert_eq!(life.record.ready, None);
        assert_eq!(life.record.modified, at(9));
    }
}

#[test]
fn a_run_that_is_under_way_is_told_and_what_it_started_must_be_over_first() {
    for state in [AnsweredState::Pending, AnsweredState::Running] {
        let mut life = Life::new(timed());
        life.start();
        assert_eq!(life.cancel(), [Effect::Abandon]);
        assert_eq!(life.cancel(), [], "once is enough");
        assert_eq!(life.record.state, Attempt::Scheduling);

        let effects = life.run_answers(Ok(run_answer(1, SECOND, state)));
        assert_eq!(effects, [cancel_task(1)]);
        assert_eq!(life.record.state, Attempt::Executing);
        assert!(life.execution().auth_token.0.is_empty());

        life.ended(data("{}"));
        assert_eq!(life.record.state, Attempt::AbnormalFinished);
        assert_eq!(life.record.outcome, cancelled());
    }
}

#[test]
fn a_run_that_was_told_in_time_has_started_nothing() {
    let mut life = Life::new(timed());
    life.start();
    life.cancel();
    assert_eq!(life.run_answers(Err("abandoned")), [Effect::Ended]);
    assert_eq!(life.record.prepared, None);
    assert_eq!(life.record.execution, None);
    assert_eq!(life.record.outcome, cancelled());
}

#[test]
fn a_run_that_nobody_wants_and_that_is_over_is_released() {
    let mut life = Life::new(simple());
    life.start();
    life.cancel();
    let over = AnsweredState::Finished(data("{}"));
    let effects = life.run_answers(Ok(run_answer(1, SECOND, over)));
    assert_eq!(effects, [release(1), Effect::Ended]);
    assert_eq!(life.record.outcome, cancelled());
}

#[test]
fn a_run_that_never_answers_is_waited_for_in_vain_for_two_minutes() {
    let mut life = Life::new(timed());
    life.start();
    life.cancel();
    let give_up = life.record.wake_at().expect("a time");
    assert_eq!(give_up, life.now.after(ENDING_PATIENCE));
    life.now = give_up;
    assert_eq!(life.apply(Event::Wake), Ok(vec![Effect::Ended]));
    assert_eq!(life.record.outcome, cancelled());
    // What it started after all is cancelled then.
    let late = Ok(run_answer(1, SECOND, AnsweredState::Running));
    assert_eq!(life.run_answers(late), [cancel_task(1)]);
}

#[test]
fn a_retry_that_was_not_started_ends_at_once() {
    let mut life = Life::running(Policy {
        retries: one_retry_each(),
        ..timed()
    });
    life.ended(failure(Status::Failed, "x"));
    assert_eq!(life.cancel(), [Effect::Ended]);
    assert_eq!(life.record.outcome, cancelled());
    assert_eq!(
        life.execution().outcome,
        Some(abnormal(Status::Failed, "x"))
    );
}

#[test]
fn a_live_execution_ends_when_its_task_does() {
    let retries = one_retry_each();
    let simple = Policy {
        retries,
        ..simple()
    };
    let timed = Policy { retries, ..timed() };
    for mut life in [
        Life::scheduled(timed),
        Life::running(timed),
        Life::stopping(timed),
        Life::scheduled(simple),
        Life::running(simple),
    ] {
        let state = life.execution_state();
        assert_eq!(life.set(5).cancel(), [cancel_task(1)]);
        assert_eq!(life.states(), (Attempt::Executing, state));
        assert!(life.execution().auth_token.0.is_empty());
        assert_eq!(
            life.execution().deadline,
            Some(at(5).after(ENDING_PATIENCE))
        );
        assert_eq!(life.record.wake_at(), Some(at(5).after(ENDING_POLL_GAP)));

        for result in [data("{}"), failure(Status::TimedOut, "killed")] {
            let mut life = life.clone();
            assert_eq!(life.ended(result), [release(1), Effect::Ended]);
            assert_eq!(life.states(), BOTH_FAILED);
            assert_eq!(life.record.outcome, cancelled());
            assert_eq!(life.execution().outcome, cancelled());
        }
    }
}

#[test]
fn a_task_that_does_not_end_is_polled_and_then_given_up() {
    let mut life = Life::running(timed());
    life.cancel();
    let (mut seconds, mut polls) = (0, 0);
    while !life.record.is_final() {
        seconds += 1;
        if life.set(seconds).wake().contains(&Effect::GetStatus) {
            polls += 1;
            life.status(AnsweredState::Running);
        }
    }
    assert_eq!((seconds, polls), (ENDING_PATIENCE.as_secs(), 23));
    assert_eq!(life.record.outcome, cancelled());
}

#[test]
fn the_wish_may_be_repeated_and_the_first_one_counts() {
    let mut life = Life::running(timed());
    life.cancel();
    life.set(50).ignores(Event::Cancel {
        reason: "really".to_owned(),
    });
    life.ended(data("{}"));
    assert_eq!(life.record.outcome, cancelled());
    life.ignores(Event::Cancel {
        reason: "really".to_owned(),
    });
}

#[test]
fn the_wish_is_stronger_than_a_timeout_that_would_be_retried() {
    let mut life = Life::running(Policy {
        simple: true,
        retries: one_retry_each(),
        ..timed()
    });
    assert_eq!(life.set(100).wake(), [cancel_task(1)]);
    let deadline = life.execution().deadline;
    assert_eq!(life.set(101).cancel(), []);
    assert_eq!(life.execution().deadline, deadline);
    assert_eq!(life.ended(data("{}")), [release(1), Effect::Ended]);
    assert_eq!(life.record.outcome, cancelled());
}

#[test]
fn a_finished_attempt_stays_finished() {
    let mut life = Life::stopping(timed());
    life.ended(data("{}"));
    life.ignores(Event::Cancel {
        reason: "enough".to_owned(),
    });
    assert_eq!(life.states(), (Attempt::Finished, Execution::Finished));
}

#[test]
fn only_the_current_execution_can_be_cancelled_by_its_number() {
    let cancel = |life: &mut Life, execution| {
        life.apply(Event::CancelExecution {
            execution,
            reason: "enough".to_owned(),
        })
    };
    for (mut life, over) in [
        (Life::new(timed()), None),
        (Life::running(timed()), Some(1)),
        (Life::waiting(timed(), 1), None),
    ] {
        for number in 0..3 {
            let answer = cancel(&mut life, number);
            if over == Some(number) {
                assert_eq!(answer, Ok(vec![cancel_task(1)]));
                assert_eq!(cancel(&mut life, number), Ok(Vec::new()), "again");
            } else {
                assert!(matches!(answer, Err(Refusal::Denied(_))), "{answer:?}");
            }
        }
    }
    // While `run` is under way there is no execution yet.
    let mut life = Life::new(timed());
    life.start();
    assert!(cancel(&mut life, 1).is_err());
}
