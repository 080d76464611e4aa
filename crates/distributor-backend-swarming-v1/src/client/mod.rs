//! The calls of Swarming's first API that this backend makes.
//!
//! It refuses to repeat a call that failed: the host does (DC-23), and knows when.

mod channel;
mod failure;
mod reason;
mod retry_after;
mod transport;

use std::sync::Arc;

use distributor_core::{Clock, Error, ErrorKind, Result};
use http::Method;
use serde::Serialize;
use serde::de::DeserializeOwned;
use url::Url;

use crate::config::Settings;
use crate::wire;
use channel::{Call, Channel};
use failure::Purpose;
use transport::Request;

/// Behind the server's url.
const BASE: &str = "/_ah/api/swarming/v1/";
/// Most tasks that one call asks about: a url of about 3 KiB.
pub(crate) const MOST_STATES: usize = 100;
/// Most bytes of output that one call gives.
const MOST_OUTPUT: usize = 16_384_000;
/// Longest id of a task.
const MOST_ID: usize = 128;

/// One server.
#[derive(Debug)]
pub(crate) struct Client {
    base: Url,
    channel: Channel,
}

impl Client {
    /// Touches neither the network nor a disk.
    ///
    /// # Errors
    /// `Config` for a url that is none.
    pub(crate) fn new(settings: &Settings, clock: Arc<dyn Clock>) -> Result<Self> {
        let base = Url::parse(&format!("{}{BASE}", settings.url));
        let base = base.map_err(|error| {
            Error::new(ErrorKind::Config, "swarming.url is not a URL").because(error)
        })?;
        Ok(Client {
            channel: Channel::new(&base, settings, clock),
            base,
        })
    }

    /// Returns when there is an access token, so that the next call does not wait for one.
    pub(crate) async fn ready(&self) -> Result<()> {
        self.channel.ready().await
    }

    /// `tasks/new`. A repetition with the same `request_uuid` gives the first task.
    pub(crate) async fn new_task(
        &self,
        task: &wire::NewTaskRequest,
    ) -> Result<wire::NewTaskResponse> {
        const ENDPOINT: &str = "tasks/new";
        let secrets = [&task.pubsub_auth_token, &task.properties.secret_bytes];
        let call = Call {
            purpose: Purpose::Start,
            endpoint: ENDPOINT,
            request: self.post(ENDPOINT, task)?,
            secrets: secrets
                .into_iter()
                .flatten()
                .map(|it| it.expose())
                .collect(),
        };
        let created: wire::NewTaskResponse = self.ask(call).await?;
        match is_id(&created.task_id) {
            true => Ok(created),
            false => Err(failure::garbled(ENDPOINT, "`task_id` is no id of a task")),
        }
    }

    /// `task/{id}/result`.
    pub(crate) async fn result(&self, id: &str) -> Result<wire::TaskResult> {
        let request = self.get(&task_path(id, "result")?, &[])?;
        self.ask(manage("task/result", request)).await
    }

    /// `tasks/get_states` of at most [`MOST_STATES`] tasks: the name of a state for each, in the same
    /// order, or nothing where the server does not say.
    pub(crate) async fn states(&self, ids: &[&str]) -> Result<Vec<Option<String>>> {
        const ENDPOINT: &str = "tasks/get_states";
        let query: Vec<_> = ids.iter().map(|id| ("task_id", *id)).collect();
        let request = self.get(ENDPOINT, &query)?;
        let answer: wire::TaskStates = self.ask(manage(ENDPOINT, request)).await?;
        match answer.states.len() == ids.len() {
            true => Ok(answer.states),
            false => Err(failure::garbled(
                ENDPOINT,
                "it has not one state for each task",
            )),
        }
    }

