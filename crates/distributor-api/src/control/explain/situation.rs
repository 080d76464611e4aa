//! What is known of an attempt and of what it waits for: all that an explanation rests on.

use distributor_core::dm::attempt::State;
use distributor_core::{AttemptId, Timestamp};
use distributor_store::records::AttemptRecord;

/// An attempt and its surroundings.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Situation {
    /// Which attempt.
    pub(super) id: AttemptId,
    /// `None`: there is no such attempt.
    pub(super) record: Option<AttemptRecord>,
    /// What else matters in its state.
    pub(super) surroundings: Surroundings,
}

/// What matters beside the attempt's own record.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Surroundings {
    /// The record says it all.
    Nothing,
    /// It does not exist.
    Absent(Absent),
    /// It waits for other attempts.
    Others(Others),
    /// It waits for room at its backend.
    Line(Line),
    /// Its start is under way.
    Start(Tries),
}

/// What there is of the quest of an attempt that does not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Absent {
    /// Not even the quest.
    Quest,
    /// The quest, with so many attempts, and the newest of them.
    Attempt { others: usize, newest: Option<u32> },
}

/// Attempts that one waits for.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Others {
    /// How many are pending.
    pub(super) pending: usize,
    /// Some of these, in the order of their bits.
    pub(super) shown: Vec<Pending>,
    /// The first of the shown that does not run, or the first.
    pub(super) first: Option<Box<Situation>>,
}

/// One of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pending {
    pub(super) id: AttemptId,
    /// `None`: it is gone.
    pub(super) state: Option<State>,
}

/// The line at a backend.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Line {
    /// Who comes first of those that name the same configuration. `None`: it is in no line any more.
    pub(super) ahead: Option<Count>,
    /// What the configuration name stands for now.
    pub(super) room: Result<Room, NoRoom>,
}

/// The backend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Room {
    /// The resolved name.
    pub(super) config: String,
    /// How many executions may be unfinished there; `None`: it has no limit.
    pub(super) capacity: Option<usize>,
    /// How many are.
    pub(super) unfinished: Count,
}

/// Why there is no backend to ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NoRoom {
    /// The configuration cannot be read for the moment.
    Later(String),
    /// There is no such configuration, or it cannot be used.
    Impossible(String),
}

/// A number that was counted up to some bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Count {
    pub(super) number: usize,
    /// There may be more: the counting stopped here.
    pub(super) or_more: bool,
}

/// What the journal says of a `run` that is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Tries {
    /// How many have failed.
    pub(super) failed: u32,
    /// When the next one is, if it waits for that.
    pub(super) next: Option<Timestamp>,
}
