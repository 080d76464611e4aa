//! Throughput of EnsureGraphData: calls that each make some new noop quests.
//!
//! The rate is that of the calls. The quests run meanwhile and after it: how long all of that takes is
//! a further number.

use std::future::Future;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use anyhow::{Result, bail};
use distributor_client::Client;
use distributor_proto::QuestId;
use distributor_proto::dm::quest::Desc;
use tokio::task::JoinSet;

use super::http::Connection;
use super::{Service, accepted, block_on, ensure, request, wait};
use crate::child::Outcome;
use crate::measurement::Fact;
use crate::subject::{NOOP, noop_quest};

/// New quests in a call.
const QUESTS_PER_CALL: u64 = 10;
/// Calls under way.
const CALLS: usize = 64;

/// Makes quests by some transport, one call after the other.
trait Caller: Send + 'static {
    fn ensure(&mut self, quests: Vec<Desc>) -> impl Future<Output = Result<Vec<QuestId>>> + Send;
}

impl Caller for Client {
    async fn ensure(&mut self, quests: Vec<Desc>) -> Result<Vec<QuestId>> {
        ensure(self, quests).await
    }
}

impl Caller for Connection {
    async fn ensure(&mut self, quests: Vec<Desc>) -> Result<Vec<QuestId>> {
        let count = quests.len();
        let request = request(quests, Vec::new());
        accepted(&self.ensure_graph_data(&request).await?, count)
    }
}

/// Makes `count` quests by gRPC, all calls over one connection.
pub(crate) fn grpc(folder: &Path, count: u64) -> Result<Outcome> {
    block_on(async {
        let service = Service::start(folder, NOOP).await?;
        let callers = vec![service.client.clone(); CALLS];
        run(service, callers, count).await
    })
}

/// Makes `count` quests by pRPC in binary, each caller over a connection of its own.
pub(crate) fn prpc(folder: &Path, count: u64) -> Result<Outcome> {
    block_on(async {
        let service = Service::start(folder, NOOP).await?;
        let mut callers = Vec::new();
        for _ in 0..CALLS {
            callers.push(Connection::new(service.address).await?);
        }
        run(service, callers, count).await
    })
}

async fn run(service: Service, callers: Vec<impl Caller>, count: u64) -> Result<Outcome> {
    let begin = Instant::now();
    let ids = submit(callers, count).await?;
    let duration = begin.elapsed();
    let attempts: Vec<_> = ids.iter().map(|quest| quest.attempt(1)).collect();
    wait::until_finished(&service.client, &attempts).await?;
    let finished = begin.elapsed().as_secs_f64();
    let outcome = service.end(count).await?;
    let calls = count.div_ceil(QUESTS_PER_CALL);
    Ok(Outcome {
        duration,
        facts: vec![
            Fact::new("calls", calls as f64 / duration.as_secs_f64(), "/s"),
            Fact::new("made and finished", count as f64 / finished, "quests/s"),
        ],
        ..outcome
    })
}

async fn submit(callers: Vec<impl Caller>, count: u64) -> Result<Vec<QuestId>> {
    let next = Arc::new(AtomicU64::new(0));
    let mut calling = JoinSet::new();
    for mut caller in callers {
        let next = next.clone();
        calling.spawn(async move {
            let mut ids = Vec::new();
            loop {
                let first = next.fetch_add(QUESTS_PER_CALL, Ordering::Relaxed);
                let last = count.min(first + QUESTS_PER_CALL);
                if first >= last {
                    return anyhow::Ok(ids);
                }
                ids.extend(
                    caller
                        .ensure((first..last).map(noop_quest).collect())
                        .await?,
                );
            }
        });
    }
    let mut ids = Vec::new();
    while let Some(made) = calling.join_next().await {
        ids.extend(made??);
    }
    if u64::try_from(ids.len())? != count {
        bail!("{} of {count} quests were made", ids.len());
    }
    Ok(ids)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_call_may_be_smaller() {
        for run in [grpc, prpc] {
            let folder = tempfile::tempdir().expect("a temporary folder");
            let outcome = run(folder.path(), 25).expect("all of them finish");
            assert_eq!(outcome.facts.len(), 2);
            assert!(outcome.state_bytes > Some(0));
        }
    }
}
