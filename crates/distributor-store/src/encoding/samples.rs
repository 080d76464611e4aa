//! Bodies as they were written once. They must decode as long as there are files that hold them:
//! never change one, add another beside it.

use std::sync::Arc;

use distributor_core::{ConfigSnapshot, Token};

use super::{AttemptColumns, Decoder};
use crate::records::{AttemptRecord, ExecutionRecord, JournalKind, JournalRecord};
use crate::suite::samples::{attempt, full_attempt, moment, quest, snapshot};
use crate::{Result, StoreError};

const ATTEMPT_FULL: &str = "?";
const ATTEMPT_NEW: &str = "?";
const ATTEMPT_APART: &str = "?";
const OUTCOMES: &str = "?";
const EXECUTION: &str = "?";
const JOURNAL: &str = "?";
const DESCRIPTION: &str = "?";
const BUILT_BY: &str = "?";

/// Snapshots 1 and 2.
const SNAPSHOTS: [&str; 2] = ["full", "other"];

#[test]
fn attempts_of_old_files_decode() {
    for (body, apart, expected) in [
        (ATTEMPT_FULL, None, full_attempt(1)),
        (ATTEMPT_NEW, None, attempt(1)),
        (ATTEMPT_APART, Some(outcomes()), apart_attempt()),
    ] {
        let apart = apart.as_deref().map(bytes);
        let columns = columns(&expected);
        let decoded = decoder(|decoder| decoder.attempt(columns, &bytes(body), apart.as_deref()));
        assert_eq!(decoded.ok(), Some(expected), "{body}");
    }
}

#[test]
fn other_records_of_old_files_decode() {
    let decoded = decoder(|decoder| decoder.execution(&bytes(EXECUTION)));
    assert_eq!(decoded.ok(), Some(full_execution()));
    let decoded = decoder(|decoder| decoder.journal(Some(&bytes(JOURNAL))));
    let JournalRecord {
        target, payload, ..
    } = row();
    assert_eq!(decoded.ok(), Some((target, payload)));
    let decoded = decoder(|decoder| decoder.description(&bytes(DESCRIPTION)));
    assert_eq!(decoded.ok(), Some(quest(1).desc));
    let decoded = decoder(|decoder| decoder.built_by(&bytes(BUILT_BY)));
    assert_eq!(decoded.ok(), Some(templates()));
}

#[test]
fn samples_are_what_is_written_today() {
    let full = super::attempt(&full_attempt(1), key_of).expect("encoded");
    let new = super::attempt(&attempt(1), key_of).expect("encoded");
    let apart = super::attempt(&apart_attempt(), key_of).expect("encoded");
    for (name, sample, written) in [
        ("ATTEMPT_FULL", ATTEMPT_FULL, Some(full.body)),
        ("ATTEMPT_NEW", ATTEMPT_NEW, Some(new.body)),
        ("ATTEMPT_APART", ATTEMPT_APART, Some(apart.body)),
        ("OUTCOMES", &outcomes(), apart.outcomes),
        (
            "EXECUTION",
            EXECUTION,
            Some(super::execution(&full_execution(), 1)),
        ),
        ("JOURNAL", JOURNAL, super::journal(&row(), Some(2))),
        (
            "DESCRIPTION",
            DESCRIPTION,
            Some(super::description(&quest(1).desc)),
        ),
        ("BUILT_BY", BUILT_BY, Some(super::built_by(&templates()))),
    ] {
        let written = written.unwrap_or_default();
        let hex: String = written.iter().map(|byte| format!("{byte:02x}")).collect();
        // If an addition made this fail, keep the old sample for decoding under another name.
        assert_eq!(hex, compact(sample), "{name}");
    }
}

#[test]
fn what_need_not_be_written_is_not() {
    assert_eq!(
        super::journal(
            &JournalRecord {
                target: None,
                payload: Vec::new(),
                ..row()
            },
            None
        ),
        None
    );
    assert_eq!(super::built_by(&[]), []);
    let once = super::attempt(&same_outcome(), key_of)
        .expect("encoded")
        .body;
    let mut without = same_outcome();
    without.outcome = None;
    let without = super::attempt(&without, key_of).expect("encoded").body;
    assert!(
        once.len() <= without.len() + 4,
        "the outcome is stored twice"
    );
}

fn same_outcome() -> AttemptRecord {
    let execution = full_execution();
    AttemptRecord {
        outcome: execution.outcome.clone(),
        execution: Some(execution),
        ..attempt(1)
    }
}

/// Its outcomes are too large for its body.
fn apart_attempt() -> AttemptRecord {
    let mut record = same_outcome();
    let object = format!("\"{}\"", "a".repeat(1024));
    let outcome = crate::records::Outcome::Data(Arc::new(distributor_core::dm::JsonResult {
        object,
        ..Default::default()
    }));
    record.outcome = Some(outcome.clone());
    if let Some(execution) = &mut record.execution {
        execution.outcome = Some(outcome);
    }
    record
}

fn full_execution() -> ExecutionRecord {
    full_attempt(1).execution.expect("a full attempt has one")
}

fn row() -> JournalRecord {
    JournalRecord {
        id: 1,
        kind: JournalKind::Cancel,
        attempt: attempt(1).id,
        execution: 1,
        due: None,
        tries: 0,
        target: Some((snapshot("other"), Token("task".to_owned()))),
        payload: vec![0, 0xff],
    }
}

fn templates() -> Vec<distributor_core::dm::quest::TemplateSpec> {
    vec![distributor_core::dm::quest::TemplateSpec {
        project: "project".to_owned(),
        r#ref: "main".to_owned(),
        version: "7".to_owned(),
        name: "build".to_owned(),
    }]
}

fn columns(record: &AttemptRecord) -> AttemptColumns {
    AttemptColumns {
        id: record.id,
        version: record.version,
        state: super::attempt_state_number(record.state),
        modified: moment(1),
        config_name: record.config_name.clone(),
        ready: record.ready,
    }
}

fn key_of(snapshot: &Arc<ConfigSnapshot>) -> Result<u64> {
    let at = SNAPSHOTS.iter().position(|name| *name == snapshot.name);
    Ok(at.map_or(0, |at| at as u64 + 1))
}

fn decoder<T>(decode: impl FnOnce(&Decoder<'_>) -> Result<T>) -> Result<T> {
    decode(&Decoder {
        what: &"sample",
        snapshots: &|key| match SNAPSHOTS.get(key as usize - 1) {
            Some(name) => Ok(snapshot(name)),
            None => Err(StoreError::Missing {
                what: format!("snapshot {key}"),
            }),
        },
    })
}

fn outcomes() -> String {
    [OUTCOMES_START, &OUTCOMES_FILLING.repeat(1024), OUTCOMES_END].concat()
}

fn compact(hex: &str) -> String {
    hex.split_whitespace().collect()
}

fn bytes(hex: &str) -> Vec<u8> {
    let hex = compact(hex);
    let byte = |at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex");
    (0..hex.len()).step_by(2).map(byte).collect()
}
