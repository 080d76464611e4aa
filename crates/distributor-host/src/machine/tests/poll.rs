//! Timeouts, polls, and what `get_status` answers.

use distributor_core::dm::attempt::State as Attempt;
use distributor_core::dm::execution::State as Execution;

use super::super::{ENDING_PATIENCE, ENDING_POLL_GAP, MAX_REASON_BYTES, MISSING_GRACE, OVERSLEPT};
use super::*;

const MICROSECOND: Duration = Duration::from_micros(1);

fn timed_out(state: Execution) -> Outcome {
    let reason = format!("DM timeout ({})", state.as_str_name());
    abnormal(Status::TimedOut, &reason)
}

/// Its execution is SCHEDULING, and `run` has named this poll timeout.
fn polled(policy: Policy, poll_timeout: Duration) -> Life {
    let mut life = Life::new(policy);
    life.start();
    life.run_answers(Ok(run_answer(1, poll_timeout, AnsweredState::Pending)));
    life
}

fn before(seconds: u64) -> Timestamp {
    Timestamp::from_micros(at(seconds).as_micros() - 1)
}

#[test]
fn dc_30_timeouts_fire_exactly_at_entry_plus_duration() {
    let cases = [
        (Life::scheduled(timed()), Execution::Scheduling, 10),
        (Life::running(timed()), Execution::Running, 100),
    ];
    for (mut life, state, seconds) in cases {
        life.now = before(seconds);
        life.ignores(Event::Wake);
        assert_eq!(life.record.wake_at(), Some(at(seconds)));
        assert_eq!(life.set(seconds).wake(), [cancel_task(1), Effect::Ended]);
        assert_eq!(life.states(), BOTH_FAILED);
        assert_eq!(life.execution().outcome, Some(timed_out(state)));
        assert_eq!(life.record.outcome, Some(timed_out(state)));
    }
}

#[test]
fn dc_30_stopping_polls_exactly_at_entry_plus_duration() {
    let mut life = Life::stopping(timed());
    life.now = before(60);
    life.ignores(Event::Wake);
    assert_eq!(life.set(60).wake(), [Effect::GetStatus]);
}

#[test]
fn dc_30_zero_is_no_timeout() {
    let none = Policy::default();
    for mut life in [
        Life::scheduled(none),
        Life::running(none),
        Life::stopping(none),
    ] {
        assert_eq!(life.record.wake_at(), None);
        life.set(1_000_000_000).ignores(Event::Wake);
    }
    let mut life = Life::running(simple());
    assert_eq!(life.record.wake_at(), None);
    life.set(1_000_000_000).ignores(Event::Wake);
}

#[test]
fn dc_30_a_timeout_below_the_clocks_precision_is_not_early() {
    let mut life = Life::scheduled(Policy {
        start_timeout: Duration::from_nanos(1_001),
        ..Policy::default()
    });
    life.now = at(0).after(MICROSECOND);
    life.ignores(Event::Wake);
    life.now = at(0).after(2 * MICROSECOND);
    assert_eq!(life.wake(), [cancel_task(1), Effect::Ended]);
}

#[test]
fn dc_30_the_longest_timeout_is_the_end_of_time() {
    let life = Life::scheduled(Policy {
        start_timeout: Duration::MAX,
        ..Policy::default()
    });
    assert_eq!(
        life.record.wake_at(),
        Some(Timestamp::from_micros(i64::MAX))
    );
}

#[test]
fn dc_31_the_poll_timeout_replaces_the_stop_timeout() {
    for (poll, expected) in [(10, 10), (0, 60), (3600, 3600)] {
        let mut life = polled(timed(), Duration::from_secs(poll));
        life.activate();
        life.finish_attempt().unwrap();
        assert_eq!(life.record.wake_at(), Some(at(expected)));
        assert_eq!(life.set(expected).wake(), [Effect::GetStatus]);
    }
}

