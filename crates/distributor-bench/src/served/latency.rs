//! How long one noop quest takes at an idle service: from the call of EnsureGraphData until the stream
//! of changes says that it has finished. The next one is submitted only then.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use distributor_client::Streaming;
use distributor_proto::control::{WatchRequest, WatchResponse};
use distributor_proto::dm;
use distributor_proto::dm::attempt::State;

use super::{Service, block_on, ensure};
use crate::child::Outcome;
use crate::measurement::Fact;
use crate::probe::percentile;
use crate::subject::{NOOP, PATIENCE, noop_quest};

/// Runs `count` quests.
pub(crate) fn run(folder: &Path, count: u64) -> Result<Outcome> {
    block_on(async {
        let service = Service::start(folder, NOOP).await?;
        let mut changes = service.client.watch(WatchRequest::default()).await?;
        let mut durations = Vec::new();
        let begin = Instant::now();
        for number in 0..count {
            let submitted = Instant::now();
            let (ids, finished) = tokio::try_join!(
                ensure(&service.client, vec![noop_quest(number)]),
                next_finished(&mut changes),
            )?;
            durations.push(submitted.elapsed());
            let id = ids.first().context("the answer names no quest")?;
            if finished.quest != id.to_string() {
                bail!("{} has finished, and not {id}", finished.quest);
            }
        }
        let duration = begin.elapsed();
        drop(changes);
        durations.sort_unstable();
        let at = |name: &str, percent| {
            let micros = percentile(&durations, percent);
            Fact::milliseconds(name, Duration::from_secs_f64(micros / 1e6))
        };
        let facts = vec![
            at("submit to finished, p50", 50),
            at("submit to finished, p99", 99),
        ];
        let outcome = service.end(count).await?;
        Ok(Outcome {
            duration,
            facts,
            ..outcome
        })
    })
}

async fn next_finished(changes: &mut Streaming<WatchResponse>) -> Result<dm::attempt::Id> {
    loop {
        let message = tokio::time::timeout(PATIENCE, changes.message()).await;
        let message = message.context("nothing has happened for a long time")??;
        let message = message.context("the stream of changes has ended")?;
        if message.missed {
            bail!("the stream of changes has missed something");
        }
        for change in message.changes {
            match change.state() {
                State::Finished => return change.id.context("a change of no attempt"),
                State::AbnormalFinished => bail!("a quest did not end well"),
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_after_the_other() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let outcome = run(folder.path(), 5).expect("all of them finish");
        let [p50, p99] = outcome.facts.as_slice() else {
            panic!("{:?}", outcome.facts);
        };
        assert!(0.0 < p50.value && p50.value <= p99.value);
    }
}
