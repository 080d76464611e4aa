//! Work that is asked of a service: that attempts exist, that they end, that old ones go.

use std::collections::BTreeMap;
use std::time::Duration;

use distributor_core::dm::attempt::data::AttemptType;
use distributor_core::{AttemptId, ExecutionId, QuestId, dm};
use distributor_host::EnsureQuest;
use distributor_host::driver::{Ensured, NewAttempt};
use distributor_proto::control;
use distributor_proto::time::duration_from_std;

use super::Remote;
use crate::cli::exit::Failure;

/// The size that a request does not exceed with more than one quest, see [`size`]: a fraction of what a
/// service takes.
const LARGEST_REQUEST: usize = 8 * 1024 * 1024;

impl Remote {
    /// See `Engine::ensure`, but that it goes in as many requests as their sizes demand, in the given
    /// order: if one fails, those before it have been carried out.
    pub(in crate::cli) async fn ensure(
        &self,
        quests: Vec<EnsureQuest>,
    ) -> Result<Vec<Ensured>, Failure> {
        let mut ensured = Vec::with_capacity(quests.len());
        let mut part = Vec::new();
        let mut part_size = 0;
        for quest in quests {
            let size = size(&quest);
            if !part.is_empty() && part_size + size > LARGEST_REQUEST {
                ensured.extend(self.ensure_part(std::mem::take(&mut part)).await?);
                part_size = 0;
            }
            part_size += size;
            part.push(quest);
        }
        ensured.extend(self.ensure_part(part).await?);
        Ok(ensured)
    }

    async fn ensure_part(&self, quests: Vec<EnsureQuest>) -> Result<Vec<Ensured>, Failure> {
        let mut request = dm::EnsureGraphDataReq::default();
        let mut numbers = Vec::with_capacity(quests.len());
        for quest in quests {
            for NewAttempt { number, needs } in quest.attempts {
                request.quest.push(quest.desc.clone());
                request
                    .quest_attempt
                    .push(dm::attempt_list::Nums { nums: vec![number] });
                request.quest_needs.push(list(&needs));
                numbers.push(number);
            }
        }
        if numbers.is_empty() {
            return Ok(Vec::new());
        }
        let answer = self
            .call(|client| async move { client.ensure_graph_data(request).await })
            .await
            .map_err(|error| self.failure(&error))?;
        let before = answer.result.unwrap_or_default();
        let ids = answer.quest_ids.iter().zip(numbers);
        ids.map(|(quest, number)| {
            let quest = QuestId::try_from(quest);
            let id = quest.map_err(|error| Failure::Service(error.to_string()))?;
            Ok(ensured(id.attempt(number), &before))
        })
        .collect()
    }

    /// Asks for the end of attempts that have the same reason. Who does not exist needs none.
    pub(in crate::cli) async fn cancel(
        &self,
        attempts: Vec<AttemptId>,
        reason: String,
    ) -> Result<(), Failure> {
        let request = control::CancelRequest {
            attempts: attempts.into_iter().map(Into::into).collect(),
            reason,
            ..control::CancelRequest::default()
        };
        let cancelled = self.call(|client| async move { client.cancel(request).await });
        let _not_found = cancelled.await.map_err(|error| self.failure(&error))?;
        Ok(())
    }

    /// Asks for the end of attempts and executions, all of which exist.
    pub(in crate::cli) fn cancel_all(
        &self,
        attempts: Vec<AttemptId>,
        executions: Vec<ExecutionId>,
        reason: String,
    ) -> Result<(), Failure> {
        let request = control::CancelRequest {
            attempts: attempts.into_iter().map(Into::into).collect(),
            executions: executions.into_iter().map(Into::into).collect(),
            reason,
        };
        self.wait(|client| async move { client.cancel(request).await })?;
        Ok(())
    }

    /// Why it is not running, or what it is doing.
    pub(in crate::cli) fn explain(
        &self,
        attempt: AttemptId,
    ) -> Result<control::ExplainResponse, Failure> {
        let request = control::ExplainRequest {
            attempt: Some(attempt.into()),
        };
        self.wait(|client| async move { client.explain(request).await })
    }