#[test]
fn dc_31_a_job_that_speaks_the_api_is_not_polled_before_stopping() {
    let mut life = polled(timed(), SECOND);
    assert_eq!(life.record.wake_at(), Some(at(10)));
    life.activate();
    assert_eq!(life.record.wake_at(), Some(at(100)));
}

#[test]
fn dc_32_three_polls_thirty_seconds_apart_and_dc_33_then_expired() {
    let mut life = Life::stopping(timed());
    for (seconds, poll) in [(60, 1), (90, 2), (120, 3)] {
        assert_eq!(life.record.wake_at(), Some(at(seconds)));
        life.now = before(seconds);
        life.ignores(Event::Wake);
        assert_eq!(life.set(seconds).wake(), [Effect::GetStatus]);
        assert_eq!(life.execution().polls, poll);
        // Neither a fruitless answer nor a late one moves the next poll.
        assert_eq!(life.set(seconds + 7).status(AnsweredState::Running), []);
        life.ignores(Event::Wake);
    }
    assert_eq!(life.record.wake_at(), Some(at(150)));
    assert_eq!(life.set(150).wake(), [cancel_task(1), Effect::Ended]);
    assert_eq!(life.states(), BOTH_FAILED);
    let reason = "DM timeout (STOPPING): no result after 3 status queries";
    assert_eq!(life.record.outcome, Some(abnormal(Status::Expired, reason)));
}

#[test]
fn dc_32_a_result_at_the_second_poll_is_used() {
    let mut life = Life::stopping(timed());
    life.set(60).wake();
    life.status(AnsweredState::Running);
    life.set(90).wake();
    let effects = life.status(AnsweredState::Finished(data("{}")));
    assert_eq!(effects, [release(1), Effect::Ended]);
    assert_eq!(life.states(), (Attempt::Finished, Execution::Finished));
    assert_eq!(life.record.wake_at(), None);
}

#[test]
fn dc_33_the_last_error_is_named_and_the_expired_budget_is_used() {
    let mut life = Life::stopping(Policy {
        retries: Retries {
            expired: 1,
            ..Retries::default()
        },
        ..timed()
    });
    for seconds in [60, 90, 120] {
        life.set(seconds).wake();
        life.answers(StatusAnswer::Transient(format!("busy at {seconds}")));
    }
    assert_eq!(life.set(150).wake(), [cancel_task(1), Effect::Ready]);
    let reason = "DM timeout (STOPPING): no result after 3 status queries; last error: busy at 120";
    assert_eq!(
        life.execution().outcome,
        Some(abnormal(Status::Expired, reason))
    );
    let expired = Retries {
        expired: 1,
        ..Retries::default()
    };
    assert_eq!(life.record.failures, expired);
    assert_eq!(
        (life.record.state, &life.record.outcome),
        (Attempt::Scheduling, &None)
    );
}

#[test]
fn dc_32_a_slow_answer_does_not_stop_the_count() {
    let mut life = Life::stopping(timed());
    assert_eq!(life.set(60).wake(), [Effect::GetStatus]);
    assert_eq!(life.set(90).wake(), []);
    assert_eq!(life.set(120).wake(), []);
    assert_eq!(life.set(150).wake(), [cancel_task(1), Effect::Ended]);
}

#[test]
fn dc_32_a_late_wake_up_does_not_stretch_the_schedule() {
    let mut life = Life::stopping(timed());
    life.set(65).wake();
    assert_eq!(life.record.wake_at(), Some(at(90)));
}

#[test]
fn polls_that_were_slept_through_are_made_up_for_with_time_to_answer() {
    let mut life = Life::stopping(timed());
    assert_eq!(life.set(10_000).wake(), [Effect::GetStatus]);
    life.ignores(Event::Wake);
    assert_eq!(life.record.wake_at(), Some(at(10_030)));
    life.status(AnsweredState::Finished(data("{}")));
    assert_eq!(life.record.state, Attempt::Finished);
}

