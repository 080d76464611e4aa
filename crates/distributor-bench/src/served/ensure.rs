//! Throughput of EnsureGraphData: calls that each make some new noop quests.
//!
//! The rate is that of the calls. The quests run meanwhile and after it: how long all of that takes is
//! a further number.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result};
use distributor_proto::QuestId;
use tokio::task::JoinSet;

use super::{Service, block_on, ensure, wait};
use crate::child::Outcome;
use crate::measurement::Fact;
use crate::subject::{NOOP, noop_quest};

/// New quests in a call.
const QUESTS_PER_CALL: u64 = 10;
/// Calls under way.
const CALLS: usize = 64;

/// Makes `count` quests.
pub(crate) fn run(folder: &Path, count: u64) -> Result<Outcome> {
    block_on(async {
        let service = Service::start(folder, NOOP).await?;
        let begin = Instant::now();
        let ids = submit(&service, count).await?;
        let duration = begin.elapsed();
        let attempts: Vec<_> = ids.iter().map(|quest| quest.attempt(1)).collect();
        wait::until_finished(&service.client, &attempts).await?;
        let finished = begin.elapsed();
        let outcome = service.end(count).await?;
        let calls = count.div_ceil(QUESTS_PER_CALL);
        Ok(Outcome {
            duration,
            facts: vec![
                Fact::new("calls", calls as f64 / duration.as_secs_f64(), "/s"),
                Fact::new(
                    "created and finished",
                    count as f64 / finished.as_secs_f64(),
                    "quests/s",
                ),
            ],
            ..outcome
        })
    })
}

async fn submit(service: &Service, count: u64) -> Result<Vec<QuestId>> {
    let mut ids = Vec::new();
    let mut calls = JoinSet::new();
    let mut first = 0;
    while first < count || !calls.is_empty() {
        if first < count && calls.len() < CALLS {
            let last = count.min(first + QUESTS_PER_CALL);
            let quests = (first..last).map(noop_quest).collect();
            let client = service.client.clone();
            calls.spawn(async move { ensure(&client, quests).await });
            first = last;
            continue;
        }
        let answer = calls.join_next().await.context("no call is under way")?;
        ids.extend(answer??);
    }
    Ok(ids)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_call_may_be_smaller() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let outcome = run(folder.path(), 25).expect("all of them finish");
        assert_eq!(outcome.facts.len(), 2);
        assert!(outcome.state_bytes > Some(0));
    }
}
