//! What no farm has: for tests that want to know the truth, or have had enough of faults.

use serde_json::{Value, json};

use super::Request;
use super::failure::Failure;
use crate::shared::Shared;
use crate::wire::Fields;

/// Every task, oldest first; `asked` says how many requests were answered with it.
pub(super) fn tasks(shared: &Shared) -> Value {
    let state = shared.lock();
    let tasks: Vec<Value> = state
        .model
        .tasks()
        .map(|task| {
            json!({
                "asked": task.status.asked,
                "exit_code": task.status.exit_code,
                "internal_failure": task.status.internal_failure,
                "name": task.request.name,
                "request_uuid": task.request.request_uuid,
                "state": task.status.state.name(),
                "tags": task.request.tags,
                "task_id": task.id.to_string(),
            })
        })
        .collect();
    json!({ "created": tasks.len(), "owed": state.outbox.len(), "tasks": tasks })
}

/// Stops all faults, or lets them go on; also the ends that the script chooses.
pub(super) fn faults(shared: &Shared, request: &Request) -> Result<Value, Failure> {
    let body = request.json()?;
    let mut fields = Fields::of(&body)?;
    let enabled = fields.flag("enabled")?;
    fields.finish()?;
    let mut state = shared.lock();
    state.judge.enable(enabled);
    let script = state.judge.script().cloned();
    state.model.set_script(script);
    Ok(json!({ "enabled": enabled }))
}