#[test]
fn a_give_up_that_was_slept_through_asks_once_more() {
    let mut life = Life::stopping(timed());
    for seconds in [60, 90, 120] {
        life.set(seconds).wake();
        life.status(AnsweredState::Running);
    }
    assert_eq!(life.set(10_000).wake(), [Effect::GetStatus]);
    assert_eq!(life.set(10_030).wake(), [cancel_task(1), Effect::Ended]);
}

#[test]
fn a_timeout_that_was_slept_through_asks_before_it_judges() {
    for (mut life, limit) in [
        (Life::scheduled(timed()), 10),
        (Life::running(timed()), 100),
    ] {
        let late = limit + OVERSLEPT.as_secs();
        let mut in_time = life.clone();
        assert_eq!(in_time.set(late).wake(), [cancel_task(1), Effect::Ended]);

        life.now = at(late).after(MICROSECOND);
        assert_eq!(life.wake(), [Effect::GetStatus]);
        let judged = life.now.after(OVERSLEPT);
        assert_eq!(life.record.wake_at(), Some(judged));
        life.status(AnsweredState::Running);
        life.now = judged;
        assert_eq!(life.wake(), [cancel_task(1), Effect::Ended]);
    }
}

#[test]
fn a_simple_quest_that_ended_in_time_while_the_service_was_down_is_not_timed_out() {
    let mut life = Life::running(Policy {
        simple: true,
        ..timed()
    });
    assert_eq!(life.set(10_000).wake(), [Effect::GetStatus]);
    life.status(AnsweredState::Finished(data("{}")));
    assert_eq!(life.record.state, Attempt::Finished);
}

#[test]
fn dc_39_no_result_yet_changes_nothing_but_that_the_answer_came() {
    let mut life = Life::running(timed());
    let before = life.record.clone();
    for state in [AnsweredState::Pending, AnsweredState::Running] {
        assert_eq!(life.does(Event::AskStatus), [Effect::GetStatus]);
        life.status(state);
        assert_eq!(life.record, before);
    }
}

#[test]
fn dc_40_a_permanent_error_after_the_grace_is_missing_at_once() {
    for state in [
        Execution::Scheduling,
        Execution::Running,
        Execution::Stopping,
    ] {
        let policy = Policy {
            retries: one_retry_each(),
            ..Policy::default()
        };
        let mut life = match state {
            Execution::Scheduling => Life::scheduled(policy),
            Execution::Running => Life::running(policy),
            _ => Life::stopping(policy),
        };
        life.does(Event::AskStatus);
        let answer = StatusAnswer::Permanent("no such task".to_owned());
        assert_eq!(life.set(31).answers(answer), [Effect::Ended]);
        assert_eq!(life.states(), BOTH_FAILED);
        let missing = abnormal(Status::Missing, "no such task");
        assert_eq!(life.record.outcome, Some(missing));
        assert_eq!(life.record.failures, Retries::default());
    }
}

#[test]
fn dc_41_a_permanent_error_within_the_grace_is_asked_again() {
    for (seconds, missing) in [(0, false), (29, false), (30, false), (31, true)] {
        let mut life = Life::running(Policy::default());
        life.does(Event::AskStatus);
        life.set(seconds)
            .answers(StatusAnswer::Permanent("no such task".to_owned()));
        assert_eq!(life.record.is_final(), missing, "{seconds}");
        if !missing {
            let again = at(30).after(MICROSECOND);
            assert_eq!(life.record.wake_at(), Some(again));
            life.now = again;
            assert_eq!(life.wake(), [Effect::GetStatus]);
            life.answers(StatusAnswer::Permanent("still none".to_owned()));
            let missing = abnormal(Status::Missing, "still none");
            assert_eq!(life.record.outcome, Some(missing));
        }
    }
}

