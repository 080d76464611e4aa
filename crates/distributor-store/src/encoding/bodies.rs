//! The messages. Numbers of enums are those of the `dm` package.

use std::collections::BTreeMap;

use distributor_core::dm;

/// Body of an attempt.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct AttemptBody {
    #[prost(int64, tag = "1")]
    pub created: i64,
    #[prost(message, optional, tag = "2")]
    pub policy: Option<PolicyBody>,
    #[prost(message, optional, tag = "3")]
    pub failures: Option<RetriesBody>,
    #[prost(uint32, tag = "4")]
    pub current_execution: u32,
    #[prost(uint32, tag = "5")]
    pub last_successful_execution: u32,
    /// As `Bits::encode` has it; nothing if there are no bits.
    #[prost(bytes = "vec", tag = "6")]
    pub dependencies: Vec<u8>,
    #[prost(message, optional, tag = "7")]
    pub prepared: Option<PreparedBody>,
    /// Without its outcome.
    #[prost(message, optional, tag = "8")]
    pub execution: Option<ExecutionBody>,
    /// Absent if there are none, and if they are so large that they are stored apart.
    #[prost(message, optional, tag = "9")]
    pub outcomes: Option<OutcomesBody>,
    #[prost(bool, tag = "10")]
    pub outcomes_apart: bool,
}

/// Both outcomes of an attempt's record.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct OutcomesBody {
    #[prost(message, optional, tag = "1")]
    pub attempt: Option<OutcomeBody>,
    /// Of the current execution.
    #[prost(message, optional, tag = "2")]
    pub execution: Option<OutcomeBody>,
    /// The current execution's is the attempt's, which is then the only one stored.
    #[prost(bool, tag = "3")]
    pub same: bool,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct OutcomeBody {
    #[prost(message, optional, tag = "1")]
    pub data: Option<dm::JsonResult>,
    #[prost(message, optional, tag = "2")]
    pub abnormal: Option<dm::AbnormalFinish>,
}

#[derive(Clone, Copy, PartialEq, prost::Message)]
pub(super) struct PolicyBody {
    #[prost(message, optional, tag = "1")]
    pub retries: Option<RetriesBody>,
    #[prost(message, optional, tag = "2")]
    pub start_timeout: Option<SpanBody>,
    #[prost(message, optional, tag = "3")]
    pub run_timeout: Option<SpanBody>,
    #[prost(message, optional, tag = "4")]
    pub stop_timeout: Option<SpanBody>,
    #[prost(bool, tag = "5")]
    pub simple: bool,
    #[prost(bool, tag = "6")]
    pub run_anyway: bool,
}

#[derive(Clone, Copy, PartialEq, prost::Message)]
pub(super) struct RetriesBody {
    #[prost(uint32, tag = "1")]
    pub failed: u32,
    #[prost(uint32, tag = "2")]
    pub crashed: u32,
    #[prost(uint32, tag = "3")]
    pub expired: u32,
    #[prost(uint32, tag = "4")]
    pub timed_out: u32,
}

/// A length of time, exact to the nanosecond.
#[derive(Clone, Copy, PartialEq, prost::Message)]
pub(super) struct SpanBody {
    #[prost(uint64, tag = "1")]
    pub seconds: u64,
    #[prost(uint32, tag = "2")]
    pub nanos: u32,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct PreparedBody {
    #[prost(uint32, tag = "1")]
    pub execution: u32,
    #[prost(bytes = "vec", tag = "2")]
    pub activation_token: Vec<u8>,
    #[prost(uint64, tag = "3")]
    pub config: u64,
    #[prost(int64, tag = "4")]
    pub created: i64,
    #[prost(bool, tag = "5")]
    pub poke: bool,
    #[prost(message, optional, tag = "6")]
    pub ending: Option<dm::AbnormalFinish>,
    #[prost(int64, optional, tag = "7")]
    pub give_up_at: Option<i64>,
}

/// Body of a past execution, and an attempt's current one.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct ExecutionBody {
    #[prost(uint32, tag = "1")]
    pub number: u32,
    #[prost(int32, tag = "2")]
    pub state: i32,
    #[prost(int64, tag = "3")]
    pub created: i64,
    #[prost(int64, tag = "4")]
    pub modified: i64,
    #[prost(int64, tag = "5")]
    pub started: i64,
    #[prost(uint64, tag = "6")]
    pub config: u64,
    #[prost(string, tag = "7")]
    pub token: String,
    #[prost(bytes = "vec", tag = "8")]
    pub auth_token: Vec<u8>,
    #[prost(message, optional, tag = "9")]
    pub poll_timeout: Option<SpanBody>,
    #[prost(int64, optional, tag = "10")]
    pub deadline: Option<i64>,
    #[prost(int64, optional, tag = "11")]
    pub poll_at: Option<i64>,
    #[prost(uint32, tag = "12")]
    pub polls: u32,
    #[prost(bool, tag = "13")]
    pub polling: bool,
    /// Only of a past execution.
    #[prost(message, optional, tag = "14")]
    pub outcome: Option<OutcomeBody>,
    #[prost(string, optional, tag = "15")]
    pub last_error: Option<String>,
    #[prost(bytes = "vec", tag = "16")]
    pub activation_digest: Vec<u8>,
    #[prost(message, optional, tag = "17")]
    pub ending: Option<dm::AbnormalFinish>,
    #[prost(bool, tag = "18")]
    pub ask_again: bool,
}

/// What only some journal rows have.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct JournalBody {
    /// Absent if there is no target.
    #[prost(uint64, optional, tag = "1")]
    pub config: Option<u64>,
    #[prost(string, tag = "2")]
    pub token: String,
    #[prost(bytes = "vec", tag = "3")]
    pub payload: Vec<u8>,
}

/// What a backend has written into a queued task.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct TaskBody {
    #[prost(btree_map = "string, string", tag = "1")]
    pub headers: BTreeMap<String, String>,
    #[prost(bytes = "vec", tag = "2")]
    pub body: Vec<u8>,
}

/// Templates that made a quest.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct BuiltByBody {
    #[prost(message, repeated, tag = "1")]
    pub templates: Vec<dm::quest::TemplateSpec>,
}
