//! Waiting for the end of attempts as a client does: by the stream of changes, and by reading again
//! what that has missed.

use std::collections::HashSet;

use anyhow::{Context, Result, bail};
use distributor_client::Client;
use distributor_proto::control::{ListRequest, WatchRequest, WatchResponse};
use distributor_proto::dm::attempt::State;
use distributor_proto::dm::attempt::data::AttemptType;
use distributor_proto::dm::walk_graph_req::include::Options;
use distributor_proto::dm::walk_graph_req::{Include, Limit};
use distributor_proto::{AttemptId, QuestId, dm};

use super::{PAGE, attempt_list};
use crate::subject::PATIENCE;

/// Returns when all of these have finished.
///
/// # Errors
/// One of them ended abnormally, or nothing at all has finished for a long time.
pub(super) async fn until_finished(client: &Client, attempts: &[AttemptId]) -> Result<()> {
    let mut wanted: HashSet<AttemptId> = attempts.iter().copied().collect();
    let request = WatchRequest {
        attempts: attempts.iter().map(|id| (*id).into()).collect(),
    };
    let mut changes = client.watch(request).await?;
    let mut finished = 0;
    // What ended before the stream has begun is not in it: its first message is empty.
    let mut read_again = true;
    while !wanted.is_empty() {
        match tokio::time::timeout(PATIENCE, changes.message()).await {
            Ok(message) => {
                let message = message?.context("the stream of changes has ended")?;
                read_again |= message.missed;
                take(&message, &mut wanted)?;
            }
            Err(_elapsed) => {
                let now = finished_attempts(client).await?;
                if now == finished {
                    bail!("nothing has finished for a long time");
                }
                finished = now;
            }
        }
        if std::mem::take(&mut read_again) {
            remove_finished(client, &mut wanted).await?;
        }
    }
    Ok(())
}

/// Removes those that the message says have finished.
fn take(message: &WatchResponse, wanted: &mut HashSet<AttemptId>) -> Result<()> {
    for change in &message.changes {
        let id = change.id.as_ref().context("a change of no attempt")?;
        match change.state() {
            State::Finished => {
                wanted.remove(&AttemptId::try_from(id)?);
            }
            State::AbnormalFinished => bail!("{}|{} did not end well", id.quest, id.id),
            _ => {}
        }
    }
    Ok(())
}

/// Reads how they stand.
async fn remove_finished(client: &Client, wanted: &mut HashSet<AttemptId>) -> Result<()> {
    let asked: Vec<AttemptId> = wanted.iter().copied().collect();
    for chunk in asked.chunks(PAGE) {
        for (id, _) in results(client, chunk).await? {
            wanted.remove(&id);
        }
    }
    Ok(())
}

/// The result objects of those of these attempts that have finished.
///
/// # Errors
/// One of them ended abnormally.
pub(super) async fn results(
    client: &Client,
    attempts: &[AttemptId],
) -> Result<Vec<(AttemptId, String)>> {
    let all = Options {
        result: true,
        abnormal: true,
        expired: true,
        ..Options::default()
    };
    let request = dm::WalkGraphReq {
        query: Some(dm::GraphQuery {
            attempt_list: Some(attempt_list(attempts.iter().copied())),
            ..dm::GraphQuery::default()
        }),
        include: Some(Include {
            attempt: Some(all),
            ..Include::default()
        }),
        limit: Some(Limit::default()),
        ..dm::WalkGraphReq::default()
    };
    let graph = client.walk_graph(request).await?;
    let mut finished = Vec::new();
    for (quest, shown) in graph.quests {
        let quest: QuestId = quest.parse()?;
        for (number, attempt) in shown.attempts {
            let id = quest.attempt(number);
            match attempt.data.and_then(|data| data.attempt_type) {
                Some(AttemptType::Finished(it)) => {
                    let object = it.data.unwrap_or_default().object;
                    finished.push((id, object));
                }
                Some(AttemptType::AbnormalFinish(_)) => bail!("{id} did not end well"),
                _ => {}
            }
        }
    }
    Ok(finished)
}

async fn finished_attempts(client: &Client) -> Result<u64> {
    let request = ListRequest {
        page_size: 1,
        ..ListRequest::default()
    };
    let counts = client.list(request).await?.counts.unwrap_or_default();
    Ok(counts.finished)
}
