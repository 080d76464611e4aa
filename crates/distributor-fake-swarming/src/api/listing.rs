//! Calls about many tasks, and about bots.

use serde_json::{Value, json};

use super::Request;
use super::failure::Failure;
use super::tasks::{parse, shown};
use crate::clock::Micros;
use crate::model::{Filter, Sort, StateQuery, Task, TaskId, Worker};
use crate::shared::{Shared, State};
use crate::wire::{Fields, Query, Refusal, bot_info, date, moment, task_request};

pub(super) fn results(shared: &Shared, request: &Request) -> Result<Value, Failure> {
    let mut query = request.query();
    let with_performance = query.flag("include_performance_stats")?;
    list(shared, query, |state, task| {
        shown(state, task, with_performance)
    })
}

pub(super) fn requests(shared: &Shared, request: &Request) -> Result<Value, Failure> {
    list(shared, request.query(), |_, task| {
        task_request(&task.request, Some(task))
    })
}

fn list(
    shared: &Shared,
    mut query: Query,
    show: impl Fn(&State, &Task) -> Value,
) -> Result<Value, Failure> {
    let limit = query.int_in("limit", 1, 1000)?.unwrap_or(200);
    let sort = query.named("sort", Sort::named)?;
    let from = match query.text("cursor") {
        None => None,
        Some(text) => {
            Some(cursor(&text).ok_or_else(|| Refusal::new("cursor", "is not one of ours"))?)
        }
    };
    let filter = filter(&mut query)?;
    query.finish()?;
    let now = shared.clock().now();
    let state = shared.lock();
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let page = state.model.list(&filter, sort, from, limit);
    let items: Vec<Value> = page.tasks.iter().map(|task| show(&state, task)).collect();
    let mut answer = json!({ "now": date(now) });
    if !items.is_empty() {
        answer["items"] = json!(items);
    }
    if let Some((at, id)) = page.next {
        answer["cursor"] = json!(format!("{at}-{id}"));
    }
    Ok(answer)
}

fn cursor(text: &str) -> Option<(Micros, TaskId)> {
    let (at, id) = text.split_once('-')?;
    Some((at.parse().ok()?, TaskId::parse(id)?))
}

fn filter(query: &mut Query) -> Result<Filter, Refusal> {
    let tags = query.pairs("tags")?;
    Ok(Filter {
        state: query.named("state", StateQuery::named)?,
        tags: tags
            .iter()
            .map(|(key, value)| format!("{key}:{value}"))
            .collect(),
        start: query.moment("start")?,
        end: query.moment("end")?,
    })
}

pub(super) fn count(shared: &Shared, request: &Request) -> Result<Value, Failure> {
    let mut query = request.query();
    let filter = filter(&mut query)?;
    query.finish()?;
    let count = shared.lock().model.count(&filter);
    let now = date(shared.clock().now());
    Ok(json!({ "count": count.to_string(), "now": now }))
}

/// A task that does not exist is PENDING here, as on a farm.
pub(super) fn states(shared: &Shared, request: &Request) -> Result<Value, Failure> {
    let mut query = request.query();
    let ids = query.all("task_id");
    query.finish()?;
    if ids.is_empty() {
        return Err(Refusal::new("task_id", "is required").into());
    }
    let state = shared.lock();
    let states = ids.iter().map(|id| {
        let task = state.model.task(parse(id)?);
        Ok(task.map_or("PENDING", |task| task.status.state.name()))
    });
    let states = states.collect::<Result<Vec<&str>, Failure>>()?;
    Ok(json!({ "states": states }))
}

