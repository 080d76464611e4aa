//! What Swarming would refuse when the task is made, told while the quest can still be corrected.
//!
//! It refuses to know what exists: pools, packages and trees are looked up by the server.

use std::collections::BTreeSet;

use super::rules::package_path;
use super::{Parameters, Problem};
use crate::proto::{CipdSpec, IsolatedRef, Scheduling};
use crate::seconds;

/// How Swarming calls the task's own folder, whose name is empty here.
pub(crate) const ROOT: &str = ".";

const MOST_DIMENSIONS: usize = 32;
const MOST_DIMENSION_KEY: usize = 64;
const MOST_DIMENSION_VALUE: usize = 256;
const MOST_ARGUMENTS: usize = 128;
const MOST_VARIABLES: usize = 64;
const MOST_VARIABLE_NAME: usize = 64;
const MOST_VARIABLE_VALUE: usize = 1024;
const MOST_PACKAGES: usize = 64;
const MOST_FOLDER: usize = 256;

/// Variables of the original that stood for files which nothing delivers any more.
const FILE_VARIABLES: [&str; 2] = [
    "${DM.PREVIOUS.EXECUTION.STATE:PATH}",
    "${DM.QUEST.DATA.DESC:PATH}",
];

/// A tree of files: the parts of `HASH/SIZE`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CasTree<'a> {
    /// In hexadecimal.
    pub(crate) hash: &'a str,
    /// In bytes.
    pub(crate) size: i64,
}

/// What a reference says; `None` if it is not `HASH/SIZE`.
pub(crate) fn cas_tree(id: &str) -> Option<CasTree<'_>> {
    let (hash, size) = id.split_once('/')?;
    let is_hash = !hash.is_empty() && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_size = size.bytes().all(|byte| byte.is_ascii_digit());
    let size = size.parse().ok()?;
    (is_hash && is_size).then_some(CasTree { hash, size })
}

/// A folder as Swarming calls it.
pub(crate) fn folder(name: &str) -> &str {
    if name.is_empty() { ROOT } else { name }
}

pub(super) fn check(parameters: &Parameters) -> Result<(), Problem> {
    check_scheduling(&parameters.scheduling)?;
    check_isolated(&parameters.inputs.isolated)?;
    if let Some(cipd) = &parameters.inputs.cipd {
        check_cipd(cipd)?;
    }
    check_command(&parameters.command)?;
    check_count("job.env", parameters.env.len(), MOST_VARIABLES)?;
    for (name, value) in &parameters.env {
        check_variable(name, value).map_err(|text| Problem::new("job.env", text))?;
    }
    Ok(())
}

fn check_count(path: &str, count: usize, most: usize) -> Result<(), Problem> {
    if count > most {
        return Err(Problem::new(
            path,
            format!("has {count} elements: {most} are the most"),
        ));
    }
    Ok(())
}

fn check_length(what: &str, text: &str, most: usize) -> Result<(), String> {
    let length = text.chars().count();
    if length > most {
        return Err(format!(
            "{what} has {length} characters: {most} are the most"
        ));
    }
    Ok(())
}

fn check_scheduling(scheduling: &Scheduling) -> Result<(), Problem> {
    const DIMENSIONS: &str = "scheduling.dimensions";
    check_count(DIMENSIONS, scheduling.dimensions.len(), MOST_DIMENSIONS)?;
    for (key, value) in &scheduling.dimensions {
        check_dimension(key, value).map_err(|text| Problem::new(DIMENSIONS, text))?;
    }
    if !scheduling.dimensions.contains_key("pool") {
        return Err(Problem::new(DIMENSIONS, "`pool` is required"));
    }
    match seconds::rounded_up(scheduling.io_timeout.as_ref()) {
        Some(timeout) if timeout < seconds::LEAST => {
            let text = format!("must be 0 for none, or at least {} s", seconds::LEAST);
            Err(Problem::new("scheduling.io_timeout", text))
        }
        _ => Ok(()),
    }
}

