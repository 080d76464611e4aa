//! What one execution leaves for the next: how far it came.
//!
//! It is the data of the execution, not of the attempt. A state of unknown form is an error: to begin
//! anew in silence would hide that something is wrong.

use serde::{Deserialize, Serialize};

/// Progress through a phrase.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(crate) struct State {
    /// The stage that comes next, from 0.
    pub(crate) stage: usize,
    /// The values of all dependencies so far.
    pub(crate) sum: i64,
}

impl State {
    /// Reads what a former execution left; the beginning if there was none.
    ///
    /// # Errors
    /// It is no state, or not one of a phrase with so many stages.
    pub(crate) fn read(previous: Option<&str>, stages: usize) -> Result<Self, String> {
        let Some(text) = previous else {
            return Ok(State::default());
        };
        let damaged = |reason: String| format!("the state of the former execution: {reason}");
        let state: State =
            serde_json::from_str(text).map_err(|error| damaged(error.to_string()))?;
        if state.stage > stages {
            return Err(damaged(format!(
                "stage {} of a phrase that has {stages}",
                state.stage
            )));
        }
        Ok(state)
    }

    /// Its text, a JSON object.
    pub(crate) fn to_json(self) -> String {
        let State { stage, sum } = self;
        format!(r#"{{"Stage":{stage},"Sum":{sum}}}"#)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_read_as_it_was_written() {
        let state = State { stage: 2, sum: -7 };
        assert_eq!(state.to_json(), r#"{"Stage":2,"Sum":-7}"#);
        assert_eq!(State::read(Some(&state.to_json()), 2), Ok(state));
        assert_eq!(State::read(None, 0), Ok(State { stage: 0, sum: 0 }));
    }

    #[test]
    fn an_unknown_or_damaged_state_is_an_error() {
        for text in [
            "",
            "{}",
            "null",
            r#"{"Stage":1}"#,
            r#"{"Stage":-1,"Sum":0}"#,
            r#"{"Stage":3,"Sum":0}"#,
            r#"{"Stage":1,"Sum":9223372036854775808}"#,
            r#"{"Stage":1,"Sum":0,"More":1}"#,
        ] {
            let error = State::read(Some(text), 2).expect_err(text);
            assert!(
                error.starts_with("the state of the former execution: "),
                "{error}"
            );
        }
    }
}
