//! Bodies as they were written once. They must decode as long as there are files that hold them:
//! never change one, add another beside it.

use std::sync::Arc;

use distributor_core::{ConfigSnapshot, Token};

use super::{AttemptColumns, Decoder};
use crate::records::{AttemptRecord, ExecutionRecord, JournalKind, JournalRecord};
use crate::suite::samples::{attempt, full_attempt, moment, quest, snapshot, task};
use crate::{Result, StoreError};

const ATTEMPT_FULL: &str = "
    088180f9c0c1c4820312250a0c08011002180320ffffffff0f1204080110021a070880bcaece970922021001
    280130011a022004200328023204130100043a2a0804121968756e74657232206f6620746865206163746976
    6174696f6e1802208880f9c0c1c482032801427508031002188180f9c0c1c48203208280f9c0c1c482032883
    80f9c0c1c4820330013a067461736b2d33421868756e74657232206f662074686520657865637574696f6e4a
    04080310075088a7f9c0c1c4820358f8d8f8c0c1c48203600268017a0082010300ff078a010b080412076465
    63696465644a2b0a0e120c08041208746f6f206c61746512190a170a077b2261223a317d10111a0a0880e2cf
    aa0610b88506";
const ATTEMPT_ASKED: &str = "
    088180f9c0c1c4820312250a0c08011002180320ffffffff0f1204080110021a070880bcaece970922021001
    280130011a022004200328023204130100043a2a0804121968756e74657232206f6620746865206163746976
    6174696f6e1802208880f9c0c1c482032801427808031002188180f9c0c1c48203208280f9c0c1c482032883
    80f9c0c1c4820330013a067461736b2d33421868756e74657232206f662074686520657865637574696f6e4a
    04080310075088a7f9c0c1c4820358f8d8f8c0c1c48203600268017a0082010300ff078a010b080412076465
    63696465649001014a2b0a0e120c08041208746f6f206c61746512190a170a077b2261223a317d10111a0a08
    80e2cfaa0610b88506";
const ATTEMPT_NEW: &str = "088180f9c0c1c482031200";
const ATTEMPT_APART: &str = "
    088180f9c0c1c482031200427508031002188180f9c0c1c48203208280f9c0c1c48203288380f9c0c1c48203
    30013a067461736b2d33421868756e74657232206f662074686520657865637574696f6e4a04080310075088
    a7f9c0c1c4820358f8d8f8c0c1c48203600268017a0082010300ff078a010b08041207646563696465645001";
const OUTCOMES_START: &str = "0a88080a85080a820822";
/// 1024 times.
const OUTCOMES_FILLING: &str = "61";
const OUTCOMES_END: &str = "221801";
const EXECUTION: &str = "
    08031002188180f9c0c1c48203208280f9c0c1c48203288380f9c0c1c4820330013a067461736b2d33421868
    756e74657232206f662074686520657865637574696f6e4a04080310075088a7f9c0c1c4820358f8d8f8c0c1
    c482036002680172190a170a077b2261223a317d10111a0a0880e2cfaa0610b885067a0082010300ff078a01
    0b0804120764656369646564";
const JOURNAL: &str = "080212047461736b1a0200ff";
const TASK: &str = "0a081206c3bc2f20253f0a0d0a046e616d65120576616c7565120300ff61";
const DESCRIPTION: &str = "0a046e6f6f70120c7b226e756d626572223a317d1a027b7d";
const BUILT_BY: &str = "0a190a0770726f6a65637412046d61696e1a013722056275696c64";

/// Snapshots 1 and 2.
const SNAPSHOTS: [&str; 2] = ["full", "other"];

#[test]
fn attempts_of_old_files_decode() {
    for (body, apart, expected) in [
        (ATTEMPT_FULL, None, full_attempt(1)),
        (ATTEMPT_ASKED, None, asked_attempt()),
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
    let decoded = decoder(|decoder| decoder.task(&bytes(TASK)));
    assert_eq!(decoded.ok(), Some((task(1, 0).headers, task(1, 0).body)));
    let decoded = decoder(|decoder| decoder.description(&bytes(DESCRIPTION)));
    assert_eq!(decoded.ok(), Some(quest(1).desc));
    let decoded = decoder(|decoder| decoder.built_by(&bytes(BUILT_BY)));
    assert_eq!(decoded.ok(), Some(templates()));
}

#[test]
fn samples_are_what_is_written_today() {
    let full = super::attempt(&full_attempt(1), key_of).expect("encoded");
    let asked = super::attempt(&asked_attempt(), key_of).expect("encoded");
    let new = super::attempt(&attempt(1), key_of).expect("encoded");
    let apart = super::attempt(&apart_attempt(), key_of).expect("encoded");
    for (name, sample, written) in [
        ("ATTEMPT_FULL", ATTEMPT_FULL, Some(full.body)),
        ("ATTEMPT_ASKED", ATTEMPT_ASKED, Some(asked.body)),
        ("ATTEMPT_NEW", ATTEMPT_NEW, Some(new.body)),
        ("ATTEMPT_APART", ATTEMPT_APART, Some(apart.body)),
        ("OUTCOMES", &outcomes(), apart.outcomes),
        (
            "EXECUTION",
            EXECUTION,
            Some(super::execution(&full_execution(), 1)),
        ),
        ("JOURNAL", JOURNAL, super::journal(&row(), Some(2))),
        ("TASK", TASK, Some(super::task(&task(1, 0)))),
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
    assert!(super::built_by(&[]).is_empty());
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

/// There was news during the status query.
fn asked_attempt() -> AttemptRecord {
    let mut execution = full_execution();
    execution.ask_again = true;
    AttemptRecord {
        execution: Some(execution),
        ..full_attempt(1)
    }
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