fn check_dimension(key: &str, value: &str) -> Result<(), String> {
    check_length("a key", key, MOST_DIMENSION_KEY)?;
    check_length(&format!("value of {key:?}"), value, MOST_DIMENSION_VALUE)?;
    if key.trim() != key {
        return Err(format!("key {key:?} begins or ends with a space"));
    }
    if value.trim() != value {
        return Err(format!("value of {key:?} begins or ends with a space"));
    }
    Ok(())
}

fn check_isolated(references: &[IsolatedRef]) -> Result<(), Problem> {
    let [reference] = references else {
        let count = references.len();
        return match count {
            0 => Ok(()),
            _ => Err(Problem::new(
                "job.inputs.isolated",
                format!("has {count} elements: only one tree of files can be used, merge them"),
            )),
        };
    };
    if cas_tree(&reference.id).is_none() {
        let text = "must be HASH/SIZE, the digest of a tree in a content-addressed store; hashes of the \
                    isolate service are of no use any more";
        return Err(Problem::new("job.inputs.isolated[0].id", text));
    }
    if !reference.server.is_empty() && !is_instance(&reference.server) {
        let text = "must be projects/PROJECT/instances/INSTANCE, or empty for the server's own";
        return Err(Problem::new("job.inputs.isolated[0].server", text));
    }
    Ok(())
}

fn is_instance(name: &str) -> bool {
    let parts: Vec<&str> = name.split('/').collect();
    matches!(parts.as_slice(), ["projects", project, "instances", instance]
        if !project.is_empty() && !instance.is_empty())
}

fn check_cipd(cipd: &CipdSpec) -> Result<(), Problem> {
    const BY_PATH: &str = "job.inputs.cipd.by_path";
    let count = cipd
        .by_path
        .values()
        .map(|packages| packages.pkg.len())
        .sum();
    check_count(BY_PATH, count, MOST_PACKAGES)?;
    let mut seen = BTreeSet::new();
    for (name, packages) in &cipd.by_path {
        check_folder(name).map_err(|text| Problem::new(format!("{BY_PATH}[{name}]"), text))?;
        for (index, package) in packages.pkg.iter().enumerate() {
            if !seen.insert((folder(name), package.name.as_str())) {
                let text = format!("{:?} is there twice", package.name);
                return Err(Problem::new(package_path(name, index), text));
            }
        }
    }
    Ok(())
}

fn check_folder(name: &str) -> Result<(), String> {
    check_length("a folder", name, MOST_FOLDER)?;
    if name.is_empty() || name == ROOT {
        return Ok(());
    }
    if name.contains('\\') {
        return Err("must separate folders by `/`".to_owned());
    }
    if name.starts_with('/') {
        return Err("must be relative to the task's folder".to_owned());
    }
    if name.split('/').any(|part| matches!(part, "" | "." | "..")) {
        return Err("must not hold `.`, `..` or empty names".to_owned());
    }
    Ok(())
}

fn check_command(command: &[String]) -> Result<(), Problem> {
    check_count("job.command", command.len(), MOST_ARGUMENTS)?;
    for (index, argument) in command.iter().enumerate() {
        for variable in FILE_VARIABLES {
            if argument.contains(variable) {
                let text = format!(
                    "{variable} stands for a file, and this backend cannot deliver files: have the job \
                     ask the service at ${{DM.HOST}}"
                );
                return Err(Problem::new(format!("job.command[{index}]"), text));
            }
        }
    }
    Ok(())
}

fn check_variable(name: &str, value: &str) -> Result<(), String> {
    check_length("a variable name", name, MOST_VARIABLE_NAME)?;
    let mut bytes = name.bytes();
    let starts = bytes
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic() || first == b'_');
    if !starts || !bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
        return Err(format!(
            "{name:?} cannot be the name of a variable: use letters, digits and `_`"
        ));
    }
    check_length(&format!("value of {name:?}"), value, MOST_VARIABLE_VALUE)
}
