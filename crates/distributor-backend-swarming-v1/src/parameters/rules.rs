//! The rules of the original, in its order, and that the three parts must be there (it crashed).

use super::{Parameters, Problem};
use crate::proto::{CipdPackage, CipdSpec, Inputs, Job, Parameters as Message, Scheduling};
use crate::url_rule;

const REQUIRED: &str = "is required";

/// Checks the message and takes it apart.
pub(super) fn check(message: Message) -> Result<Parameters, Problem> {
    let scheduling = message.scheduling;
    let scheduling = scheduling.ok_or_else(|| Problem::new("scheduling", REQUIRED))?;
    check_scheduling(&scheduling)?;
    let job = message.job.ok_or_else(|| Problem::new("job", REQUIRED))?;
    let Job {
        inputs,
        command,
        env,
    } = job;
    let inputs = inputs.ok_or_else(|| Problem::new("job.inputs", REQUIRED))?;
    check_inputs(&inputs)?;
    if command.is_empty() {
        return Err(Problem::new("job.command", "must not be empty"));
    }
    if env.contains_key("") {
        return Err(Problem::new("job.env", "a variable name is empty"));
    }
    Ok(Parameters {
        scheduling,
        meta: message.meta.unwrap_or_default(),
        command,
        env,
        inputs,
    })
}

fn check_scheduling(scheduling: &Scheduling) -> Result<(), Problem> {
    let priority = scheduling.priority;
    if priority > 255 {
        let text = format!("must be at most 255, got {priority}");
        return Err(Problem::new("scheduling.priority", text));
    }
    for (key, value) in &scheduling.dimensions {
        let text = match (key.as_str(), value.as_str()) {
            ("", _) => "a key is empty".to_owned(),
            (key, "") => format!("value of {key:?} is empty"),
            _ => continue,
        };
        return Err(Problem::new("scheduling.dimensions", text));
    }
    match &scheduling.io_timeout {
        Some(timeout) if timeout.seconds < 0 || timeout.nanos < 0 => {
            let text = "must not be negative";
            Err(Problem::new("scheduling.io_timeout", text))
        }
        _ => Ok(()),
    }
}

fn check_inputs(inputs: &Inputs) -> Result<(), Problem> {
    match &inputs.cipd {
        None if inputs.isolated.is_empty() => {
            Err(Problem::new("job.inputs", "needs cipd or isolated"))
        }
        None => Ok(()),
        Some(cipd) => check_cipd(cipd),
    }
}

fn check_cipd(cipd: &CipdSpec) -> Result<(), Problem> {
    url_rule::check(&cipd.server).map_err(|text| Problem::new("job.inputs.cipd.server", text))?;
    if let Some(client) = &cipd.client {
        check_package(client, || "job.inputs.cipd.client".to_owned())?;
    }
    for (folder, packages) in &cipd.by_path {
        for (index, package) in packages.pkg.iter().enumerate() {
            check_package(package, || package_path(folder, index))?;
        }
    }
    Ok(())
}

/// How problems call a package.
pub(super) fn package_path(folder: &str, index: usize) -> String {
    format!("job.inputs.cipd.by_path[{folder}].pkg[{index}]")
}

fn check_package(package: &CipdPackage, path: impl Fn() -> String) -> Result<(), Problem> {
    let text = match (package.name.as_str(), package.version.as_str()) {
        ("", _) => "name is empty",
        (_, "") => "version is empty",
        _ => return Ok(()),
    };
    Err(Problem::new(path(), text))
}
