//! From a `run` request to a task that the supervisor can start: program, environment, files.
//!
//! It refuses to start anything, and leaves no file behind if it fails.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use distributor_core::dm::quest::desc::meta::Simple;
use distributor_core::{Error, ErrorKind, LogStream, NeedResult, Result, RunRequest, TaskResult};

use crate::config::Settings;
use crate::job::Job;
use crate::layout::{self, Layout};
use crate::parameters::Parameters;
use crate::process::EXECUTION_VARIABLE;
use crate::program;
use crate::supervisor::protocol::Start;
use crate::work;

/// Names the file with the results of what the job needs.
const RESULTS_VARIABLE: &str = "DISTRIBUTOR_RESULTS";
/// Names the file with the quest's parameters.
const PARAMETERS_VARIABLE: &str = "DISTRIBUTOR_PARAMETERS";

/// Finds the program and writes the files that the task reads. `dm_host` is where its job can call
/// the API, if it does.
///
/// # Errors
/// Permanent if the job is wrong, transient if a file cannot be written.
pub(crate) fn prepare(
    layout: &Layout,
    settings: &Settings,
    dm_host: &str,
    request: &RunRequest,
) -> Result<Start> {
    let id = request.execution.to_string();
    let mut parameters = Parameters::parse(&request.quest.distributor_parameters)?;
    let job = match simple(request) {
        Some(_) => None,
        None => Some(Job::new(layout, dm_host, request)?),
    };
    if let Some(job) = &job {
        job.fill_in(&mut parameters);
    }
    let directory = working_directory(request, &parameters)?;
    let program = find_program(settings, &parameters, directory.as_deref())?;
    let mut start = Start {
        program,
        arguments: parameters.argv,
        directory,
        environment: parameters.env.into_iter().collect(),
        stdin: None,
        stdout: layout.output(&id, LogStream::Stdout),
        stderr: layout.output(&id, LogStream::Stderr),
        work_files: Vec::new(),
        id,
    };
    let environment = [(EXECUTION_VARIABLE.to_owned(), start.id.clone())];
    start.environment.extend(environment);
    if let Some(job) = &job {
        job.equip(&mut start);
    }
    let written = match &job {
        Some(job) => job.write(),
        None => Ok(()),
    };
    let stdin = parameters.stdin.as_deref();
    match written.and_then(|()| write_files(layout, request, stdin, &mut start)) {
        Ok(()) => Ok(start),
        Err(error) => {
            work::remove_all(&start.work_files);
            Err(Error::new(
                ErrorKind::Unavailable,
                "failed to write a file for the task",
            )
            .with("directory", layout.work().display().to_string())
            .because(error)
            .transient()
            .not_applied())
        }
    }
}

/// What only a simple quest has.
fn simple(request: &RunRequest) -> Option<&Simple> {
    request.quest.meta.as_ref()?.simple.as_ref()
}

/// The quest's own directory, or that of its parameters; `None` means that of the service.
fn working_directory(request: &RunRequest, parameters: &Parameters) -> Result<Option<String>> {
    match simple(request).map(|simple| simple.directory.as_str()) {
        None | Some("") => Ok(parameters.directory.clone()),
        Some(directory) if directory.starts_with('/') && !directory.contains('\0') => {
            Ok(Some(directory.to_owned()))
        }
        Some(directory) => Err(Error::new(
            ErrorKind::InvalidArgument,
            format!("meta.simple.directory: {directory:?} is not an absolute path"),
        )),
    }
}

fn find_program(
    settings: &Settings,
    parameters: &Parameters,
    directory: Option<&str>,
) -> Result<PathBuf> {
    let path: Option<OsString> = match parameters.env.get("PATH") {
        Some(path) => Some(path.into()),
        None if settings.passes(OsStr::new("PATH")) => std::env::var_os("PATH"),
        None => None,
    };
    let directory = match directory {
        Some(directory) => PathBuf::from(directory),
        None => std::env::current_dir().map_err(|error| {
            Error::new(ErrorKind::Unavailable, "the service's directory is gone")
                .because(error)
                .transient()
                .not_applied()
        })?,
    };
    program::resolve(&parameters.argv[0], &directory, path.as_deref())
}

fn write_files(
    layout: &Layout,
    request: &RunRequest,
    stdin: Option<&str>,
    start: &mut Start,
) -> io::Result<()> {
    let mut write = |name: &str, text: &str| {
        let path = layout.work_file(&start.id, name);
        start.work_files.push(path.clone());
        write_file(&path, text)?;
        Ok::<_, io::Error>(path)
    };
    let mut environment = Vec::new();
    if !request.needs.is_empty() {
        let path = write(layout::RESULTS, &results(&request.needs))?;
        environment.push((RESULTS_VARIABLE, path));
    }
    let parameters = request.quest.parameters.trim();
    if !matches!(parameters, "" | "{}") {
        let path = write(layout::PARAMETERS, parameters)?;
        environment.push((PARAMETERS_VARIABLE, path));
    }
    if let Some(stdin) = stdin.filter(|text| !text.is_empty()) {
        start.stdin = Some(write(layout::STDIN, stdin)?);
    }
    for (name, path) in environment {
        // The state directory was checked to be UTF-8 when the backend was made.
        start
            .environment
            .push((name.to_owned(), path.display().to_string()));
    }
    Ok(())
}

/// Writes a file for its owner alone.
pub(crate) fn write_file(path: &Path, text: impl AsRef<[u8]>) -> io::Result<()> {
    fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)?
        .write_all(text.as_ref())
}

/// `{"NAME": {"state": …, …}, …}`, with states and statuses spelled as in the API.
fn results(needs: &[NeedResult]) -> String {
    let text = |text: &str| serde_json::Value::from(text).to_string();
    let entries: Vec<String> = needs
        .iter()
        .map(|need| {
            let name = text(&need.name);
            match &need.result {
                TaskResult::Data(data) => {
                    // An object that was too large to pass on is empty.
                    let object = match data.object.as_str() {
                        "" => "null",
                        object => object,
                    };
                    format!(r#"{name}:{{"state":"FINISHED","result":{object}}}"#)
                }
                TaskResult::Abnormal(finish) => {
                    let status = text(finish.status().as_str_name());
                    let reason = text(&finish.reason);
                    format!(
                        r#"{name}:{{"state":"ABNORMAL_FINISHED","status":{status},"reason":{reason}}}"#
                    )
                }
            }
        })
        .collect();
    format!("{{{}}}\n", entries.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;
    use distributor_core::dm::abnormal_finish::Status;

    #[test]
    fn results_are_one_json_object_by_name() {
        let attempt = format!("{}|1", "A".repeat(43)).parse().unwrap();
        let need = |name: &str, result| NeedResult {
            name: name.to_owned(),
            attempt,
            result,
        };
        let text = results(&[
            need(
                "a \"b\"",
                TaskResult::data(r#"{"n":12345678901234567890123}"#),
            ),
            need("c", TaskResult::abnormal(Status::TimedOut, "too\nlate")),
            need("d", TaskResult::data("")),
        ]);
        assert_eq!(
            text,
            concat!(
                r#"{"a \"b\"":{"state":"FINISHED","result":{"n":12345678901234567890123}},"#,
                r#""c":{"state":"ABNORMAL_FINISHED","status":"TIMED_OUT","reason":"too\nlate"},"#,
                r#""d":{"state":"FINISHED","result":null}}"#,
                "\n"
            )
        );
        serde_json::from_str::<serde_json::Value>(&text).unwrap();
    }
}
