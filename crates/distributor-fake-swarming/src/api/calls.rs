//! From a request to its reply, by way of who calls and what goes wrong.

use http::StatusCode;
use serde_json::{Value, json};

use super::endpoint::Endpoint;
use super::failure::Failure;
use super::mishap::{self, Outcome};
use super::{Reply, Request, admin, listing, pubsub, tasks};
use crate::shared::Shared;

/// Answers a request, or lets happen to it what the script says.
pub(super) async fn answer(shared: &Shared, request: &Request) -> Outcome {
    let shape = shared.settings.errors;
    let result = match Endpoint::find(&request.method, &request.path) {
        None => Err(Failure::not_found(format!(
            "there is no {} {}",
            request.method, request.path
        ))),
        Some(Endpoint::PubSub(verb, name)) => {
            let reply = pubsub::call(shared, &verb, &name, request).await;
            return Outcome::Reply(reply.unwrap_or_else(|failure| failure.pubsub_reply()));
        }
        Some(Endpoint::FakeTasks) => Ok(admin::tasks(shared)),
        Some(Endpoint::FakeFaults) => admin::faults(shared, request),
        Some(Endpoint::Swarming(name, task)) => {
            let fault = shared.lock().judge.request(name);
            let act = || {
                swarming(shared, name, task.as_deref(), request)
                    .map_or_else(|failure| failure.reply(shape), |value| Reply::json(&value))
            };
            return mishap::around(shared, fault, act).await;
        }
    };
    Outcome::Reply(match result {
        Ok(value) => Reply::json(&value),
        Err(failure) => failure.reply(shape),
    })
}

fn swarming(
    shared: &Shared,
    name: &str,
    task: Option<&str>,
    request: &Request,
) -> Result<Value, Failure> {
    let caller = caller(shared, request)?;
    let task = task.unwrap_or_default();
    match name {
        "tasks.new" => tasks::new(shared, request, &caller),
        "task.result" => tasks::result(shared, request, task),
        "task.request" => tasks::request(shared, request, task),
        "task.stdout" => tasks::stdout(shared, request, task),
        "task.cancel" => tasks::cancel(shared, request, task),
        "tasks.cancel" => listing::cancel(shared, request),
        "tasks.list" => listing::results(shared, request),
        "tasks.requests" => listing::requests(shared, request),
        "tasks.count" => listing::count(shared, request),
        "tasks.get_states" => listing::states(shared, request),
        "bots.list" => listing::bots(shared, request),
        "bots.count" => listing::bot_count(shared, request),
        "server.details" => {
            request.query().finish()?;
            Ok(json!({
                "bot_version": "fake-1",
                "display_server_url_template": format!("{}/task?id=%s", shared.url),
                "server_version": "fake-1",
            }))
        }
        _ => listing::permissions(shared, request),
    }
}

/// Who calls.
fn caller(shared: &Shared, request: &Request) -> Result<String, Failure> {
    let known = &shared.settings.callers;
    if known.is_empty() {
        return Ok("anonymous:anonymous".to_owned());
    }
    let Some(bearer) = &request.bearer else {
        return Err(Failure::new(
            StatusCode::UNAUTHORIZED,
            "the header Authorization: Bearer TOKEN is required",
        ));
    };
    let mut known = known.iter();
    match known.find(|caller| caller.token == *bearer) {
        Some(caller) => Ok(caller.identity.clone()),
        None => Err(Failure::new(
            StatusCode::UNAUTHORIZED,
            "the bearer token is unknown or has expired",
        )),
    }
}
