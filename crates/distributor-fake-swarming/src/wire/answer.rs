//! Answers: int64 as text, moments without a zone, and nothing that is absent.

use serde_json::{Map, Value, json};

use super::date;
use super::new_task::expiration;
use super::rules::is_instance_id;
use crate::model::{
    CipdInput, CipdPackage, Properties, State, Task, TaskRequest, Worker, missing_packages,
};

/// What a read-back secret looks like.
const REDACTED: &str = "PFJFREFDVEVEPg==";

/// An object without what is null or empty.
fn object(value: Value) -> Value {
    let Value::Object(fields) = value else {
        return value;
    };
    let there = |value: &Value| match value {
        Value::Null => false,
        Value::Array(list) => !list.is_empty(),
        Value::String(text) => !text.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
        _ => true,
    };
    let fields: Map<String, Value> = fields
        .into_iter()
        .filter(|(_, value)| there(value))
        .collect();
    Value::Object(fields)
}

fn int(value: i64) -> String {
    value.to_string()
}

fn pairs(pairs: &[(String, String)]) -> Vec<Value> {
    let all = pairs.iter();
    all.map(|(key, value)| json!({"key": key, "value": value}))
        .collect()
}

/// `TaskRequest`.
pub(crate) fn task_request(request: &TaskRequest, task: Option<&Task>) -> Value {
    let created = task.map(|task| task.status.created);
    let expires = created.map(|created| date(expiration(request, created)));
    let slices: Vec<Value> = request
        .slices
        .iter()
        .map(|slice| {
            object(json!({
                "expiration_secs": int(slice.expiration_secs),
                "properties": properties(&slice.properties),
                "wait_for_capacity": slice.wait_for_capacity,
            }))
        })
        .collect();
    let first = request.slices.first();
    let notify = request.notify.as_ref();
    object(json!({
        "authenticated": request.caller,
        "bot_ping_tolerance_secs": int(request.bot_ping_tolerance_secs),
        "created_ts": created.map(date),
        "expiration_ts": expires,
        "expiration_secs": request.slices.iter().map(|slice| slice.expiration_secs).sum::<i64>().to_string(),
        "name": request.name,
        "parent_task_id": request.parent.map(crate::model::TaskId::run),
        "priority": int(request.priority),
        "properties": first.map(|slice| properties(&slice.properties)),
        "pubsub_topic": notify.map(|notify| &notify.topic),
        "pubsub_userdata": notify.map(|notify| &notify.userdata),
        "realm": request.realm,
        "service_account": request.service_account,
        "tags": request.tags,
        "task_id": task.map(|task| task.id.to_string()),
        "task_slices": slices,
        "user": request.user,
    }))
}

fn properties(properties: &Properties) -> Value {
    let prefixes: Vec<Value> = properties
        .env_prefixes
        .iter()
        .map(|(key, paths)| json!({"key": key, "value": paths}))
        .collect();
    let caches: Vec<Value> = properties
        .caches
        .iter()
        .map(|cache| json!({"name": cache.name, "path": cache.path}))
        .collect();
    object(json!({
        "caches": caches,
        "cas_input_root": properties.input_root.as_ref().map(|root| json!({
            "cas_instance": root.instance,
            "digest": {"hash": root.digest.hash, "size_bytes": int(root.digest.size)},
        })),
        "cipd_input": properties.cipd.as_ref().map(cipd_input),
        "command": properties.command,
        "dimensions": pairs(&properties.dimensions),
        "env": pairs(&properties.env),
        "env_prefixes": prefixes,
        "execution_timeout_secs": int(properties.execution_timeout_secs),
        "grace_period_secs": int(properties.grace_period_secs),
        "idempotent": properties.idempotent,
        "io_timeout_secs": int(properties.io_timeout_secs),
        "outputs": properties.outputs,
        "relative_cwd": properties.relative_cwd,
        "secret_bytes": properties.secret_bytes.as_ref().map(|_| REDACTED),
    }))
}

fn package(package: &CipdPackage) -> Value {
    object(json!({
        "package_name": package.name,
        "path": package.path,
        "version": package.version,
    }))
}