    /// Removes old ended attempts.
    pub(in crate::cli) fn collect(
        &self,
        older_than: Duration,
        dry_run: bool,
    ) -> Result<control::CollectResponse, Failure> {
        let request = control::CollectRequest {
            older_than: Some(duration_from_std(older_than)),
            dry_run,
        };
        self.wait(|client| async move { client.collect(request).await })
    }

    /// A page of the task queue.
    pub(in crate::cli) fn list_queue(
        &self,
        request: control::ListQueueRequest,
    ) -> Result<control::ListQueueResponse, Failure> {
        self.wait(|client| async move { client.list_queue(request).await })
    }

    /// Makes dead letters pending again.
    pub(in crate::cli) fn replay_queue(
        &self,
        request: control::ReplayQueueRequest,
    ) -> Result<control::ReplayQueueResponse, Failure> {
        self.wait(|client| async move { client.replay_queue(request).await })
    }

    /// Removes dead letters.
    pub(in crate::cli) fn discard_queue(
        &self,
        ids: Vec<u64>,
    ) -> Result<control::DiscardQueueResponse, Failure> {
        let request = control::DiscardQueueRequest { ids };
        self.wait(|client| async move { client.discard_queue(request).await })
    }

    /// What has become of notifications.
    pub(in crate::cli) fn count_notifications(
        &self,
    ) -> Result<control::CountNotificationsResponse, Failure> {
        let request = control::CountNotificationsRequest {};
        self.wait(|client| async move { client.count_notifications(request).await })
    }
}

/// About what a quest takes in a request, in bytes. What is small counts more than its bytes, because a
/// service also limits how many values there are.
fn size(quest: &EnsureQuest) -> usize {
    const SMALL: usize = 64;
    let desc = &quest.desc;
    let meta = desc.meta.as_ref();
    let simple = meta.and_then(|meta| meta.simple.as_ref());
    let inputs = simple.map_or(&[][..], |simple| &simple.inputs);
    let inputs = inputs.iter().map(|input| input.path.len() + 2 * SMALL);
    let needs = simple.map_or(0, |simple| simple.needs.len());
    let attempts = quest.attempts.iter().map(|it| 1 + it.needs.len());
    desc.parameters.len()
        + desc.distributor_parameters.len()
        + inputs.sum::<usize>()
        + (needs + attempts.sum::<usize>()) * 2 * SMALL
}

fn list(attempts: &[AttemptId]) -> dm::AttemptList {
    let mut to: BTreeMap<String, dm::attempt_list::Nums> = BTreeMap::new();
    for id in attempts {
        let numbers = to.entry(id.quest.to_string()).or_default();
        numbers.nums.push(id.number);
    }
    for numbers in to.values_mut() {
        numbers.nums.sort_unstable_by(|a, b| b.cmp(a));
    }
    dm::AttemptList { to }
}

/// What the service knew of the attempt before it was asked.
fn ensured(id: AttemptId, before: &dm::GraphData) -> Ensured {
    use dm::attempt::State;
    let quest = before.quests.get(&id.quest.to_string());
    let attempt = quest.and_then(|quest| quest.attempts.get(&id.number));
    let known = attempt.filter(|attempt| !attempt.dne);
    let data = known.and_then(|attempt| attempt.data.as_ref());
    let state = match data.and_then(|data| data.attempt_type.as_ref()) {
        Some(AttemptType::Executing(_)) => State::Executing,
        Some(AttemptType::Waiting(_)) => State::Waiting,
        Some(AttemptType::Finished(_)) => State::Finished,
        Some(AttemptType::AbnormalFinish(_)) => State::AbnormalFinished,
        Some(AttemptType::Scheduling(_)) | None => State::Scheduling,
    };
    Ensured {
        id,
        existed: known.is_some(),
        state,
    }
}
