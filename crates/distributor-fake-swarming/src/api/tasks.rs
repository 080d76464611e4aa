//! Calls about one task.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

use http::StatusCode;
use serde_json::{Value, json};

use super::Request;
use super::failure::Failure;
use crate::bots::output_file;
use crate::model::{Task, TaskId};
use crate::shared::{Shared, State};
use crate::wire::{Fields, new_task, task_request, task_result};

/// The most bytes of output in one answer.
const MOST_OUTPUT: i64 = 16_384_000;

pub(super) fn new(shared: &Shared, request: &Request, caller: &str) -> Result<Value, Failure> {
    request.query().finish()?;
    let new = new_task(&request.json()?, caller)?;
    {
        let state = shared.lock();
        let pool = new.request.pool();
        if !state.model.has_pool(pool) {
            let message = format!("{caller} may not use pool {pool:?}, or there is none");
            return Err(Failure::new(StatusCode::FORBIDDEN, message));
        }
        state
            .model
            .examine(&new.request)
            .map_err(|reason| Failure::new(StatusCode::BAD_REQUEST, reason))?;
    }
    if new.evaluate_only {
        return Ok(json!({ "request": task_request(&new.request, None) }));
    }
    let (answer, _started) = shared.step(|model, now| {
        let mut answer = model.create(new.request, now);
        let change = std::mem::take(&mut answer.change);
        (answer, change)
    })?;
    let state = shared.lock();
    let task = task(&state, answer.id)?;
    let mut reply = json!({
        "request": task_request(&task.request, Some(task)),
        "task_id": answer.id.to_string(),
    });
    if !answer.known && task.status.state.is_final() {
        reply["task_result"] = task_result(task, None, false);
    }
    Ok(reply)
}

pub(super) fn result(shared: &Shared, request: &Request, id: &str) -> Result<Value, Failure> {
    let mut query = request.query();
    let with_performance = query.flag("include_performance_stats")?;
    query.finish()?;
    let id = parse(id)?;
    let state = shared.lock();
    let task = task(&state, id)?;
    Ok(shown(&state, task, with_performance))
}

/// A task's result, with what its bot is.
pub(super) fn shown(state: &State, task: &Task, with_performance: bool) -> Value {
    let bot = task.status.bot.as_deref();
    let worker = bot.and_then(|bot| state.model.workers().get(bot));
    task_result(task, worker, with_performance)
}

pub(super) fn request(shared: &Shared, request: &Request, id: &str) -> Result<Value, Failure> {
    request.query().finish()?;
    let id = parse(id)?;
    let state = shared.lock();
    let task = task(&state, id)?;
    Ok(task_request(&task.request, Some(task)))
}

pub(super) fn stdout(shared: &Shared, request: &Request, id: &str) -> Result<Value, Failure> {
    let mut query = request.query();
    let offset = query.int_in("offset", 0, i64::MAX)?.unwrap_or(0);
    let length = query.int_in("length", 0, i64::MAX)?.unwrap_or(MOST_OUTPUT);
    query.finish()?;
    let id = parse(id)?;
    let name = task(&shared.lock(), id)?.status.state.name();
    let mut output = Vec::new();
    // What did not run for real has no output.
    if let Ok(mut file) = File::open(output_file(&shared.settings, id)) {
        file.seek(SeekFrom::Start(offset.unsigned_abs()))
            .and_then(|_| {
                let most = length.min(MOST_OUTPUT).unsigned_abs();
                file.take(most).read_to_end(&mut output)
            })
            .map_err(|error| Failure::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))?;
    }
    let mut answer = json!({ "state": name });
    if !output.is_empty() {
        answer["output"] = json!(String::from_utf8_lossy(&output));
    }
    Ok(answer)
}

pub(super) fn cancel(shared: &Shared, request: &Request, id: &str) -> Result<Value, Failure> {
    request.query().finish()?;
    let id = parse(id)?;
    let body = request.json()?;
    let mut fields = Fields::of(&body)?;
    let kill_running = fields.flag("kill_running")?;
    fields.finish()?;
    let (answer, _started) = shared.step(|model, now| {
        let mut answer = model.cancel(id, kill_running, now);
        let change = answer
            .as_mut()
            .map(|answer| std::mem::take(&mut answer.change));
        (answer, change.unwrap_or_default())
    })?;
    let answer = answer.ok_or_else(|| unknown(id))?;
    Ok(json!({ "ok": answer.ok, "was_running": answer.was_running }))
}

pub(super) fn parse(id: &str) -> Result<TaskId, Failure> {
    TaskId::parse(id).ok_or_else(|| {
        Failure::new(
            StatusCode::BAD_REQUEST,
            format!("task_id: {id:?} is no task id"),
        )
    })
}

fn task(state: &State, id: TaskId) -> Result<&Task, Failure> {
    state.model.task(id).ok_or_else(|| unknown(id))
}

fn unknown(id: TaskId) -> Failure {
    Failure::not_found(format!("there is no task {id}"))
}
