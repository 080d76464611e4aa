//! New attempts: the rules copied from the quest, and the first state.

use std::time::Duration;

use distributor_core::dm::attempt::State;
use distributor_core::{AttemptId, Timestamp, dm};
use distributor_proto::time::duration_to_std;
use distributor_store::bits::Bits;
use distributor_store::records::{AttemptRecord, Policy, Retries};

use super::Effect;

/// The part of a normalized description that the life cycle needs.
pub fn policy(desc: &dm::quest::Desc) -> Policy {
    let meta = desc.meta.clone().unwrap_or_default();
    let retry = meta.retry.unwrap_or_default();
    let timeouts = meta.timeouts.unwrap_or_default();
    // Negative durations are refused when a description is normalized; none is left here.
    let duration = |duration: Option<prost_types::Duration>| {
        duration.map_or(Duration::ZERO, |duration| {
            duration_to_std(&duration).unwrap_or(Duration::ZERO)
        })
    };
    Policy {
        retries: Retries {
            failed: retry.failed,
            crashed: retry.crashed,
            expired: retry.expired,
            timed_out: retry.timed_out,
        },
        start_timeout: duration(timeouts.start),
        run_timeout: duration(timeouts.run),
        stop_timeout: duration(timeouts.stop),
        simple: meta.simple.is_some(),
        run_anyway: meta.simple.is_some_and(|simple| simple.run_anyway),
    }
}

/// A new attempt that waits for `pending` declared dependencies; without any it is ready.
pub fn create(
    id: AttemptId,
    config_name: &str,
    policy: Policy,
    pending: u32,
    now: Timestamp,
) -> (AttemptRecord, Vec<Effect>) {
    let ready = pending == 0;
    let record = AttemptRecord {
        id,
        version: 0,
        config_name: config_name.into(),
        policy,
        state: if ready {
            State::Scheduling
        } else {
            State::Waiting
        },
        created: now,
        modified: now,
        failures: Retries::default(),
        current_execution: 0,
        last_successful_execution: 0,
        dependencies: Bits::new(pending),
        ready: None,
        prepared: None,
        execution: None,
        outcome: None,
    };
    let effects = if ready {
        vec![Effect::Ready]
    } else {
        Vec::new()
    };
    (record, effects)
}
