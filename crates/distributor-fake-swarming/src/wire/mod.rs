//! Version 1 of the protocol: what a request may be, and how answers look. No HTTP, no tasks' lives.

mod answer;
mod date;
mod fields;
mod new_task;
mod properties;
mod query;
mod rules;
#[cfg(test)]
mod tests;

pub(crate) use answer::{bot_info, task_request, task_result};
pub(crate) use date::{date, zulu};
pub(crate) use fields::Fields;
pub(crate) use new_task::new_task;
pub(crate) use query::{Query, moment};
pub(crate) use rules::{is_subscription, is_topic};

/// Why a request is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal(pub(crate) String);

impl Refusal {
    pub(crate) fn new(path: &str, problem: impl std::fmt::Display) -> Self {
        Refusal(format!("{path}: {problem}"))
    }
}
