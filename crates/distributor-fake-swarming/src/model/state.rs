//! The states that a task can be in, with their names on every wire.

use serde::{Deserialize, Serialize};

/// A task's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum State {
    /// A bot has it.
    Running,
    /// It waits for a bot.
    Pending,
    /// No bot took it in time.
    Expired,
    /// It ran too long, or was silent for too long.
    TimedOut,
    /// Its bot is gone.
    BotDied,
    /// Somebody cancelled it before it ran.
    Canceled,
    /// It ran to its end, with any exit code.
    Completed,
    /// Somebody stopped it while it ran.
    Killed,
    /// No bot could ever take it.
    NoResource,
    /// Its inputs do not exist.
    ClientError,
}

impl State {
    /// All of them.
    pub const ALL: [State; 10] = [
        State::Running,
        State::Pending,
        State::Expired,
        State::TimedOut,
        State::BotDied,
        State::Canceled,
        State::Completed,
        State::Killed,
        State::NoResource,
        State::ClientError,
    ];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            State::Running => "RUNNING",
            State::Pending => "PENDING",
            State::Expired => "EXPIRED",
            State::TimedOut => "TIMED_OUT",
            State::BotDied => "BOT_DIED",
            State::Canceled => "CANCELED",
            State::Completed => "COMPLETED",
            State::Killed => "KILLED",
            State::NoResource => "NO_RESOURCE",
            State::ClientError => "CLIENT_ERROR",
        }
    }

    /// The state of this name.
    pub fn named(name: &str) -> Option<Self> {
        State::ALL.into_iter().find(|state| state.name() == name)
    }

    /// Whether it stays so.
    pub const fn is_final(self) -> bool {
        !matches!(self, State::Running | State::Pending)
    }
}
