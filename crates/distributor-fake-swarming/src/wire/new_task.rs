//! `NewTaskRequest`: what a task is asked to be.

use serde_json::Value;

use super::properties::properties;
use super::rules;
use super::{Fields, Refusal};
use crate::clock::Micros;
use crate::model::{Notify, Secret, Slice, TaskId, TaskRequest};

/// What somebody asks for.
#[derive(Debug)]
pub(crate) struct NewTask {
    /// The task.
    pub(crate) request: TaskRequest,
    /// Whether only to say what it would be.
    pub(crate) evaluate_only: bool,
}

const WEEK: i64 = 7 * 24 * 3600;

/// Reads a request of this caller.
///
/// # Errors
/// With the first reason for which the published schema and its checks would refuse it.
pub(crate) fn new_task(value: &Value, caller: &str) -> Result<NewTask, Refusal> {
    let mut fields = Fields::of(value)?;
    let name = fields.required("name")?;
    let Some(priority) = fields.int_in("priority", 1, 255)? else {
        return Err(fields.refuse("priority", "is required"));
    };
    let (slices, plain) = slices(&mut fields)?;
    let user = fields.text("user")?.unwrap_or_default();
    let parent = match fields.text("parent_task_id")?.as_deref() {
        None | Some("") => None,
        Some(text) => match TaskId::parse(text) {
            Some(id) => Some(id),
            None => {
                let problem = format_args!("is no task id: {text:?}");
                return Err(fields.refuse("parent_task_id", problem));
            }
        },
    };
    let realm = fields.text("realm")?.filter(|realm| !realm.is_empty());
    if let Some(realm) = &realm
        && !rules::is_realm(realm)
    {
        return Err(fields.refuse(
            "realm",
            format_args!("must be project:realm, got {realm:?}"),
        ));
    }
    let service_account = fields.text("service_account")?;
    let service_account = service_account
        .filter(|account| !account.is_empty())
        .unwrap_or_else(|| "none".to_owned());
    if !rules::is_service_account(&service_account) {
        let problem =
            format_args!("must be none, bot or an e-mail address, got {service_account:?}");
        return Err(fields.refuse("service_account", problem));
    }
    let notify = notify(&mut fields)?;
    let evaluate_only = fields.flag("evaluate_only")?;
    let templates = ["AUTO", "CANARY_PREFER", "CANARY_NEVER", "SKIP"];
    fields.choice("pool_task_template", &templates)?;
    let tolerance = fields.int_in("bot_ping_tolerance_secs", 60, 1200)?;
    let request_uuid = fields.text("request_uuid")?.filter(|uuid| !uuid.is_empty());
    if let Some(mut resultdb) = fields.object("resultdb")? {
        if resultdb.flag("enable")? && realm.is_none() {
            return Err(resultdb.refuse("enable", "needs a realm"));
        }
        resultdb.finish()?;
    }
    let mut tags = tags(&mut fields)?;
    fields.finish()?;
    let mut request = TaskRequest {
        caller: caller.to_owned(),
        name,
        priority,
        slices,
        plain,
        tags: Vec::new(),
        user,
        parent,
        realm,
        service_account,
        notify,
        bot_ping_tolerance_secs: tolerance.unwrap_or(1200),
        request_uuid,
    };
    tags.extend(own_tags(&request));
    tags.sort_unstable();
    tags.dedup();
    request.tags = tags;
    Ok(NewTask {
        request,
        evaluate_only,
    })
}

fn slices(fields: &mut Fields<'_>) -> Result<(Vec<Slice>, bool), Refusal> {
    let single = fields.object("properties")?;
    let several = fields.objects("task_slices", 8)?;
    let expiration = fields.int_in("expiration_secs", 30, WEEK)?;
    match (single, several.is_empty(), expiration) {
        (Some(_), false, _) => Err(fields.refuse("task_slices", "excludes properties")),
        (None, true, _) => Err(fields.refuse("properties", "or task_slices is required")),
        (None, false, Some(_)) => Err(fields.refuse("expiration_secs", "excludes task_slices")),
        (Some(_), true, None) => Err(fields.refuse("expiration_secs", "is required")),
        (Some(single), true, Some(expiration_secs)) => {
            let slice = Slice {
                properties: properties(single)?,
                expiration_secs,
                wait_for_capacity: false,
            };
            Ok((vec![slice], true))
        }
        (None, false, None) => Ok((several_slices(fields, several)?, false)),
    }
}

