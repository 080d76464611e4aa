//! What is started, runs, stops, runs again, or is over.

use super::*;

#[test]
fn a_start_that_is_under_way() {
    let with = |prepared, tries| of(id(1), starting(prepared), Surroundings::Start(tries));
    check(
        &with(prepared(), Tries::default()),
        &[
            "is being started as execution 1 at configuration \"farm\" since 1970-01-01T00:00:01Z",
            "has not answered yet",
        ],
    );
    let tried = with(
        prepared(),
        Tries {
            failed: 3,
            next: Some(at(40)),
        },
    );
    check(
        &tried,
        &["3 tries have failed, the next one is at 1970-01-01T00:00:40Z"],
    );
    check_fact(&tried, "failed_tries", "3");
    let called_off = Prepared {
        ending: Some(abnormal(Status::Cancelled, "not wanted")),
        give_up_at: Some(at(121)),
        ..prepared()
    };
    check(
        &with(called_off, Tries::default()),
        &[
            "is being called off (CANCELLED: not wanted) while its start",
            "at 1970-01-01T00:02:01Z",
        ],
    );
}

#[test]
fn running_again() {
    let mut last = execution(execution::State::AbnormalFinished);
    last.outcome = Some(Outcome::Abnormal(abnormal(Status::Crashed, "signal 9")));
    let mut again = record(attempt::State::Scheduling);
    again.policy.retries.crashed = 2;
    again.failures.crashed = 1;
    again.current_execution = 1;
    again.execution = Some(last);
    check(
        &of(id(1), again.clone(), line(Some(0), Some(1), 1)),
        &["runs again because execution 1 ended CRASHED: signal 9, with 1 of 2 retries used"],
    );
    let result = Arc::new(JsonResult::default());
    again.execution.as_mut().unwrap().outcome = Some(Outcome::Data(result));
    check(
        &of(id(1), again, line(Some(0), Some(1), 1)),
        &["runs again because all that execution 1 asked for is over"],
    );
}

#[test]
fn executing_in_every_state_of_the_execution() {
    use execution::State::{Running, Scheduling, Stopping};
    let with = |execution| of(id(1), executing(execution), Surroundings::Nothing);
    let timed = |state| ExecutionRecord {
        deadline: Some(at(60)),
        ..execution(state)
    };
    let deadline = "1970-01-01T00:01:00Z";
    check(
        &with(timed(Scheduling)),
        &[
            "was handed to configuration \"farm\" as execution 1",
            "has not activated it yet",
            deadline,
        ],
    );
    check(&with(execution(Scheduling)), &["no start timeout"]);
    let mut simple = executing(execution(Scheduling));
    simple.policy.simple = true;
    check(
        &of(id(1), simple, Surroundings::Nothing),
        &["does not run there yet"],
    );
    check(
        &with(timed(Running)),
        &[
            "is running as execution 1 at configuration \"farm\" since 1970-01-01T00:00:03Z",
            deadline,
        ],
    );
    check(&with(execution(Running)), &["no run timeout"]);
    check(
        &with(execution(Stopping)),
        &["has delivered its result", "no stop timeout"],
    );
    check(&with(timed(Stopping)), &["first of 3 times at", deadline]);
    let polled = |polls| ExecutionRecord {
        polls,
        last_error: Some("connection refused".to_owned()),
        ..timed(Stopping)
    };
    check(
        &with(polled(2)),
        &[
            "asked 2 of 3 times, the next is at",
            deadline,
            "it failed: connection refused",
        ],
    );
    check(
        &with(polled(3)),
        &["asked 3 of 3 times, and at", deadline, "EXPIRED"],
    );
    check_fact(&with(polled(2)), "last_error", "connection refused");
    let mut halting = executing(timed(Stopping));
    halting.dependencies = Bits::new(5);
    check(
        &of(id(1), halting, Surroundings::Nothing),
        &["is stopping to wait for 5 attempts"],
    );
    let called_off = ExecutionRecord {
        ending: Some(abnormal(Status::TimedOut, "DM timeout (RUNNING)")),
        poll_at: Some(at(50)),
        ..timed(Running)
    };
    let called_off = with(called_off);
    check(
        &called_off,
        &[
            "called off (TIMED_OUT: DM timeout (RUNNING))",
            "told to stop",
            deadline,
            "asked at",
        ],
    );
    check_fact(&called_off, "called_off_status", "TIMED_OUT");
}

#[test]
fn what_is_over() {
    let mut finished = record(attempt::State::Finished);
    finished.current_execution = 2;
    finished.outcome = Some(Outcome::Data(Arc::new(JsonResult {
        size: 17,
        ..JsonResult::default()
    })));
    let finished = of(id(1), finished, Surroundings::Nothing);
    check(
        &finished,
        &[
            "finished at 1970-01-01T00:00:10Z, after 2 executions",
            "17 bytes",
        ],
    );
    check_fact(&finished, "result_bytes", "17");

    let ended = |status, reason: &str, executions, failed| {
        let mut ended = record(attempt::State::AbnormalFinished);
        ended.current_execution = executions;
        ended.policy.retries.failed = 2;
        ended.failures = Retries {
            failed,
            ..Retries::default()
        };
        ended.outcome = Some(Outcome::Abnormal(abnormal(status, reason)));
        of(id(1), ended, Surroundings::Nothing)
    };
    let failed = ended(Status::Failed, "exit code 1", 3, 3);
    check(
        &failed,
        &["ended FAILED: exit code 1 at", "with 2 of 2 retries used"],
    );
    check_fact(&failed, "retries_allowed", "2");
    let rejected = ended(Status::Rejected, "no", 1, 0);
    check(&rejected, &["ended REJECTED: no at", "never tried again"]);
    let reason =
        named("needs #2, which ended CANCELLED: needs #3, which ended FAILED: exit code 1");
    let cancelled = ended(Status::Cancelled, &reason, 0, 0);
    check(
        &cancelled,
        &["ended CANCELLED: needs #2", "without any execution"],
    );
    check_fact(&cancelled, "culprit", "#3");
}

#[test]
fn a_reason_is_one_line_and_not_too_long() {
    let reason = format!("first\nsecond {}", "é".repeat(1000));
    let mut ended = record(attempt::State::AbnormalFinished);
    ended.outcome = Some(Outcome::Abnormal(abnormal(Status::Failed, &reason)));
    let ended = of(id(1), ended, Surroundings::Nothing);
    check(&ended, &["FAILED: first second é", " …"]);
    assert!(sentence(&ended).chars().count() < 500);
    check_fact(&ended, "reason", &reason);
}

#[test]
fn only_a_reason_that_the_host_wrote_names_a_culprit() {
    for reason in [
        "",
        "needs money",
        "needs x, which ended FAILED: y",
        "exit code 1",
    ] {
        assert_eq!(culprit(reason), None, "{reason}");
    }
    assert_eq!(culprit(&named("needs #4, which ended FAILED")), Some(id(4)));
}
