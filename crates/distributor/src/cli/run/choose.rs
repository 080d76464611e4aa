//! Which attempt of a quest a run is about: an old one that counts, one that goes on, or a new one.
//!
//! A pure function, because everything that users call "reuse" hangs on it.

use distributor_core::Timestamp;
use distributor_core::dm::attempt::State;

/// An attempt and why it is the one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Choice {
    /// It finished before, and its result counts.
    Reuse(u32),
    /// An earlier run left it unfinished.
    Resume(u32),
    /// It does not exist yet.
    New(u32),
}

/// The newest attempt that is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Latest {
    /// Its number.
    pub(super) number: u32,
    /// Its state.
    pub(super) state: State,
    /// When it got into that state.
    pub(super) since: Timestamp,
}

impl Choice {
    /// The attempt's number.
    pub(super) fn number(self) -> u32 {
        match self {
            Choice::Reuse(number) | Choice::Resume(number) | Choice::New(number) => number,
        }
    }

    /// True if an old result counts.
    pub(super) fn is_reuse(self) -> bool {
        matches!(self, Choice::Reuse(_))
    }
}

/// Chooses. `outputs_stand`: all files that the job makes are there, and
/// nobody has written them since. `again`: the user wants it to run
/// whatever there is.
pub(super) fn choose(latest: Option<Latest>, outputs_stand: bool, again: bool) -> Choice {
    let Some(Latest { number, state, .. }) = latest else {
        return Choice::New(1);
    };
    match state {
        State::Finished if outputs_stand && !again => Choice::Reuse(number),
        // Two attempts of one quest at the same time would be in each other's way.
        State::Scheduling | State::Executing | State::Waiting => Choice::Resume(number),
        // Nobody gets to the last number by counting; whoever took it on purpose gets it again.
        State::Finished | State::AbnormalFinished => Choice::New(number.saturating_add(1)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn latest(number: u32, state: State) -> Latest {
        Latest {
            number,
            state,
            since: Timestamp::default(),
        }
    }

    #[test]
    fn every_case_of_the_table() {
        use Choice::{New, Resume, Reuse};
        use State::{AbnormalFinished, Executing, Finished, Scheduling, Waiting};
        // State of attempt 3; then: outputs stand, outputs do not; the same with --again.
        let table = [
            (Scheduling, [Resume(3), Resume(3), Resume(3), Resume(3)]),
            (Executing, [Resume(3), Resume(3), Resume(3), Resume(3)]),
            (Waiting, [Resume(3), Resume(3), Resume(3), Resume(3)]),
            (Finished, [Reuse(3), New(4), New(4), New(4)]),
            (AbnormalFinished, [New(4), New(4), New(4), New(4)]),
        ];
        let cases = [(true, false), (false, false), (true, true), (false, true)];
        for (state, expected) in table {
            let latest = Some(latest(3, state));
            let chosen = cases.map(|(outputs, again)| choose(latest, outputs, again));
            assert_eq!(chosen, expected, "{state:?}");
        }
        for (outputs, again) in cases {
            assert_eq!(choose(None, outputs, again), New(1));
        }
    }

    #[test]
    fn the_last_number_does_not_overflow() {
        let latest = Some(latest(u32::MAX, State::AbnormalFinished));
        assert_eq!(choose(latest, true, false), Choice::New(u32::MAX));
    }
}