#[test]
fn dc_41_the_grace_counts_from_the_answer_of_run() {
    let mut life = Life::new(Policy::default());
    life.set(0).start();
    life.set(100).run_answers(Ok(pending()));
    life.does(Event::AskStatus);
    life.now = at(100).after(MISSING_GRACE);
    life.answers(StatusAnswer::Permanent("no such task".to_owned()));
    assert!(!life.record.is_final());
}

#[test]
fn dc_41_in_stopping_the_next_poll_is_the_scheduled_one() {
    let mut life = polled(timed(), 10 * SECOND);
    life.activate();
    life.finish_attempt().unwrap();
    life.set(10).wake();
    life.set(29)
        .answers(StatusAnswer::Permanent("no such task".to_owned()));
    assert_eq!(life.record.wake_at(), Some(at(40)));
    assert_eq!(life.set(40).wake(), [Effect::GetStatus]);
}

#[test]
fn a_failed_query_is_repeated_although_a_timeout_is_far_away() {
    let mut life = Life::running(Policy {
        run_timeout: 600 * MINUTE,
        ..Policy::default()
    });
    life.does(Event::AskStatus);
    life.set(5)
        .answers(StatusAnswer::Transient("no network".to_owned()));
    assert_eq!(life.record.wake_at(), Some(at(35)));
    assert_eq!(life.set(35).wake(), [Effect::GetStatus]);
    // Once is enough: nobody polls such a job while it runs.
    life.status(AnsweredState::Running);
    assert_eq!(life.record.wake_at(), Some(at(36_000)));
}

#[test]
fn a_repeated_query_without_a_poll_timeout_is_no_storm() {
    let mut life = Life::running(simple());
    life.does(Event::AskStatus);
    life.answers(StatusAnswer::Permanent("not yet".to_owned()));
    life.set(31).wake();
    assert_eq!(life.record.wake_at(), None);
    life.answers(StatusAnswer::Transient("busy".to_owned()));
    assert_eq!(life.record.wake_at(), Some(at(61)));
}

#[test]
fn a_query_that_is_to_be_repeated_survives_the_end_of_the_job() {
    let mut life = Life::running(Policy::default());
    life.does(Event::AskStatus);
    life.answers(StatusAnswer::Transient("busy".to_owned()));
    life.finish_attempt().unwrap();
    assert_eq!(life.record.wake_at(), Some(at(30)));
    assert_eq!(life.set(30).wake(), [Effect::GetStatus]);
}

#[test]
fn a_simple_quest_is_polled_at_its_interval_one_query_at_a_time() {
    let mut life = polled(simple(), 10 * SECOND);
    assert_eq!(life.set(10).wake(), [Effect::GetStatus]);
    assert_eq!(life.record.wake_at(), Some(at(20)));
    assert_eq!(life.set(20).wake(), []);
    assert_eq!(life.does(Event::AskStatus), []);
    life.status(AnsweredState::Running);
    assert_eq!(life.execution_state(), Execution::Running);
    assert_eq!(life.set(30).wake(), [Effect::GetStatus]);
}

#[test]
fn a_backend_that_wants_to_be_polled_all_the_time_is_not() {
    let mut life = polled(simple(), Duration::from_nanos(1));
    life.set(1).wake();
    assert_eq!(
        life.record.wake_at(),
        Some(at(1).after(Duration::from_millis(1)))
    );
}

#[test]
fn a_status_query_is_only_for_a_live_execution() {
    let mut ended = Life::stopping(timed());
    ended.ended(data("{}"));
    for mut life in [Life::new(timed()), Life::waiting(timed(), 1), ended] {
        life.ignores(Event::AskStatus);
        life.set(1_000_000).ignores(Event::Wake);
    }
}

