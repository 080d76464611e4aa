//! From a quest and its execution to a request for a task.
//!
//! A pure function: a repetition for the same execution asks for the same task, under the same
//! [`identity`]. It refuses to check parameters, which [`Parameters::parse`](crate::parameters) did.

mod identity;
mod packages;
mod secret;
mod variables;

use distributor_core::{Error, ErrorKind, Result, RunRequest, Topic};

use crate::config::Settings;
use crate::parameters::{self, Parameters};
use crate::proto;
use crate::proto_json;
use crate::seconds;
use crate::wire::{
    CasDigest, CasReference, NewTaskRequest, SecretText, StringPair, TaskProperties,
};

const DEFAULT_PRIORITY: u32 = 100;

/// The whole request. `dm_host` is the host name of the service, for jobs that call it; `topic` is where
/// the server tells of changes, or nothing for a server that is not to.
///
/// # Errors
/// `InvalidArgument`, permanent: the data of the previous execution is not of this backend.
pub(crate) fn build(
    settings: &Settings,
    parameters: &Parameters,
    run: &RunRequest,
    dm_host: &str,
    topic: Option<&Topic>,
) -> Result<NewTaskRequest> {
    let previous = previous(run)?;
    let timeouts = run.quest.meta.as_ref().and_then(|meta| meta.timeouts);
    let timeouts = timeouts.unwrap_or_default();
    let scheduling = &parameters.scheduling;
    let mut dimensions = scheduling.dimensions.clone();
    // A bot may have an empty value, but a task cannot ask for one.
    let snapshot = previous.snapshot_dimensions.into_iter();
    dimensions.extend(snapshot.filter(|(key, value)| !key.is_empty() && !value.is_empty()));
    let command = parameters.command.iter();
    let properties = TaskProperties {
        command: command
            .map(|argument| variables::fill_in(argument, dm_host))
            .collect(),
        dimensions: pairs(dimensions),
        env: pairs(parameters.env.clone()),
        cipd_input: packages::input(parameters.inputs.cipd.as_ref(), previous.cipd_pins),
        cas_input_root: parameters.inputs.isolated.first().and_then(tree),
        execution_timeout_secs: seconds::execution_timeout(seconds::rounded_up(
            timeouts.run.as_ref(),
        )),
        grace_period_secs: seconds::grace_period(seconds::rounded_up(timeouts.stop.as_ref())),
        io_timeout_secs: seconds::io_timeout(seconds::rounded_up(scheduling.io_timeout.as_ref())),
        idempotent: false,
        secret_bytes: secret::bytes(run)?,
    };
    let priority = match scheduling.priority {
        0 => DEFAULT_PRIORITY,
        priority => priority,
    };
    Ok(NewTaskRequest {
        name: name(&parameters.meta.name_prefix, run),
        priority: i64::from(priority),
        expiration_secs: seconds::expiration(
            seconds::rounded_up(timeouts.start.as_ref()),
            settings.default_expiration_secs,
        ),
        properties,
        tags: tags(run, dm_host),
        realm: unless_empty(&settings.realm),
        service_account: unless_empty(&settings.service_account),
        pubsub_topic: topic.map(|topic| topic.name.clone()),
        pubsub_auth_token: topic.map(auth_token).transpose()?,
        request_uuid: identity::of(run, dm_host),
    })
}

/// What the last successful execution of the attempt left behind; nothing if there was none.
fn previous(run: &RunRequest) -> Result<proto::Result> {
    let object = run.previous_result.as_ref().map(|data| &data.object);
    let Some(object) = object.filter(|object| !object.is_empty()) else {
        return Ok(proto::Result::default());
    };
    proto_json::read_leniently(object).map_err(|reason| {
        let message = format!(
            "previous_result: not the result of a task on Swarming, so nobody knows which packages and \
             which bot it had: {reason}"
        );
        Error::new(ErrorKind::InvalidArgument, message)
    })
}

fn name(prefix: &str, run: &RunRequest) -> String {
    match prefix {
        "" => run.execution.to_string(),
        prefix => format!("{prefix} / {}", run.execution),
    }
}

fn tags(run: &RunRequest, dm_host: &str) -> Vec<String> {
    let execution = run.execution;
    let attempt = execution.attempt;
    let mut tags = vec!["requestor:DM".to_owned()];
    if !dm_host.is_empty() {
        tags.push(format!("requestor:{dm_host}"));
    }
    tags.extend([
        "requestor:swarming_v1".to_owned(),
        format!("quest:{}", attempt.quest),
        format!("attempt:{attempt}"),
        format!("execution:{execution}"),
    ]);
    tags
}

fn pairs(map: impl IntoIterator<Item = (String, String)>) -> Vec<StringPair> {
    map.into_iter()
        .map(|(key, value)| StringPair { key, value })
        .collect()
}

fn tree(reference: &proto::IsolatedRef) -> Option<CasReference> {
    let tree = parameters::cas_tree(&reference.id)?;
    Some(CasReference {
        cas_instance: reference.server.clone(),
        digest: CasDigest {
            hash: tree.hash.to_owned(),
            size_bytes: Some(tree.size),
        },
    })
}

fn unless_empty(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

fn auth_token(topic: &Topic) -> Result<SecretText> {
    match String::from_utf8(topic.auth_token.expose().to_vec()) {
        Ok(token) => Ok(SecretText::new(token)),
        // The reason would quote the token.
        Err(_) => Err(Error::new(
            ErrorKind::Internal,
            "the topic's token is no text, so no message could carry it",
        )),
    }
}

#[cfg(test)]
mod tests;
