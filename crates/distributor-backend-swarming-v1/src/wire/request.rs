//! What is sent.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::form::{read_int64, read_or_default, write_int64};

/// A text that must not be seen: `Debug` hides it.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub(crate) struct SecretText(String);

impl SecretText {
    /// Wraps the text.
    pub(crate) fn new(text: String) -> Self {
        SecretText(text)
    }

    /// The text, for finding it in what others have written.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretText(…)")
    }
}

/// `tasks/new`: one task, in the form with a single set of properties.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct NewTaskRequest {
    /// Shown to people.
    pub(crate) name: String,
    /// 1 to 255, lower is sooner.
    #[serde(serialize_with = "write_int64")]
    pub(crate) priority: i64,
    /// 30 to 604,800.
    #[serde(serialize_with = "write_int64")]
    pub(crate) expiration_secs: i64,
    /// What is run.
    pub(crate) properties: TaskProperties,
    /// `key:value`.
    pub(crate) tags: Vec<String>,
    /// Which permissions count.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) realm: Option<String>,
    /// Which account the task acts as.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) service_account: Option<String>,
    /// `projects/P/topics/T`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) pubsub_topic: Option<String>,
    /// Sent with every message to the topic.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) pubsub_auth_token: Option<SecretText>,
    /// A repeated request with the same one gets the first task.
    pub(crate) request_uuid: String,
}

/// What a task runs, and on what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct TaskProperties {
    /// The command line.
    pub(crate) command: Vec<String>,
    /// What the bot must have.
    pub(crate) dimensions: Vec<StringPair>,
    /// Variables of the command.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) env: Vec<StringPair>,
    /// Packages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cipd_input: Option<CipdInput>,
    /// A tree of files.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cas_input_root: Option<CasReference>,
    /// 30 to 601,140.
    #[serde(serialize_with = "write_int64")]
    pub(crate) execution_timeout_secs: i64,
    /// 0 to 3,600.
    #[serde(serialize_with = "write_int64")]
    pub(crate) grace_period_secs: i64,
    /// 0 for none, else 30 to 601,140.
    #[serde(serialize_with = "write_int64")]
    pub(crate) io_timeout_secs: i64,
    /// May an earlier task with the same properties stand in for this one? Never.
    pub(crate) idempotent: bool,
    /// Base64 of what the job may know.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) secret_bytes: Option<SecretText>,
}

/// A name and a value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct StringPair {
    /// The name.
    pub(crate) key: String,
    /// The value.
    pub(crate) value: String,
}

/// Packages to install.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct CipdInput {
    /// Where they come from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) server: Option<String>,
    /// What installs them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) client_package: Option<CipdPackage>,
    /// Not empty.
    pub(crate) packages: Vec<CipdPackage>,
}

/// A package: one to install, or one that was.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct CipdPackage {
    /// Folder; the task's own is `.`. Empty for the client.
    #[serde(
        skip_serializing_if = "String::is_empty",
        deserialize_with = "read_or_default"
    )]
    pub(crate) path: String,
    /// Its name.
    #[serde(deserialize_with = "read_or_default")]
    pub(crate) package_name: String,
    /// Instance id, tag or ref.
    #[serde(deserialize_with = "read_or_default")]
    pub(crate) version: String,
}

/// A tree of files.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct CasReference {
    /// `projects/P/instances/I`.
    #[serde(
        skip_serializing_if = "String::is_empty",
        deserialize_with = "read_or_default"
    )]
    pub(crate) cas_instance: String,
    /// Which tree.
    #[serde(deserialize_with = "read_or_default")]
    pub(crate) digest: CasDigest,
}

/// Names a content.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct CasDigest {
    /// In hexadecimal.
    #[serde(deserialize_with = "read_or_default")]
    pub(crate) hash: String,
    /// In bytes.
    #[serde(serialize_with = "write_size", deserialize_with = "read_int64")]
    pub(crate) size_bytes: Option<i64>,
}

fn write_size<S: serde::Serializer>(size: &Option<i64>, to: S) -> Result<S::Ok, S::Error> {
    write_int64(&size.unwrap_or(0), to)
}

/// `task/{task_id}/cancel`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct CancelRequest {
    /// Also if it runs.
    pub(crate) kill_running: bool,
}
