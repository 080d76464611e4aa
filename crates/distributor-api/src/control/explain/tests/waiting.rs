//! What waits for others or for room, and what does not exist.

use super::*;

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
