//! From what a user types to the quest, attempt or execution that is meant.
//!
//! The beginning of a quest id is enough where it is unique. What does not exist is bad input.

use std::ffi::OsString;

use distributor_core::{AttemptId, ExecutionId, QuestId};

use super::exit::Failure;
use super::place::Place;
use super::records::Records;

/// Characters of a quest id that must be typed.
const FEWEST: usize = 4;
/// Candidates that are listed for an ambiguous beginning.
const CANDIDATES: usize = 5;

/// Something that exists in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Id {
    /// All attempts of one description.
    Quest(QuestId),
    /// One of them.
    Attempt(AttemptId),
    /// One execution of one attempt.
    Execution(ExecutionId),
}

/// Puts ids that begin with `-`, as one in 64 does, behind a `--`, so that nobody takes them for options.
/// The beginning of an id is not known for one; for that the user writes the `--`.
pub(super) fn behind_options(arguments: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = arguments.into_iter().collect();
    if arguments.iter().any(|argument| argument == "--") {
        return arguments;
    }
    let (ids, others): (Vec<_>, Vec<_>) = arguments.drain(..).partition(looks_like_an_option);
    arguments.extend(others);
    if !ids.is_empty() {
        arguments.push("--".into());
        arguments.extend(ids);
    }
    arguments
}

fn looks_like_an_option(argument: &OsString) -> bool {
    let Some(text) = argument.to_str().filter(|text| text.starts_with('-')) else {
        return false;
    };
    text.parse::<QuestId>().is_ok()
        || text.parse::<AttemptId>().is_ok()
        || text.parse::<ExecutionId>().is_ok()
}

/// Finds what `text` names.
///
/// # Errors
/// `Input` if it is no id, or nothing or several things are named like this; `Store`.
pub(super) fn find(store: &dyn Records, place: &Place, text: &str) -> Result<Id, Failure> {
    let parts: Vec<&str> = text.split('|').collect();
    let (quest, attempt, execution) = match parts[..] {
        [quest] => (quest, None, None),
        [quest, attempt] => (quest, Some(number(text, attempt)?), None),
        [quest, attempt, execution] => (
            quest,
            Some(number(text, attempt)?),
            Some(number(text, execution)?),
        ),
        _ => return Err(malformed(text)),
    };
    let quest = find_quest(store, place, text, quest)?;
    let Some(attempt) = attempt.map(|number| quest.attempt(number)) else {
        return Ok(Id::Quest(quest));
    };
    let Some(execution) = execution.map(|number| attempt.execution(number)) else {
        return match store.attempts(&[attempt])?.pop().flatten() {
            Some(_) => Ok(Id::Attempt(attempt)),
            None => Err(absent(place, "attempt", &attempt.to_string())),
        };
    };
    match store.execution(attempt, execution.number)? {
        Some(_) => Ok(Id::Execution(execution)),
        None => Err(absent(place, "execution", &execution.to_string())),
    }
}

/// The newest attempt of a quest; a quest without any is as good as absent.
pub(super) fn newest_attempt(
    store: &dyn Records,
    place: &Place,
    quest: QuestId,
) -> Result<AttemptId, Failure> {
    match store.attempt_numbers(quest)?.pop() {
        Some(number) => Ok(quest.attempt(number)),
        None => Err(absent(place, "attempt of quest", &quest.to_string())),
    }
}

fn find_quest(
    store: &dyn Records,
    place: &Place,
    text: &str,
    quest: &str,
) -> Result<QuestId, Failure> {
    if let Ok(id) = quest.parse::<QuestId>() {
        return match store.quests(&[id])?.pop().flatten() {
            Some(_) => Ok(id),
            None => Err(absent(place, "quest", quest)),
        };
    }
    let possible = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if quest.len() < FEWEST || !quest.chars().all(possible) {
        return Err(malformed(text));
    }
    let found = store.quests_with_prefix(quest, CANDIDATES + 1)?;
    match found[..] {
        [] => Err(absent(place, "quest beginning with", quest)),
        [id] => Ok(id),
        _ => {
            let shown = found.iter().take(CANDIDATES).map(QuestId::to_string);
            let shown: Vec<String> = shown.collect();
            let more = if found.len() > CANDIDATES {
                ", …"
            } else {
                ""
            };
            Err(Failure::Input(format!(
                "several quests begin with {quest}: {}{more}; type more of the id",
                shown.join(", ")
            )))
        }
    }
}