/// Asynchronous: the tasks are noted now and cancelled afterwards.
pub(super) fn cancel(shared: &Shared, request: &Request) -> Result<Value, Failure> {
    request.query().finish()?;
    let body = request.json()?;
    let mut fields = Fields::of(&body)?;
    let tags = fields.texts("tags", 256)?;
    if tags.is_empty() {
        return Err(fields.refuse("tags", "is required").into());
    }
    if let Some(tag) = tags.iter().find(|tag| !tag.contains(':')) {
        return Err(fields
            .refuse("tags", format_args!("must be k:v, got {tag:?}"))
            .into());
    }
    let limit = fields.int_in("limit", 1, 1000)?.unwrap_or(100);
    let kill_running = fields.flag("kill_running")?;
    // What was matched is not matched again, so that every page is the first of the rest.
    fields.text("cursor")?;
    let filter = Filter {
        state: StateQuery::All,
        tags,
        start: fields.double("start")?.map(moment),
        end: fields.double("end")?.map(moment),
    };
    fields.finish()?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let (matched, _started) = shared.step(|model, now| {
        let change = model.cancel_later(&filter, limit, kill_running, now);
        (change.tasks.len(), change)
    })?;
    let now = date(shared.clock().now());
    let mut answer = json!({ "matched": matched.to_string(), "now": now });
    if matched == limit {
        answer["cursor"] = json!("more");
    }
    Ok(answer)
}

fn matching(state: &State, wanted: &[(String, String)]) -> Vec<(String, Worker)> {
    let all = state.model.workers().iter();
    all.filter(|(_, worker)| worker.has(wanted))
        .map(|(id, worker)| (id.to_owned(), worker.clone()))
        .collect()
}

pub(super) fn bots(shared: &Shared, request: &Request) -> Result<Value, Failure> {
    let mut query = request.query();
    let wanted = query.pairs("dimensions")?;
    let limit = query.int_in("limit", 1, 1000)?.unwrap_or(200);
    let from = query.text("cursor").unwrap_or_default();
    let busy = query.named("is_busy", three_way)?;
    let mut never = false;
    for name in ["is_dead", "quarantined", "in_maintenance"] {
        never |= query.named(name, three_way)? == ThreeWay(Some(true));
    }
    query.finish()?;
    let now = date(shared.clock().now());
    let mut found = matching(&shared.lock(), &wanted);
    found.retain(|(id, worker)| {
        let fits = busy.0.is_none_or(|busy| busy == worker.task.is_some());
        fits && !never && *id >= from
    });
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let next = found.get(limit).map(|(id, _)| id.clone());
    let shown = found.iter().take(limit);
    let items: Vec<Value> = shown.map(|(id, worker)| bot_info(id, worker)).collect();
    let mut answer = json!({ "death_timeout": "600", "now": now });
    if !items.is_empty() {
        answer["items"] = json!(items);
    }
    if let Some(next) = next {
        answer["cursor"] = json!(next);
    }
    Ok(answer)
}

#[derive(Debug, Default, PartialEq, Eq)]
struct ThreeWay(Option<bool>);

fn three_way(text: &str) -> Option<ThreeWay> {
    match text {
        "TRUE" => Some(ThreeWay(Some(true))),
        "FALSE" => Some(ThreeWay(Some(false))),
        "NONE" => Some(ThreeWay(None)),
        _ => None,
    }
}

pub(super) fn bot_count(shared: &Shared, request: &Request) -> Result<Value, Failure> {
    let mut query = request.query();
    let wanted = query.pairs("dimensions")?;
    query.finish()?;
    let found = matching(&shared.lock(), &wanted);
    let busy = found.iter().filter(|(_, worker)| worker.task.is_some());
    Ok(json!({
        "busy": busy.count().to_string(),
        "count": found.len().to_string(),
        "dead": "0",
        "maintenance": "0",
        "now": date(shared.clock().now()),
        "quarantined": "0",
    }))
}

/// Who may call at all may do what there is to do.
pub(super) fn permissions(shared: &Shared, request: &Request) -> Result<Value, Failure> {
    let mut query = request.query();
    query.text("bot_id");
    query.text("task_id");
    query.pairs("tags")?;
    query.finish()?;
    let pools: Vec<String> = shared.lock().model.pools().map(str::to_owned).collect();
    Ok(json!({
        "cancel_task": true,
        "cancel_tasks": pools,
        "delete_bot": false,
        "delete_bots": [],
        "get_bootstrap_token": false,
        "get_configs": false,
        "list_bots": pools,
        "list_tasks": pools,
        "put_configs": false,
        "terminate_bot": false,
    }))
}
