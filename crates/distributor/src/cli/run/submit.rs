//! Chooses the attempts of a run and makes sure that they exist.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::time::SystemTime;

use distributor_core::dm::abnormal_finish::Status;
use distributor_core::{AttemptId, QuestId, Timestamp};
use distributor_host::EnsureQuest;
use distributor_host::driver::{CallError, NewAttempt};
use distributor_store::Store;
use distributor_store::records::AttemptRecord;

use super::choose::{Choice, Latest, choose};
use super::plan::Plan;
use super::quests;
use super::work::Work;
use crate::cli::exit::Failure;
use crate::cli::records::Records;
use crate::graph_file::{Graph, Job};

/// Attempts in one request: few enough for one transaction, enough for it to be worth it.
const CHUNK: usize = 512;

/// Unfinished attempts of quests that are not in the graph: an earlier run left them, and they go on too.
pub(super) fn others_unfinished(store: &dyn Store, quests: &[QuestId]) -> Result<usize, Failure> {
    let ours: HashSet<&QuestId> = quests.iter().collect();
    let mut others = 0;
    let mut after = 0;
    loop {
        let (records, next) = store.unfinished(after, CHUNK)?;
        let theirs = records.iter().filter(|it| !ours.contains(&it.id.quest));
        others += theirs.count();
        match next {
            Some(next) => after = next,
            None => return Ok(others),
        }
    }
}

/// Attempts of these quests that somebody has cancelled and that are not over yet, because their tasks
/// are still being stopped. There is no use in going on with them.
pub(super) fn being_cancelled(
    records: &dyn Records,
    quests: &[QuestId],
) -> Result<Vec<AttemptId>, Failure> {
    let mut found = Vec::new();
    for ids in quests.chunks(CHUNK) {
        for record in latest_records(records, ids)? {
            let ending = record.execution.as_ref().and_then(|it| it.ending.as_ref());
            let cancelled = ending.is_some_and(|it| it.status() == Status::Cancelled);
            if cancelled && !record.is_final() {
                found.push(record.id);
            }
        }
    }
    Ok(found)
}

/// Which attempt each job of the graph is about.
pub(super) fn plan(
    records: &dyn Records,
    graph: &Graph,
    quests: &[QuestId],
    again: bool,
) -> Result<Plan, Failure> {
    let mut plan = Plan::default();
    for (jobs, ids) in graph.jobs.chunks(CHUNK).zip(quests.chunks(CHUNK)) {
        let latest = latest(records, ids)?;
        for ((job, id), latest) in jobs.iter().zip(ids).zip(latest) {
            let stand = latest.is_some_and(|latest| outputs_stand(job, latest.since));
            let chosen = choose(latest, stand, again);
            // Of two jobs that are described alike the first one decides for both.
            let choice = match plan.choice_of(id) {
                Some(earlier) => earlier,
                None => chosen,
            };
            let runs_anyway = job.run_anyway && !job.needs.is_empty();
            let attempt = id.attempt(choice.number());
            plan.add(job.name.clone(), attempt, choice, runs_anyway);
        }
    }
    Ok(plan)
}

/// The newest attempt of each quest.
fn latest(records: &dyn Records, quests: &[QuestId]) -> Result<Vec<Option<Latest>>, Failure> {
    let found = latest_records(records, quests)?;
    let latest = found.iter().map(|record| {
        let latest = Latest {
            number: record.id.number,
            state: record.state,
            since: record.modified,
        };
        (record.id.quest, latest)
    });
    let latest: HashMap<QuestId, Latest> = latest.collect();
    Ok(quests.iter().map(|id| latest.get(id).copied()).collect())
}

/// The newest attempts of those quests that have any.
fn latest_records(
    records: &dyn Records,
    quests: &[QuestId],
) -> Result<Vec<AttemptRecord>, Failure> {
    let newest = quests.iter().zip(records.newest_attempts(quests)?);
    let attempts: Vec<AttemptId> = newest
        .filter_map(|(quest, number)| Some(quest.attempt(number?)))
        .collect();
    Ok(records.attempts(&attempts)?.into_iter().flatten().collect())
}

/// All outputs are there, and as the job left them. One that was written after the job ended is
/// somebody else's work, for example that of the same job with another input: were it to count, going
/// back to the former input would leave the result of the latter. Of a folder only its being there
/// counts, because what is put into it changes its time.
fn outputs_stand(job: &Job, ended: Timestamp) -> bool {
    let stands = |output: &Path| {
        let Ok(found) = job.directory.join(output).metadata() else {
            return false;
        };
        let written = found.modified().ok();
        let written = written.and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok());
        // Without a usable time, or with one before 1970, it stands for being there.
        let newer = written.is_some_and(|time| Timestamp::default().after(time) > ended);
        found.is_dir() || !newer
    };
    job.outputs.iter().all(|output| stands(output))
}

/// Makes sure that the attempts of `plan` exist, in the order of what they need.
pub(super) async fn submit(
    work: &Work,
    graph: &Graph,
    quests: &[QuestId],
    plan: &mut Plan,
) -> Result<(), Failure> {
    let owners: Vec<usize> = plan
        .owners()
        .filter(|(_, job)| !job.choice.is_reuse())
        .map(|(index, _)| index)
        .collect();
    for indexes in owners.chunks(CHUNK) {
        let mut requests = Vec::with_capacity(indexes.len());
        for index in indexes {
            requests.push(request(graph, quests, plan, *index)?);
        }
        for ensured in work.ensure(requests).await? {
            plan.begin(&ensured);
        }
    }
    Ok(())
}

fn request(
    graph: &Graph,
    quests: &[QuestId],
    plan: &Plan,
    index: usize,
) -> Result<EnsureQuest, Failure> {
    let job = &graph.jobs[index];
    let (desc, _) = quests::describe(&graph.jobs, quests, job)
        .map_err(|error| Failure::Internal(format!("job {}: {error}", job.name)))?;
    let choice = plan.jobs[index].choice;
    let mut needs = Vec::new();
    if let Choice::New(_) = choice {
        needs.extend(job.needs.iter().map(|need| plan.jobs[*need].attempt));
        // Two needs that are described alike are one attempt.
        needs.sort_unstable();
        needs.dedup();
    }
    let attempt = NewAttempt {
        number: choice.number(),
        needs,
    };
    Ok(EnsureQuest {
        desc,
        attempts: vec![attempt],
    })
}

/// Why the host did not do what the program asked of it: nothing that a user typed.
pub(super) fn call_failure(error: CallError) -> Failure {
    match error {
        CallError::Store(error) => Failure::Store(error),
        other => Failure::Internal(other.to_string()),
    }
}
