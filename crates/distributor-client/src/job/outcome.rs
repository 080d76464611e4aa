//! Finds in an answer how an attempt has ended.

use distributor_proto::dm;
use dm::attempt::data::AttemptType;
use dm::attempt::partial;

/// How an attempt has ended.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Outcome<'g> {
    /// With this JSON object.
    Finished(&'g str),
    /// Without a result.
    Abnormal(&'g dm::AbnormalFinish),
}

/// An answer does not say how an attempt has ended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OutcomeError {
    /// It is not in the answer, or does not exist.
    #[error("attempt {0} is not in the answer")]
    Absent(String),
    /// It is not over.
    #[error("attempt {0} is not over")]
    Unfinished(String),
    /// Its object was left out.
    #[error("the result of attempt {attempt} is not in the answer: {reason}")]
    LeftOut {
        /// Which.
        attempt: String,
        /// Why, in the words of `dm.Attempt.Partial.Result`.
        reason: &'static str,
    },
}

/// How attempt `number` of `quest` has ended, according to `graph`.
///
/// # Errors
/// If it does not say.
pub fn outcome<'g>(
    graph: &'g dm::GraphData,
    quest: &str,
    number: u32,
) -> Result<Outcome<'g>, OutcomeError> {
    let name = || format!("{quest}|{number}");
    let attempt = graph
        .quests
        .get(quest)
        .and_then(|quest| quest.attempts.get(&number))
        .filter(|attempt| !attempt.dne)
        .ok_or_else(|| OutcomeError::Absent(name()))?;
    let data = attempt.data.as_ref();
    let finished = match data.and_then(|data| data.attempt_type.as_ref()) {
        Some(AttemptType::Finished(finished)) => finished,
        Some(AttemptType::AbnormalFinish(finish)) => return Ok(Outcome::Abnormal(finish)),
        Some(_) => return Err(OutcomeError::Unfinished(name())),
        None => return Err(OutcomeError::Absent(name())),
    };
    match finished.data.as_ref().map(|data| data.object.as_str()) {
        None | Some("") => {
            let partial = attempt.partial.as_ref().map(dm::attempt::Partial::result);
            Err(OutcomeError::LeftOut {
                attempt: name(),
                reason: partial.unwrap_or(partial::Result::NotLoaded).as_str_name(),
            })
        }
        Some(object) => Ok(Outcome::Finished(object)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dm::attempt::data;

    fn graph(attempt: dm::Attempt) -> dm::GraphData {
        let quest = dm::Quest {
            attempts: [(1, attempt)].into(),
            ..dm::Quest::default()
        };
        dm::GraphData {
            quests: [("q".to_owned(), quest)].into(),
            ..dm::GraphData::default()
        }
    }

    fn attempt(attempt_type: AttemptType) -> dm::Attempt {
        dm::Attempt {
            data: Some(dm::attempt::Data {
                attempt_type: Some(attempt_type),
                ..dm::attempt::Data::default()
            }),
            ..dm::Attempt::default()
        }
    }

    fn finished(object: &str) -> dm::Attempt {
        attempt(AttemptType::Finished(data::Finished {
            data: Some(dm::JsonResult {
                object: object.to_owned(),
                ..dm::JsonResult::default()
            }),
        }))
    }

    #[test]
    fn each_end_is_found() {
        let good = graph(finished(r#"{"a":1}"#));
        let expected = Ok(Outcome::Finished(r#"{"a":1}"#));
        assert_eq!(outcome(&good, "q", 1), expected);
        let finish = dm::AbnormalFinish {
            reason: "why".to_owned(),
            ..dm::AbnormalFinish::default()
        };
        let bad = graph(attempt(AttemptType::AbnormalFinish(finish.clone())));
        assert_eq!(outcome(&bad, "q", 1), Ok(Outcome::Abnormal(&finish)));
    }

    #[test]
    fn what_is_not_said_is_an_error() {
        let absent = Err(OutcomeError::Absent("q|1".to_owned()));
        assert_eq!(outcome(&dm::GraphData::default(), "q", 1), absent);
        assert_eq!(outcome(&graph(dm::Attempt::default()), "q", 1), absent);
        let dne = dm::Attempt {
            dne: true,
            ..finished("{}")
        };
        assert_eq!(outcome(&graph(dne), "q", 1), absent);
        let waits = attempt(AttemptType::Waiting(data::Waiting { num_waiting: 1 }));
        let unfinished = Err(OutcomeError::Unfinished("q|1".to_owned()));
        assert_eq!(outcome(&graph(waits), "q", 1), unfinished);
        let too_large = dm::Attempt {
            partial: Some(dm::attempt::Partial {
                result: partial::Result::DataSizeLimit.into(),
                ..dm::attempt::Partial::default()
            }),
            ..finished("")
        };
        let error = outcome(&graph(too_large), "q", 1).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the result of attempt q|1 is not in the answer: DATA_SIZE_LIMIT"
        );
    }
}
