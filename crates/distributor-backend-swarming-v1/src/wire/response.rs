//! What is answered.

use distributor_core::Timestamp;
use serde::Deserialize;

use super::form::{read_date, read_if_understood, read_int64, read_list, read_or_default};
use super::request::{CasReference, CipdPackage};

/// Of `tasks/new`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct NewTaskResponse {
    /// Names the task: without it nothing was answered.
    pub(crate) task_id: String,
    /// The task, if it is over already; a result that cannot be read is as good as absent, because the
    /// task can be asked about.
    #[serde(default, deserialize_with = "read_if_understood")]
    pub(crate) task_result: Option<TaskResult>,
}

/// Of `task/{task_id}/result`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub(crate) struct TaskResult {
    /// The name of its state: without it nothing was answered.
    pub(crate) state: String,
    /// The task's name.
    #[serde(default, deserialize_with = "read_or_default")]
    pub(crate) task_id: String,
    /// It failed: an exit code other than 0, or a timeout.
    #[serde(default, deserialize_with = "read_or_default")]
    pub(crate) failure: bool,
    /// It failed by no fault of its own.
    #[serde(default, deserialize_with = "read_or_default")]
    pub(crate) internal_failure: bool,
    /// Of the command; absent if it never ended by itself.
    #[serde(default, deserialize_with = "read_int64")]
    pub(crate) exit_code: Option<i64>,
    /// All that the bot has; each list sorted, the most specific value last.
    #[serde(default, deserialize_with = "read_list")]
    pub(crate) bot_dimensions: Vec<StringListPair>,
    /// What was installed.
    #[serde(default)]
    pub(crate) cipd_pins: Option<CipdPins>,
    /// What it wrote.
    #[serde(default)]
    pub(crate) cas_output_root: Option<CasReference>,
    /// Trees that the server did not find.
    #[serde(default, deserialize_with = "read_list")]
    pub(crate) missing_cas: Vec<CasReference>,
    /// Packages that the server did not find.
    #[serde(default, deserialize_with = "read_list")]
    pub(crate) missing_cipd: Vec<CipdPackage>,
    /// When it was over, if it ran.
    #[serde(default, deserialize_with = "read_date")]
    pub(crate) completed_ts: Option<Timestamp>,
}

/// A name and its values.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct StringListPair {
    /// The name.
    #[serde(deserialize_with = "read_or_default")]
    pub(crate) key: String,
    /// The values.
    #[serde(deserialize_with = "read_list")]
    pub(crate) value: Vec<String>,
}

/// The exact packages that were installed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct CipdPins {
    /// What installed them.
    pub(crate) client_package: Option<CipdPackage>,
    /// All others.
    #[serde(deserialize_with = "read_list")]
    pub(crate) packages: Vec<CipdPackage>,
}

/// Of `tasks/get_states`: one for each task that was asked about, in the same order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct TaskStates {
    /// Names of states; `None` where the server says nothing.
    #[serde(deserialize_with = "read_or_default")]
    pub(crate) states: Vec<Option<String>>,
}

/// Of `task/{task_id}/cancel`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct CancelResponse {
    /// False if it was over, or is being ended already.
    #[serde(deserialize_with = "read_or_default")]
    pub(crate) ok: bool,
    /// It was not only waiting.
    #[serde(deserialize_with = "read_or_default")]
    pub(crate) was_running: bool,
}

/// Of any failed call, in either shape of the two generations of servers. The status of the response
/// decides; this is for people.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub(crate) struct ErrorBody {
    error: ErrorDetail,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
struct ErrorDetail {
    #[serde(deserialize_with = "read_or_default")]
    message: String,
    #[serde(deserialize_with = "read_list")]
    errors: Vec<ErrorItem>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
struct ErrorItem {
    #[serde(deserialize_with = "read_or_default")]
    message: String,
}

impl ErrorBody {
    /// Most bytes of a message that are kept.
    const MOST_MESSAGE: usize = 1024;

    /// What the body of a failed call says: the message of either shape, else the beginning of the text
    /// as it is (a proxy answers HTML). At most 1 KiB; empty if it says nothing.
    pub(crate) fn message(body: &[u8]) -> String {
        let parsed: Option<ErrorBody> = serde_json::from_slice(body).ok();
        let told = parsed.and_then(|body| {
            let inner = body.error.errors.into_iter().map(|item| item.message);
            let mut messages = std::iter::once(body.error.message).chain(inner);
            messages.find(|message| !message.is_empty())
        });
        let text = told.unwrap_or_else(|| {
            let start = body.get(..Self::MOST_MESSAGE).unwrap_or(body);
            String::from_utf8_lossy(start).into_owned()
        });
        let text = text.trim();
        let end = text.floor_char_boundary(Self::MOST_MESSAGE);
        text.get(..end).unwrap_or_default().to_owned()
    }
}
