//! One sentence for every state: a table of what is known and what is said.

use std::sync::Arc;
use std::time::Duration;

use distributor_core::dm::abnormal_finish::Status;
use distributor_core::dm::{AbnormalFinish, JsonResult, attempt, execution};
use distributor_core::{AttemptId, ConfigSnapshot, QuestId, Timestamp, Token};
use distributor_store::bits::Bits;
use distributor_store::records::{
    AttemptRecord, ExecutionRecord, Outcome, Policy, Prepared, Retries, StoredSecret,
};

use super::facts::{culprit, facts};
use super::sentence::sentence;
use super::situation::{
    Absent, Count, Line, NoRoom, Others, Pending, Room, Situation, Surroundings, Tries,
};

fn id(byte: u8) -> AttemptId {
    QuestId::from_bytes([byte; 32]).attempt(1)
}

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_micros(0).after(Duration::from_secs(seconds))
}

fn config(name: &str) -> Arc<ConfigSnapshot> {
    Arc::new(ConfigSnapshot {
        name: name.to_owned(),
        version: "v1".to_owned(),
        config_type: String::new(),
        content: Vec::new(),
        dm_host: String::new(),
    })
}

fn abnormal(status: Status, reason: &str) -> Arc<AbnormalFinish> {
    Arc::new(AbnormalFinish {
        status: status.into(),
        reason: reason.to_owned(),
    })
}

fn record(state: attempt::State) -> AttemptRecord {
    let (record, _) = distributor_host::machine::create(id(1), "farm", Policy::default(), 0, at(0));
    AttemptRecord {
        state,
        modified: at(10),
        ..record
    }
}

fn execution(state: execution::State) -> ExecutionRecord {
    ExecutionRecord {
        number: 1,
        state,
        created: at(1),
        modified: at(3),
        started: at(2),
        config: config("farm"),
        token: Token::default(),
        auth_token: StoredSecret::default(),
        poll_timeout: Duration::ZERO,
        deadline: None,
        poll_at: None,
        polls: 0,
        polling: false,
        last_error: None,
        activation_digest: Vec::new(),
        ending: None,
        outcome: None,
    }
}

fn executing(execution: ExecutionRecord) -> AttemptRecord {
    AttemptRecord {
        current_execution: execution.number,
        execution: Some(execution),
        ..record(attempt::State::Executing)
    }
}

fn prepared() -> Prepared {
    Prepared {
        execution: 1,
        activation_token: StoredSecret::default(),
        config: config("farm"),
        created: at(1),
        poke: false,
        ending: None,
        give_up_at: None,
    }
}

fn starting(prepared: Prepared) -> AttemptRecord {
    AttemptRecord {
        prepared: Some(prepared),
        ..record(attempt::State::Scheduling)
    }
}

fn of(id: AttemptId, record: AttemptRecord, surroundings: Surroundings) -> Situation {
    Situation {
        id,
        record: Some(record),
        surroundings,
    }
}

fn exactly(number: usize) -> Count {
    Count {
        number,
        or_more: false,
    }
}

fn line(ahead: Option<usize>, capacity: Option<usize>, unfinished: usize) -> Surroundings {
    Surroundings::Line(Line {
        ahead: ahead.map(exactly),
        room: Ok(Room {
            config: "farm".to_owned(),
            capacity,
            unfinished: exactly(unfinished),
        }),
    })
}

fn no_room(room: NoRoom) -> Surroundings {
    Surroundings::Line(Line {
        ahead: Some(exactly(0)),
        room: Err(room),
    })
}

fn others(
    pending: usize,
    shown: &[(u8, attempt::State)],
    first: Option<Situation>,
) -> Surroundings {
    let shown = shown.iter().map(|(byte, state)| Pending {
        id: id(*byte),
        state: Some(*state),
    });
    Surroundings::Others(Others {
        pending,
        shown: shown.collect(),
        first: first.map(Box::new),
    })
}

/// The sentence says all of `parts` in this order, begins with the name, is one, and the facts name it too.
#[track_caller]
fn check(situation: &Situation, parts: &[&str]) {
    let sentence = sentence(situation);
    let begin = format!("Attempt {} ", situation.id);
    let mut rest = sentence
        .strip_prefix(&begin)
        .unwrap_or_else(|| panic!("{sentence}"));
    assert!(rest.ends_with('.') && !rest.contains('\n'), "{sentence}");
    for part in parts {
        let part = named(part);
        match rest.split_once(&part) {
            Some((_, after)) => rest = after,
            None => panic!("no {part:?} (in this order) in: {sentence}"),
        }
    }
    let facts = facts(situation);
    assert_eq!(facts[0].name, "attempt");
    assert_eq!(facts[0].value, situation.id.to_string());
    for fact in facts {
        let plain = |c: char| c.is_ascii_lowercase() || c == '_';
        assert!(fact.name.chars().all(plain), "{}", fact.name);
    }
}

/// `#2` is the attempt of quest 2.
fn named(part: &str) -> String {
    (1..=9).fold(part.to_owned(), |text, byte: u8| {
        text.replace(&format!("#{byte}"), &id(byte).to_string())
    })
}

#[track_caller]
fn check_fact(situation: &Situation, name: &str, value: &str) {
    let facts = facts(situation);
    let found = facts
        .iter()
        .any(|it| it.name == name && it.value == named(value));
    assert!(found, "no {name} = {value} in {facts:?}");
}

