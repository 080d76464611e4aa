//! Which call a method and a path are.

use http::Method;

/// Where all calls of the protocol are.
const BASE: &str = "/_ah/api/swarming/v1/";

/// A call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Endpoint {
    /// Of Swarming, by its name, with the task it is about.
    Swarming(&'static str, Option<String>),
    /// Of Pub/Sub: what to do with which topic or subscription.
    PubSub(String, String),
    /// All tasks, for tests.
    FakeTasks,
    /// Faults on and off, for tests.
    FakeFaults,
}

impl Endpoint {
    /// `None` if there is no such call.
    pub(crate) fn find(method: &Method, path: &str) -> Option<Self> {
        if let Some(rest) = path.strip_prefix(BASE) {
            return swarming(method, rest);
        }
        if let Some(rest) = path.strip_prefix("/v1/") {
            let (name, verb) = rest.rsplit_once(':')?;
            return (method == Method::POST)
                .then(|| Endpoint::PubSub(verb.to_owned(), name.to_owned()));
        }
        match (method.as_str(), path) {
            ("GET", "/fake/tasks") => Some(Endpoint::FakeTasks),
            ("POST", "/fake/faults") => Some(Endpoint::FakeFaults),
            _ => None,
        }
    }
}

fn swarming(method: &Method, rest: &str) -> Option<Endpoint> {
    if let Some(rest) = rest.strip_prefix("task/") {
        let (id, what) = rest.split_once('/')?;
        let name = match (method.as_str(), what) {
            ("GET", "result") => "task.result",
            ("GET", "request") => "task.request",
            ("GET", "stdout") => "task.stdout",
            ("POST", "cancel") => "task.cancel",
            _ => return None,
        };
        return Some(Endpoint::Swarming(name, Some(id.to_owned())));
    }
    let name = match (method.as_str(), rest) {
        ("POST", "tasks/new") => "tasks.new",
        ("POST", "tasks/cancel") => "tasks.cancel",
        ("GET", "tasks/list") => "tasks.list",
        ("GET", "tasks/requests") => "tasks.requests",
        ("GET", "tasks/count") => "tasks.count",
        ("GET", "tasks/get_states") => "tasks.get_states",
        ("GET", "bots/list") => "bots.list",
        ("GET", "bots/count") => "bots.count",
        ("GET", "server/details") => "server.details",
        ("GET", "server/permissions") => "server.permissions",
        _ => return None,
    };
    Some(Endpoint::Swarming(name, None))
}