#[test]
fn dc_37_a_timeout_of_a_simple_quest_waits_until_its_task_is_over() {
    let mut life = Life::running(Policy {
        simple: true,
        retries: one_retry_each(),
        ..timed()
    });
    assert_eq!(life.set(100).wake(), [cancel_task(1)]);
    assert_eq!(life.states(), (Attempt::Executing, Execution::Running));
    assert_eq!(
        life.execution().deadline,
        Some(at(100).after(ENDING_PATIENCE))
    );
    assert_eq!(life.record.wake_at(), Some(at(100).after(ENDING_POLL_GAP)));
    assert_eq!(life.set(105).wake(), [Effect::GetStatus]);
    life.status(AnsweredState::Running);
    assert_eq!(life.record.wake_at(), Some(at(110)));
    // Whatever the backend makes of it, the timeout is what is recorded.
    let effects = life.ended(data("{}"));
    assert_eq!(effects, [release(1), Effect::Ready]);
    assert_eq!(
        life.execution().outcome,
        Some(timed_out(Execution::Running))
    );
    assert_eq!(life.record.failures.timed_out, 1);
}

#[test]
fn dc_37_the_patience_with_a_task_that_does_not_end_is_limited() {
    let mut life = Life::running(Policy {
        simple: true,
        ..timed()
    });
    life.set(100).wake();
    life.set(219).wake();
    life.status(AnsweredState::Running);
    assert_eq!(life.states(), (Attempt::Executing, Execution::Running));
    assert_eq!(life.set(220).wake(), [Effect::Ended]);
    assert_eq!(life.record.outcome, Some(timed_out(Execution::Running)));
}

#[test]
fn a_patience_that_was_slept_through_begins_anew() {
    let mut life = Life::running(Policy {
        simple: true,
        retries: one_retry_each(),
        ..timed()
    });
    life.set(100).wake();
    // Ended now, the retry would start while the first task may still run.
    assert_eq!(life.set(10_000).wake(), [Effect::GetStatus]);
    assert_eq!(life.execution().deadline, Some(at(10_120)));
    life.status(AnsweredState::Running);
    assert_eq!(life.set(10_120).wake(), [Effect::Ready]);
}

#[test]
fn a_task_that_is_missing_while_it_is_called_off_ends_as_decided() {
    let mut life = Life::running(Policy {
        simple: true,
        ..timed()
    });
    life.set(100).wake();
    life.set(105).wake();
    life.answers(StatusAnswer::Permanent("no such task".to_owned()));
    assert_eq!(life.record.outcome, Some(timed_out(Execution::Running)));
}

#[test]
fn a_task_that_begins_while_it_is_called_off_keeps_the_patience() {
    let mut life = polled(
        Policy {
            simple: true,
            ..timed()
        },
        MINUTE,
    );
    life.set(10).wake();
    let deadline = life.execution().deadline;
    life.set(15).wake();
    life.status(AnsweredState::Running);
    assert_eq!(life.execution_state(), Execution::Running);
    assert_eq!(life.execution().deadline, deadline);
    life.ended(failure(Status::Crashed, "killed"));
    assert_eq!(life.record.outcome, Some(timed_out(Execution::Scheduling)));
}

#[test]
fn an_overlong_error_is_kept_in_part() {
    let mut life = Life::running(timed());
    life.does(Event::AskStatus);
    life.answers(StatusAnswer::Transient("x".repeat(10 * MAX_REASON_BYTES)));
    let kept = life.execution().last_error.clone().unwrap();
    assert!(kept.len() < MAX_REASON_BYTES + 20 && kept.ends_with(" … (cut)"));
    life.status(AnsweredState::Running);
    assert_eq!(life.execution().last_error, None);
}

#[test]
fn a_clock_that_goes_back_fires_nothing() {
    let mut life = Life::stopping(timed());
    life.now = Timestamp::from_micros(-5);
    life.ignores(Event::Wake);
    life.does(Event::AskStatus);
    life.answers(StatusAnswer::Permanent("no such task".to_owned()));
    assert!(!life.record.is_final());
}
