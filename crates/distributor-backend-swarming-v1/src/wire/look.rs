//! What is answered to whoever looks for tasks or at what one has written.

use serde::Deserialize;

use super::form::{read_list, read_or_default};
use super::response::TaskResult;

/// Of `tasks/list`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct TaskList {
    /// The newest first.
    #[serde(deserialize_with = "read_list")]
    pub(crate) items: Vec<TaskResult>,
}

/// Of `task/{task_id}/stdout`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct TaskOutput {
    /// What it has written; bytes that are no UTF-8 are replaced.
    #[serde(deserialize_with = "read_or_default")]
    pub(crate) output: String,
    /// The name of its state; empty if the server does not say.
    #[serde(deserialize_with = "read_or_default")]
    pub(crate) state: String,
}
