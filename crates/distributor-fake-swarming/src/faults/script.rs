//! The script's file, and what is wrong with it.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::Dice;
use crate::model::State;

/// What goes wrong.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Script {
    /// Another one gives other accidents of the same kind.
    pub seed: u64,
    /// For requests; the first rule that applies to a request decides.
    pub requests: Vec<Rule>,
    /// For notifications.
    pub notifications: Notifications,
    /// For bots.
    pub bots: Bots,
    /// How tasks end that are not run and do not say it themselves: states with weights.
    pub ends: BTreeMap<String, f64>,
    /// The exit codes of those that complete, each as likely as the others.
    pub exit_codes: Vec<i64>,
}

/// When what happens to a request.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// `tasks.new`, `task.result` and so on; `*` for all.
    pub endpoint: String,
    /// How likely it is, from 0 to 1.
    #[serde(default)]
    pub probability: f64,
    /// To which ones of the requests that this rule sees it happens in any case, from 1.
    #[serde(default)]
    pub on: Vec<u64>,
    /// What happens.
    pub fault: Kind,
    /// The status to answer with, for `status`, `fail-after` and `garbage`.
    pub status: Option<u16>,
    /// The header of this name, in seconds, for `status`.
    pub retry_after: Option<u64>,
    /// For how long, for `hang-before` and `hang-after`.
    #[serde(default)]
    pub seconds: f64,
}

/// What can happen to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Nothing is done, and a status says so.
    Status,
    /// All is done, and the connection is closed without a reply.
    Lost,
    /// All is done, and a status says the contrary.
    FailAfter,
    /// Nothing is done, for a time; then the connection is closed.
    HangBefore,
    /// All is done; after a time the connection is closed.
    HangAfter,
    /// All is done, and half of the reply arrives.
    Truncate,
    /// All is done, and the reply is a page for people.
    Garbage,
}

/// What happens to notifications: probabilities, from 0 to 1.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Notifications {
    /// It never arrives.
    pub drop: f64,
    /// It arrives twice.
    pub duplicate: f64,
    /// It arrives after `delay_seconds`.
    pub delay: f64,
    /// How late.
    pub delay_seconds: f64,
    /// It arrives within `reorder_seconds`, so that later ones overtake it.
    pub reorder: f64,
    /// How far it can fall back.
    pub reorder_seconds: f64,
}

/// What happens to bots.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Bots {
    /// How likely it is that a task's bot dies while it runs.
    pub die: f64,
    /// How soon, in seconds, if the task is run for real.
    pub within_seconds: f64,
}

/// What is wrong with a script.
#[derive(Debug, thiserror::Error)]
pub enum ScriptError {
    /// It is not TOML, or has fields of other names or types.
    #[error("not a fault script: {0}")]
    Syntax(String),
    /// A value is out of its range.
    #[error("{field}: {problem}")]
    Value {
        /// Which one.
        field: String,
        /// What is wrong with it.
        problem: String,
    },
}

/// The requests that a rule can be for.
pub(crate) const ENDPOINTS: &[&str] = &[
    "tasks.new",
    "task.result",
    "task.cancel",
    "task.request",
    "task.stdout",
    "tasks.list",
    "tasks.requests",
    "tasks.count",
    "tasks.get_states",
    "tasks.cancel",
    "bots.list",
    "bots.count",
    "server.details",
    "server.permissions",
];

impl Script {
    /// Reads a script.
    ///
    /// # Errors
    /// If it is not TOML, names something that there is not, or has a value out of range.
    pub fn parse(text: &str) -> Result<Self, ScriptError> {
        let script: Script =
            toml::from_str(text).map_err(|error| ScriptError::Syntax(error.to_string()))?;
        for (number, rule) in script.requests.iter().enumerate() {
            rule.check()
                .map_err(|(field, problem)| ScriptError::Value {
                    field: format!("requests[{number}].{field}"),
                    problem,
                })?;
        }
        let Notifications {
            drop,
            duplicate,
            delay,
            delay_seconds,
            reorder,
            reorder_seconds,
        } = script.notifications;
        for (field, value) in [
            ("notifications.drop", drop),
            ("notifications.duplicate", duplicate),
            ("notifications.delay", delay),
            ("notifications.reorder", reorder),
            ("bots.die", script.bots.die),
        ] {
            probability(value).map_err(|problem| value_error(field, problem))?;
        }
        for (field, value) in [
            ("notifications.delay_seconds", delay_seconds),
            ("notifications.reorder_seconds", reorder_seconds),
            ("bots.within_seconds", script.bots.within_seconds),
        ] {
            duration(value).map_err(|problem| value_error(field, problem))?;
        }
        for (state, weight) in &script.ends {
            let field = format!("ends.{state}");
            if !State::named(state).is_some_and(State::is_final) {
                return Err(value_error(
                    &field,
                    "no final state has this name".to_owned(),
                ));
            }
            duration(*weight).map_err(|problem| value_error(&field, problem))?;
        }
        Ok(script)
    }

    /// How a task ends that does not say it itself.
    pub(crate) fn end(&self, dice: &mut Dice) -> Option<State> {
        let total: f64 = self.ends.values().sum();
        let mut thrown = dice.fraction() * total;
        for (state, weight) in &self.ends {
            if thrown < *weight {
                return State::named(state);
            }
            thrown -= weight;
        }
        None
    }

    /// With which exit code a task completes.
    pub(crate) fn exit_code(&self, dice: &mut Dice) -> i64 {
        let count = u64::try_from(self.exit_codes.len()).unwrap_or(0);
        let chosen = dice.next().checked_rem(count).unwrap_or(0);
        let chosen = usize::try_from(chosen).unwrap_or(0);
        self.exit_codes.get(chosen).copied().unwrap_or(0)
    }
}

impl Rule {
    fn check(&self) -> Result<(), (&'static str, String)> {
        let known = self.endpoint == "*" || ENDPOINTS.contains(&self.endpoint.as_str());
        if !known {
            let known = ENDPOINTS.join(", ");
            return Err(("endpoint", format!("must be * or one of {known}")));
        }
        probability(self.probability).map_err(|problem| ("probability", problem))?;
        duration(self.seconds).map_err(|problem| ("seconds", problem))?;
        let needs_status = matches!(self.fault, Kind::Status | Kind::FailAfter);
        match self.status {
            Some(status) if !(200..600).contains(&status) => {
                Err(("status", "must be from 200 to 599".to_owned()))
            }
            None if needs_status => Err(("status", "is required for this fault".to_owned())),
            _ => Ok(()),
        }
    }
}

fn probability(value: f64) -> Result<(), String> {
    match (0.0..=1.0).contains(&value) {
        true => Ok(()),
        false => Err(format!("must be from 0 to 1, got {value}")),
    }
}

fn duration(value: f64) -> Result<(), String> {
    match value.is_finite() && value >= 0.0 {
        true => Ok(()),
        false => Err(format!("must not be negative, got {value}")),
    }
}

fn value_error(field: &str, problem: String) -> ScriptError {
    ScriptError::Value {
        field: field.to_owned(),
        problem,
    }
}
