//! A stage with dependencies: asks for all of them at once, and again for those that are retried.
//!
//! It refuses to look at anything in an answer that it did not ask for.

use distributor_core::dm;
use distributor_core::dm::attempt::data::AttemptType;
use distributor_core::dm::ensure_graph_data_req::{Include, include};

use super::calls::persistently;
use super::{Stop, Surroundings, Task, add};
use crate::phrase::{self, Strategy, Wanted};
use crate::proto::Result as JobResult;

impl Task<'_> {
    /// The sum of the values of everything that the stage at `index` asks for.
    pub(super) async fn depend(&self, index: usize) -> Result<i64, Stop> {
        let size = phrase::expanded_size(&self.phrase, index).map_err(|error| error.to_string())?;
        let kib = u32::try_from(size / 1024 + 1).unwrap_or(u32::MAX);
        let Ok(_room) = self.surroundings.room.acquire_many(kib).await else {
            return Err(Stop::Error("the backend is closed".to_owned()));
        };
        let wanted = phrase::expand(&self.phrase, index).map_err(|error| error.to_string())?;
        let mut round: Vec<(&Wanted, Vec<u32>)> = wanted
            .iter()
            .map(|wanted| match &wanted.strategy {
                Strategy::All(numbers) => (wanted, numbers.clone()),
                Strategy::UpTo(_) => (wanted, vec![1]),
            })
            .collect();
        let mut total = 0;
        while !round.is_empty() {
            let answer = self.ask(&round).await?;
            let mut again = Vec::new();
            for (at, (wanted, numbers)) in round.into_iter().enumerate() {
                let values = values(&answer, at, &numbers)?;
                match (&wanted.strategy, values) {
                    (_, Some(value)) => total = add(total, value)?,
                    (Strategy::UpTo(last), None) => match numbers.first() {
                        Some(number) if number < last => again.push((wanted, vec![number + 1])),
                        _ => return Err(Stop::JobFailed),
                    },
                    (Strategy::All(_), None) => return Err(Stop::JobFailed),
                }
            }
            round = again;
        }
        Ok(total)
    }

    async fn ask(&self, round: &[(&Wanted, Vec<u32>)]) -> Result<dm::EnsureGraphDataRsp, Stop> {
        let mut request = dm::EnsureGraphDataReq {
            for_execution: Some(self.auth.clone()),
            include: Some(Include {
                attempt: Some(include::Options { result: true }),
            }),
            ..Default::default()
        };
        for (wanted, numbers) in round {
            request.quest.push(dm::quest::Desc {
                distributor_config_name: self.order.config_name.clone(),
                parameters: wanted.parameters.clone(),
                distributor_parameters: "{}".to_owned(),
                meta: None,
            });
            let nums = numbers.iter().rev().copied().collect();
            request.quest_attempt.push(dm::attempt_list::Nums { nums });
        }
        let Surroundings { service, clock, .. } = self.surroundings;
        let answer = persistently(clock.as_ref(), "EnsureGraphData", || {
            service.ensure(&request)
        });
        let answer = answer.await?;
        if answer.should_halt {
            return Err(Stop::Halted);
        }
        if !answer.accepted {
            return Err(Stop::Error("EnsureGraphData: was not accepted".to_owned()));
        }
        Ok(answer)
    }
}

/// The sum of the values of these attempts of the quest at `at`; `None` if one of them failed.
fn values(
    answer: &dm::EnsureGraphDataRsp,
    at: usize,
    numbers: &[u32],
) -> Result<Option<i64>, String> {
    let id = answer
        .quest_ids
        .get(at)
        .map_or("", |quest| quest.id.as_str());
    let quest = answer
        .result
        .as_ref()
        .and_then(|result| result.quests.get(id));
    let mut total = 0;
    for number in numbers {
        let attempt = quest.and_then(|quest| quest.attempts.get(number));
        let state = attempt
            .and_then(|attempt| attempt.data.as_ref())
            .and_then(|data| data.attempt_type.as_ref());
        let value = match state {
            Some(AttemptType::Finished(finished)) => {
                let object = finished
                    .data
                    .as_ref()
                    .map_or("", |data| data.object.as_str());
                value(object).map_err(|error| format!("the result of {id}|{number}: {error}"))?
            }
            Some(AttemptType::AbnormalFinish(_)) => None,
            _ => {
                return Err(format!(
                    "EnsureGraphData: the answer does not say how {id}|{number} ended"
                ));
            }
        };
        match value {
            Some(value) => total = add(total, value)?,
            None => return Ok(None),
        }
    }
    Ok(Some(total))
}

/// The value of a success, `None` for a failure.
fn value(object: &str) -> Result<Option<i64>, String> {
    let result: JobResult = phrase::read_message(object)?;
    Ok(result.success.then_some(result.value))
}
