//! A graph file in memory: what the jobs are, in an order in which they can run.
//!
//! Plain data, and no more than the file says: which backend a distributor name means, and whether that
//! backend accepts what a job gives it, is for the caller to find out.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde::ser::Serializer;
use serde_json::{Map, Value};

use super::problem::Position;

/// The jobs of one graph file.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Graph {
    /// The file, as the user called it.
    pub path: PathBuf,
    /// The folder of the file: absolute, without symbolic links, so that jobs are the same jobs however
    /// the file was named.
    pub directory: PathBuf,
    /// The file with the distributor configurations, if one is named, and where it is named.
    pub config: Option<(PathBuf, Position)>,
    /// The jobs, each after all that it needs; otherwise in the order of the file.
    pub jobs: Vec<Job>,
}

/// One job of a graph file.
#[derive(Clone, Debug, Serialize)]
pub struct Job {
    /// Its name, unique in the file: 1 to 128 of `A-Z a-z 0-9 . _ - /`.
    pub name: String,
    /// The name of the distributor configuration that runs it.
    pub distributor: String,
    /// What the backend gets (its distributor parameters), not yet validated.
    pub run: Map<String, Value>,
    /// What the job itself gets.
    pub parameters: Map<String, Value>,
    /// What must finish before, as indexes into [`Graph::jobs`]: in the order listed, each once, all
    /// smaller than the index of this job.
    pub needs: Vec<usize>,
    /// The files that the job reads, sorted by path, each once. Shared between jobs that name them alike.
    #[serde(serialize_with = "unshared")]
    pub inputs: Vec<Arc<Input>>,
    /// The files that the job makes, relative to `directory`, without `.` and `..`.
    pub outputs: Vec<PathBuf>,
    /// How often it is run again, by class of failure.
    pub retries: Retries,
    /// How long its executions may take.
    pub timeouts: Timeouts,
    /// Where it runs: an existing folder, absolute, without symbolic links.
    pub directory: PathBuf,
    /// Whether it runs even if something it needs failed.
    pub run_anyway: bool,
    /// Where its fields are in the file.
    pub positions: Positions,
}

/// A file that a job reads.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Input {
    /// Its path relative to the directory of the job, with `/` on every platform.
    pub path: String,
    /// The SHA-256 digest of its content (in JSON: 64 hexadecimal digits).
    #[serde(serialize_with = "hexadecimal")]
    pub sha256: [u8; 32],
}

/// How many more executions a job gets after failures of each class (`dm-api.md` section 2, `Meta.Retry`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Retries {
    /// After it ran and failed.
    pub failed: u32,
    /// After it or its machine crashed.
    pub crashed: u32,
    /// After the backend gave up before starting it.
    pub expired: u32,
    /// After a timeout.
    pub timed_out: u32,
}

/// How long each phase of an execution may take (`dm-api.md` section 2, `Meta.Timeouts`); absent is for
/// ever. At most 36525 days.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Timeouts {
    /// From its creation until it runs.
    #[serde(serialize_with = "readable")]
    pub start: Option<Duration>,
    /// From its start until it ends.
    #[serde(serialize_with = "readable")]
    pub run: Option<Duration>,
    /// From its end until the backend confirms it.
    #[serde(serialize_with = "readable")]
    pub stop: Option<Duration>,
}

/// Where the fields of a job are, for problems that only the caller can find.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Positions {
    /// The name of the job.
    pub name: Position,
    /// The distributor: of the job, else of the file, else the name of the job.
    pub distributor: Position,
    /// What the backend gets, else the name of the job.
    pub run: Position,
    /// What the job gets, else the name of the job.
    pub parameters: Position,
    /// Each of [`Job::needs`].
    pub needs: Vec<Position>,
}

fn unshared<S: Serializer>(inputs: &[Arc<Input>], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(inputs.iter().map(|input| &**input))
}

fn hexadecimal<S: Serializer>(digest: &[u8; 32], serializer: S) -> Result<S::Ok, S::Error> {
    use std::fmt::Write;
    let mut text = String::with_capacity(64);
    for byte in digest {
        write!(text, "{byte:02x}").map_err(serde::ser::Error::custom)?;
    }
    serializer.serialize_str(&text)
}

fn readable<S: Serializer>(duration: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    match duration {
        Some(duration) => serializer.collect_str(&humantime::format_duration(*duration)),
        None => serializer.serialize_none(),
    }
}