fn number(text: &str, part: &str) -> Result<u32, Failure> {
    match part.parse() {
        Ok(number) if number > 0 => Ok(number),
        _ => Err(malformed(text)),
    }
}

fn malformed(text: &str) -> Failure {
    Failure::Input(format!(
        "{text:?} is no id: use QUEST (its first {FEWEST} or more characters), 'QUEST|N' or 'QUEST|N|E'"
    ))
}

fn absent(place: &Place, what: &str, name: &str) -> Failure {
    Failure::Input(format!(
        "there is no {what} {name} in {}; `distributor status --all{}` lists what there is",
        place.named,
        place.hint()
    ))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::sync::Arc;

    use distributor_core::{Timestamp, dm};
    use distributor_store::records::{Policy, QuestRecord};
    use distributor_store::{Batch, MemoryStore, Store};

    use super::*;
    use crate::cli::records::Local;

    fn store(first_bytes: &[[u8; 4]]) -> Local {
        let store = MemoryStore::default();
        let mut batch = Batch::default();
        for first in first_bytes {
            let mut bytes = [7; 32];
            bytes[..4].copy_from_slice(first);
            let id = QuestId::from_bytes(bytes);
            batch.quests.push(QuestRecord {
                id,
                desc: Arc::new(dm::quest::Desc::default()),
                created: Timestamp::default(),
                built_by: Vec::new(),
            });
            let (attempt, _) = distributor_host::machine::create(
                id.attempt(1),
                "noop",
                Policy::default(),
                0,
                Timestamp::default(),
            );
            batch.attempts.push(attempt);
        }
        store.commit(&batch).unwrap();
        Local(Arc::new(store))
    }

    fn check(store: &Local, text: &str) -> Result<Id, String> {
        let place = Place {
            named: "s".to_owned(),
            state: PathBuf::from("/s"),
            remote: None,
        };
        find(store, &place, text).map_err(|failure| failure.to_string())
    }

    #[test]
    fn an_id_that_begins_with_a_hyphen_is_no_option() {
        let id = format!("-{}A|1", "L".repeat(41));
        let arguments = ["distributor", "logs", &id, "--follow", "-x"].map(OsString::from);
        let expected = ["distributor", "logs", "--follow", "-x", "--", &id].map(OsString::from);
        assert_eq!(behind_options(arguments), expected);
        let said = ["distributor", "logs", "--", &id].map(OsString::from);
        assert_eq!(behind_options(said.clone()), said);
    }

    #[test]
    fn the_beginning_of_a_quest_id_is_enough_if_it_is_unique() {
        let store = store(&[[0, 0, 0, 1], [0, 0, 0, 200], [9, 9, 9, 9]]);
        let quest = store.quests_with_prefix("CQkJ", 1).unwrap()[0];
        for text in [quest.to_string(), "CQkJ".to_owned(), "CQkJCQ".to_owned()] {
            assert_eq!(check(&store, &text), Ok(Id::Quest(quest)), "{text}");
        }
        assert_eq!(check(&store, "CQkJ|1"), Ok(Id::Attempt(quest.attempt(1))));
        let several = check(&store, "AAAA").unwrap_err();
        assert!(
            several.starts_with("several quests begin with AAAA: AAAAA"),
            "{several}"
        );
    }

    #[test]
    fn what_is_no_id_or_does_not_exist_is_told_apart() {
        let store = store(&[[9, 9, 9, 9]]);
        for text in [
            "",
            "CQk",
            "C Qk",
            "CQkJ|",
            "CQkJ|0",
            "CQkJ|x",
            "CQkJ|1|1|1",
            "../x",
        ] {
            let message = check(&store, text).unwrap_err();
            assert!(message.contains("is no id: use"), "{text}: {message}");
        }
        for text in ["zzzz", "CQkJ|2", "CQkJ|1|1"] {
            let message = check(&store, text).unwrap_err();
            assert!(message.starts_with("there is no "), "{text}: {message}");
        }
    }
}
