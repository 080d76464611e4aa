//! The states of a task, and which of them are an end.
//!
//! Total: a name that this version does not know is a state too, and an end, because only the known
//! ones are known to change.

use distributor_core::TaskState;

/// A state, by the names of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// It waits for a bot.
    Pending,
    /// A bot runs it.
    Running,
    /// It waited for its whole expiration.
    Expired,
    /// It ran, or was silent, for too long.
    TimedOut,
    /// Its bot disappeared.
    BotDied,
    /// It was cancelled before it ran.
    Canceled,
    /// It ran to its end, with any exit code.
    Completed,
    /// It was cancelled while it ran.
    Killed,
    /// No bot has what it asks for.
    NoResource,
    /// An input of it does not exist.
    ClientError,
    /// Anything else.
    Unknown,
}

impl State {
    /// The state of this name.
    pub(crate) fn parse(name: &str) -> Self {
        match name {
            "PENDING" => State::Pending,
            "RUNNING" => State::Running,
            "EXPIRED" => State::Expired,
            "TIMED_OUT" => State::TimedOut,
            "BOT_DIED" => State::BotDied,
            "CANCELED" => State::Canceled,
            "COMPLETED" => State::Completed,
            "KILLED" => State::Killed,
            "NO_RESOURCE" => State::NoResource,
            "CLIENT_ERROR" => State::ClientError,
            _ => State::Unknown,
        }
    }

    /// Where the task stands if it is not over; `None` if it is, and its result has to be read.
    pub(crate) fn unfinished(self) -> Option<TaskState> {
        match self {
            State::Pending => Some(TaskState::Pending),
            State::Running => Some(TaskState::Running),
            State::Expired
            | State::TimedOut
            | State::BotDied
            | State::Canceled
            | State::Completed
            | State::Killed
            | State::NoResource
            | State::ClientError
            | State::Unknown => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_two_states_are_no_end() {
        let unfinished = |name| State::parse(name).unfinished();
        assert_eq!(unfinished("PENDING"), Some(TaskState::Pending));
        assert_eq!(unfinished("RUNNING"), Some(TaskState::Running));
        for name in [
            "EXPIRED",
            "TIMED_OUT",
            "BOT_DIED",
            "CANCELED",
            "COMPLETED",
            "KILLED",
            "NO_RESOURCE",
            "CLIENT_ERROR",
            "INVALID",
            "",
            "running",
        ] {
            assert_eq!(unfinished(name), None, "{name}");
        }
    }
}
