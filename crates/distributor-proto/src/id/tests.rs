//! Names survive every form, and what is no name is refused.

use super::{AttemptId, ExecutionId, IdError, QuestId};
use crate::dm;

const TEXT: &str = "1258phYs8GW6qM5AQopQ_L3A5cZhO7iaYQZyFkNusVw";

fn quest() -> QuestId {
    TEXT.parse().expect("the text is a quest id")
}

#[test]
fn texts_survive_both_ways() {
    let attempt = quest().attempt(3);
    let execution = attempt.execution(u32::MAX);
    assert_eq!(quest().to_string(), TEXT);
    assert_eq!(attempt.to_string(), format!("{TEXT}|3"));
    assert_eq!(execution.to_string(), format!("{TEXT}|3|4294967295"));
    assert_eq!(attempt.to_string().parse(), Ok(attempt));
    assert_eq!(execution.to_string().parse(), Ok(execution));
    assert_eq!(
        format!("{execution:?}"),
        format!("ExecutionId({TEXT}|3|4294967295)")
    );
}

#[test]
fn bytes_survive_both_ways() {
    for bytes in [[0; 32], [0xff; 32], *quest().as_bytes()] {
        let id = QuestId::from_bytes(bytes);
        assert_eq!(id.to_string().len(), 43);
        assert_eq!(id.to_string().parse(), Ok(id));
    }
}

#[test]
fn serde_sees_the_text() {
    let execution = quest().attempt(3).execution(4);
    let json = serde_json::json!([quest(), quest().attempt(3), execution]);
    let expected = format!("[\"{TEXT}\",\"{TEXT}|3\",\"{TEXT}|3|4\"]");
    assert_eq!(json.to_string(), expected);
    let back: Result<(QuestId, AttemptId, ExecutionId), _> = serde_json::from_value(json);
    assert_eq!(back.ok(), Some((quest(), quest().attempt(3), execution)));
    assert!(serde_json::from_str::<QuestId>("\"x\"").is_err());
}

#[test]
fn messages_survive_both_ways() {
    let execution = quest().attempt(3).execution(4);
    let message = dm::execution::Id::from(execution);
    assert_eq!(
        (message.quest.as_str(), message.attempt, message.id),
        (TEXT, 3, 4)
    );
    assert_eq!(ExecutionId::try_from(&message), Ok(execution));

    let message = dm::attempt::Id::from(execution.attempt);
    assert_eq!(AttemptId::try_from(&message), Ok(execution.attempt));

    let message = dm::quest::Id::from(quest());
    assert_eq!(QuestId::try_from(&message), Ok(quest()));

    let no_id = dm::execution::Auth::default();
    assert_eq!(ExecutionId::try_from(&no_id), Err(IdError::Missing));
}

#[test]
fn number_zero_is_no_name() {
    let message = dm::execution::Id {
        quest: TEXT.to_owned(),
        attempt: 0,
        id: 1,
    };
    let error = ExecutionId::try_from(&message).map_err(|error| error.to_string());
    let expected = "attempt number \"0\" is malformed: expected a decimal number from 1";
    assert_eq!(error, Err(expected.to_owned()));
}

#[test]
fn only_canonical_quest_texts_are_names() {
    let long = format!("{TEXT}w");
    let padded = format!("{TEXT}=");
    let standard_alphabet = TEXT.replace('_', "/");
    // The last character has two bits too many; they must be zero.
    let trailing_bits = format!("{}x", &TEXT[..42]);
    for text in [
        "",
        "moo",
        &TEXT[..42],
        &long,
        &padded,
        &standard_alphabet,
        &trailing_bits,
    ] {
        assert_eq!(
            text.parse::<QuestId>(),
            Err(IdError::Quest(text.to_owned()))
        );
    }
}

#[test]
fn only_canonical_numbers_are_names() {
    for number in ["", "0", "01", "+1", "-1", " 1", "1 ", "4294967296", "x"] {
        let attempt = format!("{TEXT}|{number}").parse::<AttemptId>();
        assert!(
            matches!(
                attempt,
                Err(IdError::Number {
                    kind: "attempt",
                    ..
                })
            ),
            "{number}: {attempt:?}"
        );
        let execution = format!("{TEXT}|1|{number}").parse::<ExecutionId>();
        assert!(
            matches!(
                execution,
                Err(IdError::Number {
                    kind: "execution",
                    ..
                })
            ),
            "{number}: {execution:?}"
        );
    }
}

#[test]
fn names_have_the_right_number_of_parts() {
    for text in [TEXT.to_owned(), format!("{TEXT}|1|2")] {
        let message = text.parse::<AttemptId>().map_err(|error| error.to_string());
        let expected = format!("id {text:?} is malformed: expected QUEST|N");
        assert_eq!(message, Err(expected));
    }
    for text in [format!("{TEXT}|1"), format!("{TEXT}|1|2|3")] {
        assert!(matches!(
            text.parse::<ExecutionId>(),
            Err(IdError::Parts {
                expected: "QUEST|N|E",
                ..
            })
        ));
    }
}