#[test]
fn an_attempt_that_does_not_exist() {
    let absent = |absent| Situation {
        id: id(1),
        record: None,
        surroundings: Surroundings::Absent(absent),
    };
    let no_quest = absent(Absent::Quest);
    check(&no_quest, &["does not exist", "its quest does not either"]);
    check_fact(&no_quest, "quest_exists", "false");
    let other = absent(Absent::Attempt {
        others: 3,
        newest: Some(7),
    });
    check(
        &other,
        &[
            "does not exist",
            "but its quest does",
            "3 attempts",
            "number 7",
        ],
    );
    let none = absent(Absent::Attempt {
        others: 0,
        newest: None,
    });
    check(&none, &["neither does any other of its quest"]);
}

#[test]
fn waiting_for_what_waits_for_what_is_queued() {
    use attempt::State::{Executing, Scheduling, Waiting};
    let queued = of(id(3), record(Scheduling), line(Some(12), Some(2), 2));
    let middle = of(
        id(2),
        record(Waiting),
        others(1, &[(3, Scheduling)], Some(queued)),
    );
    let declared = of(
        id(1),
        record(Waiting),
        others(1, &[(2, Waiting)], Some(middle.clone())),
    );
    check(
        &declared,
        &[
            "waits for #2 (WAITING), which waits for #3 (SCHEDULING), which is queued behind 12 others at \
             configuration \"farm\" (2 slots)",
            "; it was created with this need",
        ],
    );
    check_fact(&declared, "waits_for", "#2");
    check_fact(&declared, "waits_for", "#3");
    check_fact(&declared, "ahead_in_line", "12");

    let mut asked = record(Waiting);
    asked.current_execution = 2;
    let states = [(4, Executing), (2, Waiting), (5, Scheduling)];
    let dynamic = of(id(1), asked, others(7, &states, Some(middle)));
    check(
        &dynamic,
        &[
            "waits for 7 attempts, #4 (EXECUTING), #2 (WAITING), #5 (SCHEDULING) and 4 more, of which #2 \
             waits for #3",
            "; its execution 2 asked for that",
        ],
    );
    check_fact(&dynamic, "pending_dependencies", "7");
    check_fact(&dynamic, "pending_dependency", "#4 EXECUTING");
}

#[test]
fn waiting_where_the_chain_ends() {
    use attempt::State::{Executing, Finished, Waiting};
    let running = of(
        id(2),
        executing(execution(execution::State::Running)),
        Surroundings::Nothing,
    );
    let waits = others(1, &[(2, Executing)], Some(running));
    check(
        &of(id(1), record(Waiting), waits),
        &["waits for #2 (EXECUTING), which is running as execution 1"],
    );
    let ended = of(id(2), record(Finished), Surroundings::Nothing);
    let waits = others(1, &[(2, Finished)], Some(ended));
    check(
        &of(id(1), record(Waiting), waits),
        &["which has ended, and which it is about to be told"],
    );
    let deep = others(1, &[(2, Waiting)], None);
    check(
        &of(id(1), record(Waiting), deep),
        &["#2 (WAITING), and so on"],
    );
    let gone = Situation {
        id: id(2),
        record: None,
        surroundings: Surroundings::Absent(Absent::Quest),
    };
    let lost = Surroundings::Others(Others {
        pending: 1,
        shown: vec![Pending {
            id: id(2),
            state: None,
        }],
        first: Some(Box::new(gone)),
    });
    check(
        &of(id(1), record(Waiting), lost),
        &["#2 (gone), which does not exist"],
    );
    check(
        &of(id(1), record(Waiting), others(0, &[], None)),
        &["waits for nothing any more"],
    );
    check(
        &of(id(1), record(Waiting), others(2, &[], None)),
        &["waits for 2 attempts whose end it is about to be told"],
    );
}

#[test]
fn waiting_for_room() {
    let scheduling = || record(attempt::State::Scheduling);
    let with = |surroundings| of(id(1), scheduling(), surroundings);
    let queued = with(line(Some(12), Some(2), 2));
    check(
        &queued,
        &["is queued behind 12 others at configuration \"farm\" (2 slots), all of which are taken"],
    );
    check_fact(&queued, "capacity", "2");
    check_fact(&queued, "unfinished_at_backend", "2");
    check(
        &with(line(Some(1), Some(1), 1)),
        &["behind 1 other at", "(1 slot)"],
    );
    check(
        &with(line(Some(0), Some(4), 3)),
        &[
            "is next in line at",
            "(4 slots)",
            "3 are taken",
            "it starts once the host, which",
        ],
    );
    check(
        &with(line(Some(0), None, 3)),
        &["no limit of its own", "3 executions are unfinished"],
    );
    check(
        &with(line(None, Some(4), 3)),
        &["is about to be started at"],
    );
    let long = with(Surroundings::Line(Line {
        ahead: Some(Count {
            number: 1000,
            or_more: true,
        }),
        room: Ok(Room {
            config: "barn".to_owned(),
            capacity: Some(2),
            unfinished: exactly(2),
        }),
    }));
    check(
        &long,
        &["behind 1000 or more others at configuration \"farm\" (now \"barn\", 2 slots)"],
    );
    check_fact(&long, "ahead_in_line_or_more", "true");
}

#[test]
fn a_configuration_that_is_missing_or_cannot_be_read() {
    let with = |room| of(id(1), record(attempt::State::Scheduling), no_room(room));
    let missing = with(NoRoom::Impossible("unknown\nconfiguration".to_owned()));
    check(
        &missing,
        &[
            "cannot start, because configuration \"farm\" cannot be used now: unknown configuration",
            "REJECTED: then correct the configuration and ask for another attempt",
        ],
    );
    check_fact(&missing, "configuration_error", "unknown\nconfiguration");
    check(
        &with(NoRoom::Later("disk on fire".to_owned())),
        &[
            "for the moment",
            "cannot be read: disk on fire",
            "tries again every second",
        ],
    );
}

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
