//! What a task was asked to be; it never changes.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::TaskId;

/// What must not be shown.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Of this text.
    pub fn new(text: impl Into<String>) -> Self {
        Secret(text.into())
    }

    /// The text, for where it has to go.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Whom a task's changes are told to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notify {
    /// `projects/P/topics/T`.
    pub topic: String,
    /// Goes along as an attribute.
    pub auth_token: Option<Secret>,
    /// Goes along in the data.
    pub userdata: String,
}

/// A package to install.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CipdPackage {
    /// Where to; none for the client itself.
    pub path: Option<String>,
    /// May hold `${platform}` and the like.
    pub name: String,
    /// Instance id, tag or reference.
    pub version: String,
}

/// The packages to install.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CipdInput {
    /// From where.
    pub server: Option<String>,
    /// By what.
    pub client: Option<CipdPackage>,
    /// What.
    pub packages: Vec<CipdPackage>,
}

/// What names a blob.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Digest {
    /// SHA-256 in hexadecimal.
    pub hash: String,
    /// In bytes.
    pub size: i64,
}

/// A tree of input files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputRoot {
    /// `projects/P/instances/I`.
    pub instance: String,
    /// Of the root directory.
    pub digest: Digest,
}

/// A folder that stays on the bot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cache {
    /// Its name.
    pub name: String,
    /// Where the task finds it.
    pub path: String,
}

/// What is to be run, and by which bot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Properties {
    /// Program and arguments.
    pub command: Vec<String>,
    /// What the bot must have; a key may come several times, `a|b` is either.
    pub dimensions: Vec<(String, String)>,
    /// Variables.
    pub env: Vec<(String, String)>,
    /// Variables with paths to put in front of what they hold.
    pub env_prefixes: Vec<(String, Vec<String>)>,
    /// Packages.
    pub cipd: Option<CipdInput>,
    /// Files.
    pub input_root: Option<InputRoot>,
    /// Kept folders.
    pub caches: Vec<Cache>,
    /// What to keep of what it wrote.
    pub outputs: Vec<String>,
    /// Where it starts, below its folder.
    pub relative_cwd: Option<String>,
    /// Seconds that it may run.
    pub execution_timeout_secs: i64,
    /// Seconds between the request to end and the end.
    pub grace_period_secs: i64,
    /// Seconds that it may print nothing; 0 for any time.
    pub io_timeout_secs: i64,
    /// Whether an equal task's result would do.
    pub idempotent: bool,
    /// For the task's eyes only, in base64.
    pub secret_bytes: Option<Secret>,
}

impl Properties {
    /// The first value asked for under `key`.
    pub fn dimension(&self, key: &str) -> Option<&str> {
        let mut all = self.dimensions.iter();
        all.find(|(name, _)| name == key)
            .map(|(_, value)| value.as_str())
    }

    /// The variable's value.
    pub fn variable(&self, name: &str) -> Option<&str> {
        let mut all = self.env.iter();
        all.find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }
}

/// One of the ways in which a task may be run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slice {
    /// What is to be run.
    pub properties: Properties,
    /// How long to wait for a bot.
    pub expiration_secs: i64,
    /// Whether to wait although there is no such bot.
    pub wait_for_capacity: bool,
}

/// What a task was asked to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskRequest {
    /// Who asked.
    pub caller: String,
    /// For people.
    pub name: String,
    /// Lower is sooner.
    pub priority: i64,
    /// At least one; the first that finds a bot is run.
    pub slices: Vec<Slice>,
    /// Whether it was asked for with one slice and without the word.
    pub plain: bool,
    /// `k:v`, sorted, with the ones that the farm adds.
    pub tags: Vec<String>,
    /// For whom.
    pub user: String,
    /// The task that asked.
    pub parent: Option<TaskId>,
    /// Whose permissions hold.
    pub realm: Option<String>,
    /// As whom the task acts.
    pub service_account: String,
    /// Whom to tell.
    pub notify: Option<Notify>,
    /// For how long a bot may say nothing.
    pub bot_ping_tolerance_secs: i64,
    /// Makes the request repeatable.
    pub request_uuid: Option<String>,
}

impl TaskRequest {
    /// The slice of this number.
    pub fn slice(&self, number: usize) -> Option<&Slice> {
        self.slices.get(number)
    }

    /// The pool of all its slices.
    pub fn pool(&self) -> &str {
        let first = self.slices.first();
        first
            .and_then(|slice| slice.properties.dimension("pool"))
            .unwrap_or_default()
    }
}
