//! What one farm is told at its start.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use crate::clock::{Clock, SystemClock};
use crate::faults::Script;

/// A bot: one task at a time, of those that ask for nothing that it has not.
#[derive(Debug, Clone)]
pub struct Bot {
    /// Its name, unique on the farm.
    pub id: String,
    /// What it has, each key with one value or more, the most special one last. `pool` must be among
    /// them; `id` is added.
    pub dimensions: BTreeMap<String, Vec<String>>,
}

/// Who may call.
#[derive(Clone)]
pub struct Caller {
    /// The bearer token that he shows.
    pub token: String,
    /// Who he is. Several tokens may stand for one caller; `request_uuid` is remembered for each caller.
    pub identity: String,
}

impl fmt::Debug for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Caller({})", self.identity)
    }
}

/// A Pub/Sub subscription.
#[derive(Debug, Clone)]
pub struct Subscription {
    /// `projects/P/subscriptions/S`.
    pub name: String,
    /// `projects/P/topics/T`.
    pub topic: String,
    /// Where its messages are pushed to, an `http` URL; without one they wait to be pulled.
    pub push: Option<String>,
}

/// How errors are told: both shapes have been seen on farms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ErrorShape {
    /// `{"error":{"message":…}}`, the later servers' own.
    #[default]
    Later,
    /// With `code` and `errors`, as the front end of old put them.
    FrontEnd,
}

/// What one farm is told at its start.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The folder of everything that the farm keeps; made if it is not there.
    pub state: PathBuf,
    /// The bots. Their pools are the ones that tasks may name.
    pub bots: Vec<Bot>,
    /// Further pools, that have no bots.
    pub pools: Vec<String>,
    /// Who may call; if empty, everybody.
    pub callers: Vec<Caller>,
    /// How errors are told.
    pub errors: ErrorShape,
    /// Who gets which notifications.
    pub subscriptions: Vec<Subscription>,
    /// Whether commands are run as processes of this machine.
    pub run_commands: bool,
    /// How long a task that is not run takes unless it says so itself, in seconds.
    pub task_seconds: f64,
    /// How long a bot takes to confirm that it has killed a task that is not run, in seconds.
    pub kill_seconds: f64,
    /// How many bytes of a task's output are kept.
    pub output_cap: u64,
    /// What goes wrong.
    pub faults: Option<Script>,
    /// Where the time comes from.
    pub clock: Arc<dyn Clock>,
}

impl Settings {
    /// A farm on a free port of loopback, with `bots` bots in the pool `default`, open to all.
    pub fn new(state: impl Into<PathBuf>, bots: usize) -> Self {
        let dimensions = BTreeMap::from([("pool".to_owned(), vec!["default".to_owned()])]);
        Settings {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            state: state.into(),
            bots: (1..=bots)
                .map(|number| Bot {
                    id: format!("bot-{number}"),
                    dimensions: dimensions.clone(),
                })
                .collect(),
            pools: Vec::new(),
            callers: Vec::new(),
            errors: ErrorShape::default(),
            subscriptions: Vec::new(),
            run_commands: false,
            task_seconds: 0.0,
            kill_seconds: 0.0,
            output_cap: 16_384_000,
            faults: None,
            clock: Arc::new(SystemClock),
        }
    }
}