fn several_slices(fields: &Fields<'_>, several: Vec<Fields<'_>>) -> Result<Vec<Slice>, Refusal> {
    let mut slices: Vec<Slice> = Vec::new();
    for mut one in several {
        let Some(single) = one.object("properties")? else {
            return Err(one.refuse("properties", "is required"));
        };
        let properties = properties(single)?;
        let Some(expiration_secs) = one.int_in("expiration_secs", 30, WEEK)? else {
            return Err(one.refuse("expiration_secs", "is required"));
        };
        let wait_for_capacity = one.flag("wait_for_capacity")?;
        let path = one.path("properties");
        one.finish()?;
        if slices.iter().any(|slice| slice.properties == properties) {
            return Err(Refusal::new(&path, "comes twice"));
        }
        slices.push(Slice {
            properties,
            expiration_secs,
            wait_for_capacity,
        });
    }
    let mut pools = slices
        .iter()
        .map(|slice| slice.properties.dimension("pool"));
    let first = pools.next();
    match pools.all(|pool| Some(pool) == first) {
        true => Ok(slices),
        false => Err(fields.refuse("task_slices", "must all have the same pool")),
    }
}

fn notify(fields: &mut Fields<'_>) -> Result<Option<Notify>, Refusal> {
    let given = |text: &String| !text.is_empty();
    let topic = fields.text("pubsub_topic")?.filter(given);
    let auth_token = fields.text("pubsub_auth_token")?.filter(given);
    let userdata = fields.text("pubsub_userdata")?.filter(given);
    let Some(topic) = topic else {
        for (name, value) in [
            ("pubsub_auth_token", auth_token.is_some()),
            ("pubsub_userdata", userdata.is_some()),
        ] {
            if value {
                return Err(fields.refuse(name, "needs a pubsub_topic"));
            }
        }
        return Ok(None);
    };
    if topic.len() > 1024 || !rules::is_topic(&topic) {
        let problem = format_args!("must be projects/P/topics/T, got {topic:?}");
        return Err(fields.refuse("pubsub_topic", problem));
    }
    let userdata = userdata.unwrap_or_default();
    for (name, length) in [
        ("pubsub_userdata", userdata.len()),
        // What an attribute of a message may hold.
        (
            "pubsub_auth_token",
            auth_token.as_ref().map_or(0, String::len),
        ),
    ] {
        if length > 1024 {
            return Err(fields.refuse(name, "must be at most 1024 characters"));
        }
    }
    Ok(Some(Notify {
        topic,
        auth_token: auth_token.map(Secret::new),
        userdata,
    }))
}

fn tags(fields: &mut Fields<'_>) -> Result<Vec<String>, Refusal> {
    let tags = fields.texts("tags", 256)?;
    for (number, tag) in tags.iter().enumerate() {
        if !rules::is_tag(tag) {
            let problem = format_args!("must be k:v of at most 1024 characters, got {tag:?}");
            return Err(fields.refuse(&format!("tags[{number}]"), problem));
        }
    }
    Ok(tags)
}

/// The tags that a farm adds.
fn own_tags(request: &TaskRequest) -> Vec<String> {
    let user = match request.user.as_str() {
        "" => "none",
        user => user,
    };
    let mut tags = vec![
        format!("priority:{}", request.priority),
        format!("service_account:{}", request.service_account),
        "swarming.pool.template:none".to_owned(),
        format!("user:{user}"),
    ];
    if let Some(realm) = &request.realm {
        tags.push(format!("realm:{realm}"));
    }
    for slice in &request.slices {
        for (key, values) in &slice.properties.dimensions {
            tags.extend(values.split('|').map(|value| format!("{key}:{value}")));
        }
    }
    tags
}

/// When a bot at the latest must have taken it.
pub(super) fn expiration(request: &TaskRequest, created: Micros) -> Micros {
    let slices = request.slices.iter();
    let total: i64 = slices.map(|slice| slice.expiration_secs).sum();
    created.saturating_add(total.saturating_mul(crate::clock::SECOND))
}
