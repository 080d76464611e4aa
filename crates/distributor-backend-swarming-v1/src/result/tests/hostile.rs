//! Answers that no server would give.

use serde_json::{Map, Value, json};

use super::{NOW, PLAIN};
use crate::parameters::tests::hostile::Dice;
use crate::result::{Wanted, finish};
use crate::wire;

const STATES: [&str; 13] = [
    "PENDING",
    "RUNNING",
    "EXPIRED",
    "TIMED_OUT",
    "BOT_DIED",
    "CANCELED",
    "COMPLETED",
    "COMPLETED",
    "KILLED",
    "NO_RESOURCE",
    "CLIENT_ERROR",
    "LATER",
    "",
];

const FIELDS: [&str; 22] = [
    "task_id",
    "failure",
    "internal_failure",
    "exit_code",
    "bot_dimensions",
    "cipd_pins",
    "cas_output_root",
    "missing_cas",
    "missing_cipd",
    "completed_ts",
    "client_package",
    "packages",
    "package_name",
    "version",
    "path",
    "key",
    "value",
    "digest",
    "hash",
    "size_bytes",
    "cas_instance",
    "later",
];

fn value(dice: &mut Dice, depth: usize) -> Value {
    match dice.roll(if depth == 0 { 7 } else { 10 }) {
        0 => Value::Null,
        1 => json!(dice.roll(2) == 0),
        2 => json!(i64::MIN + i64::try_from(dice.roll(9)).unwrap()),
        3 => json!(u64::MAX),
        4 => json!(-0.5),
        5 => json!(["", "0", "ü🦀", "a/b", "1970-01-01T00:00:01Z", "-7"][dice.roll(6)]),
        6 => json!("os"),
        7 => (0..dice.roll(4)).map(|_| value(dice, depth - 1)).collect(),
        _ => Value::Object(object(dice, depth - 1)),
    }
}

fn object(dice: &mut Dice, depth: usize) -> Map<String, Value> {
    (0..dice.roll(6))
        .map(|_| {
            (
                FIELDS[dice.roll(FIELDS.len())].to_owned(),
                value(dice, depth),
            )
        })
        .collect()
}

#[test]
fn any_answer_is_an_error_or_has_one_meaning() {
    let wanted = ["os".to_owned(), "ü🦀".to_owned()];
    let wanted = Wanted {
        snapshot_dimensions: &wanted,
        ..PLAIN
    };
    let mut dice = Dice(11);
    let mut understood = 0;
    for _ in 0..1_000 {
        let mut fields = object(&mut dice, 4);
        let state = STATES[dice.roll(STATES.len())];
        fields.insert("state".to_owned(), json!(state));
        let text = Value::Object(fields).to_string();
        let Ok(task) = serde_json::from_str::<wire::TaskResult>(&text) else {
            continue;
        };
        understood += 1;
        let end = finish(&task, &wanted, NOW);
        assert_eq!(
            end.is_none(),
            matches!(state, "PENDING" | "RUNNING"),
            "{text}"
        );
        assert_eq!(end, finish(&task, &wanted, NOW));
    }
    assert!(
        understood > 200,
        "the answers are too wild: {understood} understood"
    );
}