fn cipd_input(cipd: &CipdInput) -> Value {
    let packages: Vec<Value> = cipd.packages.iter().map(package).collect();
    object(json!({
        "client_package": cipd.client.as_ref().map(package),
        "packages": packages,
        "server": cipd.server,
    }))
}

/// `TaskResult`.
pub(crate) fn task_result(task: &Task, worker: Option<&Worker>, with_performance: bool) -> Value {
    let status = &task.status;
    let request = &task.request;
    let ran = status.started.is_some() && status.state != State::ClientError;
    let properties = request.slice(status.slice).map(|slice| &slice.properties);
    let cipd = properties.and_then(|properties| properties.cipd.as_ref());
    let dimensions: Vec<Value> = worker
        .into_iter()
        .flat_map(|worker| &worker.dimensions)
        .map(|(key, values)| json!({"key": key, "value": values}))
        .collect();
    let missing: Vec<Value> = match (status.state, properties) {
        (State::ClientError, Some(properties)) => {
            missing_packages(properties).map(package).collect()
        }
        _ => Vec::new(),
    };
    let mut result = object(json!({
        "abandoned_ts": status.abandoned.map(date),
        "bot_dimensions": dimensions,
        "bot_id": status.bot,
        "cipd_pins": cipd.filter(|_| ran && status.state.is_final()).map(pins),
        "completed_ts": status.completed.map(date),
        "created_ts": date(status.created),
        "current_task_slice": int(i64::try_from(status.slice).unwrap_or(0)),
        "duration": task.duration(),
        "exit_code": status.exit_code.map(int),
        "missing_cipd": missing,
        "modified_ts": date(status.modified),
        "name": request.name,
        "run_id": status.started.map(|_| task.id.run()),
        "server_versions": ["fake-1"],
        "started_ts": status.started.map(date),
        "state": status.state.name(),
        "tags": request.tags,
        "task_id": task.id.to_string(),
        "try_number": status.started.map(|_| "1"),
        "user": request.user,
    }));
    if task.failure() {
        result["failure"] = json!(true);
    }
    if status.internal_failure {
        result["internal_failure"] = json!(true);
    }
    if with_performance && status.completed.is_some() {
        result["performance_stats"] = json!({"bot_overhead": 0.1});
    }
    result
}

fn pins(cipd: &CipdInput) -> Value {
    let packages: Vec<Value> = cipd.packages.iter().map(pin).collect();
    object(json!({
        "client_package": cipd.client.as_ref().map(pin),
        "packages": packages,
    }))
}

/// What a package was on the bot: its platform filled in, and an instance instead of a version.
fn pin(asked: &CipdPackage) -> Value {
    let name = asked
        .name
        .replace("${platform}", "linux-amd64")
        .replace("${os}", "linux")
        .replace("${arch}", "amd64");
    let version = match is_instance_id(&asked.version) {
        true => asked.version.clone(),
        false => instance_id(&format!("{name}@{}", asked.version)),
    };
    package(&CipdPackage {
        path: asked.path.clone(),
        name,
        version,
    })
}

/// Some instance id, always the same for the same text.
fn instance_id(text: &str) -> String {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let seed = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
    });
    let mut dice = crate::faults::Dice::new(seed);
    let letter = |_| {
        let chosen = usize::try_from(dice.next() % 64).unwrap_or(0);
        char::from(LETTERS.get(chosen).copied().unwrap_or(b'A'))
    };
    // The last letter says which hash function it was.
    (0..43).map(letter).chain(['C']).collect()
}

/// `BotInfo`.
pub(crate) fn bot_info(id: &str, worker: &Worker) -> Value {
    let dimensions: Vec<Value> = worker
        .dimensions
        .iter()
        .map(|(key, values)| json!({"key": key, "value": values}))
        .collect();
    object(json!({
        "bot_id": id,
        "dimensions": dimensions,
        "task_id": worker.task.map(crate::model::TaskId::run),
        "version": "fake-1",
    }))
}
