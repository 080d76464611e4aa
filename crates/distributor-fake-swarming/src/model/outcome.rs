//! How a task goes that nobody runs for real: by what it says itself, else by the script.
//!
//! A task says it with variables of its environment:
//!
//! | variable | meaning |
//! |---|---|
//! | `FAKE_STATE` | the state that it ends in, at once where it does not run; `PENDING` or `RUNNING`: it stays so until a timeout |
//! | `FAKE_EXIT_CODE` | its exit code, unless its state says that it has none |
//! | `FAKE_SECONDS` | how long it runs; a fake task prints nothing, so its I/O timeout counts, too |
//! | `FAKE_INTERNAL_FAILURE` | `1`: the result says that the farm failed |
//!
//! A package of version `missing` does not exist, so its task ends as `CLIENT_ERROR`.

use super::{End, Properties, State, Task, TaskId};
use crate::clock::{Micros, SECOND, seconds};
use crate::faults::{Dice, Script};

/// What decides how tasks go.
#[derive(Debug, Clone)]
pub(crate) struct Outcomes {
    /// What goes wrong, while something shall.
    pub(crate) script: Option<Script>,
    /// How long a task takes, in seconds.
    pub(crate) task_seconds: f64,
    /// How long it takes to kill one, in seconds.
    pub(crate) kill_seconds: f64,
    /// Whether commands are run as processes.
    pub(crate) run_commands: bool,
}

/// What a bot's taking a task leads to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Course {
    /// The task runs as a process; its bot may die in its midst.
    Process { dies_at: Option<Micros> },
    /// The task ends so, then.
    Ends(Micros, End),
}

const ROLL_END: u64 = 1;
const ROLL_EXIT_CODE: u64 = 2;
const ROLL_DEATH: u64 = 3;

impl Outcomes {
    /// The state that the task is bound for, if that was decided.
    ///
    /// # Errors
    /// If the task names none that there is.
    pub(super) fn bound_for(
        &self,
        properties: &Properties,
        number: u64,
    ) -> Result<Option<State>, String> {
        if let Some(name) = properties.variable("FAKE_STATE") {
            return match State::named(name) {
                Some(state) => Ok(Some(state)),
                None => Err(format!("env FAKE_STATE: there is no state {name:?}")),
            };
        }
        if missing_packages(properties).next().is_some() {
            return Ok(Some(State::ClientError));
        }
        let says_more = properties
            .env
            .iter()
            .any(|(key, _)| key.starts_with("FAKE_"));
        match &self.script {
            Some(script) if !self.run_commands && !says_more => {
                Ok(script.end(&mut Dice::of(script.seed, ROLL_END, number)))
            }
            _ => Ok(None),
        }
    }

    /// Whether the task is one that no bot ever takes.
    pub(super) fn stays_in_line(&self, id: TaskId, properties: &Properties) -> bool {
        self.bound_for(properties, id.number()) == Ok(Some(State::Pending))
    }

    /// As what it ends just before a bot could take it: somebody else's hand, or its time was over.
    pub(super) fn ends_in_line(&self, id: TaskId, properties: &Properties) -> Option<State> {
        let bound_for = self.bound_for(properties, id.number()).unwrap_or_default();
        bound_for.filter(|state| matches!(state, State::Canceled | State::Expired))
    }

    /// How it goes from here.
    pub(super) fn course(&self, task: &Task, properties: &Properties, now: Micros) -> Course {
        let number = task.id.number();
        let bound_for = self.bound_for(properties, number).unwrap_or_default();
        let lasts = number_of(properties, "FAKE_SECONDS").unwrap_or(self.task_seconds);
        let mut death = self.script.as_ref().and_then(|script| {
            let mut dice = Dice::of(script.seed, ROLL_DEATH, number);
            dice.happens(script.bots.die).then(|| dice.fraction())
        });
        if bound_for.is_none() && self.run_commands {
            return Course::Process {
                dies_at: death.map(|part| now + seconds(part * self.longest_life())),
            };
        }
        if properties.variable("FAKE_STATE").is_some() {
            death = None;
        }
        let (after, end) = match (death, bound_for) {
            (Some(part), _) => (seconds(lasts * part), End::plain(State::BotDied)),
            (None, None | Some(State::Completed)) => {
                (seconds(lasts), self.completed(properties, number))
            }
            (None, Some(State::Running)) => (Micros::MAX, End::plain(State::TimedOut)),
            (None, Some(state)) => (seconds(lasts), End::plain(state)),
        };
        // Whoever is to end that way need not wait for it to come true.
        let silent = match properties.io_timeout_secs {
            0 => Micros::MAX,
            limit => limit.saturating_mul(SECOND),
        };
        let limit = silent.min(properties.execution_timeout_secs.saturating_mul(SECOND));
        if after > limit {
            return Course::Ends(now.saturating_add(limit), End::plain(State::TimedOut));
        }
        Course::Ends(now.saturating_add(after), end)
    }

    /// When the bot of a fake task confirms that it is dead.
    pub(super) fn killed_at(&self, now: Micros) -> Micros {
        now.saturating_add(seconds(self.kill_seconds))
    }

    fn longest_life(&self) -> f64 {
        self.script
            .as_ref()
            .map_or(0.0, |script| script.bots.within_seconds)
    }

    fn completed(&self, properties: &Properties, number: u64) -> End {
        let own = properties.variable("FAKE_EXIT_CODE");
        let exit_code = match own.map(str::parse) {
            Some(code) => code.unwrap_or(-1),
            None => self.script.as_ref().map_or(0, |script| {
                script.exit_code(&mut Dice::of(script.seed, ROLL_EXIT_CODE, number))
            }),
        };
        End {
            internal_failure: properties.variable("FAKE_INTERNAL_FAILURE") == Some("1"),
            ..End::completed(exit_code)
        }
    }
}

/// The packages that do not exist, as name and version.
pub(crate) fn missing_packages(
    properties: &Properties,
) -> impl Iterator<Item = &super::CipdPackage> {
    let cipd = properties.cipd.iter();
    cipd.flat_map(|cipd| cipd.client.iter().chain(&cipd.packages))
        .filter(|package| package.version == "missing")
}

fn number_of(properties: &Properties, name: &str) -> Option<f64> {
    let number: f64 = properties.variable(name)?.parse().ok()?;
    number.is_finite().then_some(number)
}
