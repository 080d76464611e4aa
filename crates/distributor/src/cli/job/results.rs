//! Prints the results of what a job has asked for.

use std::collections::BTreeMap;

use distributor_client::job::{Outcome, outcome};
use distributor_proto::{QuestId, dm};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::cli::exit::{Exit, Failure};
use crate::cli::output;

/// One end, as in the file of results that a simple quest gets.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum End<'g> {
    Finished {
        state: &'static str,
        result: &'g RawValue,
    },
    Abnormal {
        state: &'static str,
        status: &'static str,
        reason: &'g str,
    },
}

/// Prints them all, or none if one is missing.
pub(super) fn print(
    graph: &dm::GraphData,
    quests: &[(QuestId, dm::quest::Desc)],
    number: u32,
    json: bool,
) -> Result<Exit, Failure> {
    let mut ends = Vec::with_capacity(quests.len());
    for (quest, _) in quests {
        let quest = quest.to_string();
        let end = end(graph, &quest, number)?;
        ends.push((quest, end));
    }
    let mut exit = Exit::Finished;
    for (quest, end) in &ends {
        if let End::Abnormal { status, reason, .. } = end {
            output::note(format_args!("{quest}|{number} ended: {status}: {reason}"));
            exit = Exit::JobFailed;
        }
    }
    if json {
        let by_quest: BTreeMap<_, _> = ends
            .iter()
            .map(|(quest, end)| (quest, BTreeMap::from([(number, end)])))
            .collect();
        output::json(&by_quest)?;
    } else {
        output::data(|out| {
            for (_, end) in &ends {
                writeln!(out, "{}", line(end)).or_else(output::noticed)?;
            }
            Ok(())
        })?;
    }
    Ok(exit)
}

fn end<'g>(graph: &'g dm::GraphData, quest: &str, number: u32) -> Result<End<'g>, Failure> {
    let outcome =
        outcome(graph, quest, number).map_err(|error| Failure::Service(error.to_string()))?;
    Ok(match outcome {
        Outcome::Finished(object) => End::Finished {
            state: "FINISHED",
            result: serde_json::from_str(object).map_err(|error| {
                Failure::Service(format!("the result of {quest}|{number}: {error}"))
            })?,
        },
        Outcome::Abnormal(finish) => End::Abnormal {
            state: "ABNORMAL_FINISHED",
            status: finish.status().as_str_name(),
            reason: &finish.reason,
        },
    })
}

fn line<'e>(end: &End<'e>) -> &'e str {
    match end {
        End::Finished { result, .. } => result.get(),
        End::Abnormal { .. } => "null",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dm::attempt::data::{AttemptType, Finished};

    fn graph(attempt_type: AttemptType) -> dm::GraphData {
        let attempt = dm::Attempt {
            data: Some(dm::attempt::Data {
                attempt_type: Some(attempt_type),
                ..dm::attempt::Data::default()
            }),
            ..dm::Attempt::default()
        };
        let quest = dm::Quest {
            attempts: [(1, attempt)].into(),
            ..dm::Quest::default()
        };
        dm::GraphData {
            quests: [("q".to_owned(), quest)].into(),
            ..dm::GraphData::default()
        }
    }

    #[test]
    fn an_object_is_printed_as_it_is() {
        let graph = graph(AttemptType::Finished(Finished {
            data: Some(dm::JsonResult {
                object: r#"{"n":1.00}"#.to_owned(),
                ..dm::JsonResult::default()
            }),
        }));
        let end = end(&graph, "q", 1).unwrap();
        assert_eq!(line(&end), r#"{"n":1.00}"#);
        assert_eq!(
            serde_json::to_string(&end).unwrap(),
            r#"{"state":"FINISHED","result":{"n":1.00}}"#
        );
    }

    #[test]
    fn an_abnormal_end_is_null_and_says_why_in_json() {
        let mut finish = dm::AbnormalFinish {
            reason: "why".to_owned(),
            ..dm::AbnormalFinish::default()
        };
        finish.set_status(dm::abnormal_finish::Status::TimedOut);
        let graph = graph(AttemptType::AbnormalFinish(finish));
        let end = end(&graph, "q", 1).unwrap();
        assert_eq!(line(&end), "null");
        assert_eq!(
            serde_json::to_string(&end).unwrap(),
            r#"{"state":"ABNORMAL_FINISHED","status":"TIMED_OUT","reason":"why"}"#
        );
        let absent = super::end(&graph, "other", 1).unwrap_err();
        assert_eq!(absent.exit(), Exit::Internal);
    }
}