    /// `task/{id}/cancel`, also if it runs. One that is over, or unknown, needs no end (DC-38).
    pub(crate) async fn cancel(&self, id: &str) -> Result<()> {
        const ENDPOINT: &str = "task/cancel";
        let wish = wire::CancelRequest { kill_running: true };
        let asked = match task_path(id, "cancel") {
            Ok(path) => {
                let request = self.post(&path, &wish)?;
                self.channel.call(manage(ENDPOINT, request)).await
            }
            Err(error) => Err(error),
        };
        match asked {
            Ok(body) if body.is_empty() => Ok(()),
            Ok(body) => {
                let answer: wire::CancelResponse = read(ENDPOINT, &body)?;
                tracing::debug!(
                    task = id,
                    ok = answer.ok,
                    running = answer.was_running,
                    "cancelled"
                );
                Ok(())
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// `tasks/list`: the newest tasks that have all of these tags.
    pub(crate) async fn find(&self, tags: &[&str]) -> Result<Vec<wire::TaskResult>> {
        const ENDPOINT: &str = "tasks/list";
        let mut query = vec![("limit", "10")];
        query.extend(tags.iter().map(|tag| ("tags", *tag)));
        let request = self.get(ENDPOINT, &query)?;
        let list: wire::TaskList = self.ask(manage(ENDPOINT, request)).await?;
        let mut tasks = list.items;
        tasks.retain(|task| is_id(&task.task_id));
        Ok(tasks)
    }

    /// `task/{id}/stdout` from byte `offset` on; about `length` bytes.
    pub(crate) async fn output(
        &self,
        id: &str,
        offset: u64,
        length: usize,
    ) -> Result<wire::TaskOutput> {
        let (offset, length) = (offset.to_string(), length.min(MOST_OUTPUT).to_string());
        let query = [("offset", offset.as_str()), ("length", length.as_str())];
        let request = self.get(&task_path(id, "stdout")?, &query)?;
        self.ask(manage("task/stdout", request)).await
    }

    fn get(&self, path: &str, query: &[(&str, &str)]) -> Result<Request> {
        let mut url = self.url(path)?;
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        Ok(Request {
            method: Method::GET,
            url,
            body: None,
        })
    }

    fn post(&self, path: &str, body: &impl Serialize) -> Result<Request> {
        let body = serde_json::to_vec(body).map_err(|error| {
            Error::new(ErrorKind::Internal, "the request is no JSON").because(error)
        })?;
        Ok(Request {
            method: Method::POST,
            url: self.url(path)?,
            body: Some(body),
        })
    }

    fn url(&self, path: &str) -> Result<Url> {
        let url = self.base.join(path);
        url.map_err(|error| Error::new(ErrorKind::Internal, "the path fits no url").because(error))
    }

    async fn ask<T: DeserializeOwned>(&self, call: Call<'_>) -> Result<T> {
        let endpoint = call.endpoint;
        read(endpoint, &self.channel.call(call).await?)
    }
}

fn manage(endpoint: &'static str, request: Request) -> Call<'static> {
    Call {
        purpose: Purpose::Manage,
        endpoint,
        request,
        secrets: Vec::new(),
    }
}

/// The reason of the parser would quote the answer, so only the place is told.
fn read<T: DeserializeOwned>(endpoint: &str, body: &[u8]) -> Result<T> {
    if body.is_empty() {
        return Err(failure::garbled(endpoint, "it is empty"));
    }
    serde_json::from_slice(body).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        let text = format!("no JSON as expected at line {line}, column {column}");
        failure::garbled(endpoint, &text)
    })
}

/// Can it be the id of a task? Anything else would change the path that it is put into.
fn is_id(text: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    !text.is_empty() && text.len() <= MOST_ID && text.bytes().all(is_word)
}

/// A task that cannot be there is not asked for.
fn task_path(id: &str, what: &str) -> Result<String> {
    match is_id(id) {
        true => Ok(format!("task/{id}/{what}")),
        false => Err(Error::new(ErrorKind::NotFound, "swarming: notFound")),
    }
}
