//! The life of a random graph of jobs that ask for each other, and then a walk over it.
//!
//! The jobs that nobody depends on are asked for by calls of EnsureGraphData; all others by jobs while
//! they run. So that the graph has one root, a few quests that only wait for others stand over it.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use distributor_proto::QuestId;

use super::random::Graph;
use super::walk::Walked;
use super::{JOBSIM, Service, block_on, ensure, ensure_after, jobsim_quest, wait};
use crate::child::{self, Outcome};
use crate::measurement::Fact;

/// So many jobs wait below each quest that only waits.
const PER_HUB: usize = 500;

/// Runs `count` jobs, and the few above them.
pub(crate) fn run(folder: &Path, count: u64) -> Result<Outcome> {
    let graph = Graph::new(usize::try_from(count)?);
    let hubs = graph.roots.len().div_ceil(PER_HUB);
    let attempts = count + u64::try_from(hubs)? + 1;
    block_on(async {
        let service = Service::start(folder, JOBSIM).await?;
        let begin = Instant::now();
        let root = submit(&service, graph).await?;
        wait::until_finished(&service.client, &[root.attempt(1)]).await?;
        let duration = begin.elapsed();
        let executions = service.executions()?;
        let peak = child::peak_rss_bytes()?;

        child::forget_peak_rss()?;
        let before = child::rss_bytes()?;
        let address = service.address.to_string();
        let walked = tokio::task::spawn_blocking(move || walk(&address, root)).await??;
        let growth = child::peak_rss_bytes()?.saturating_sub(before);
        if walked.attempts != attempts {
            bail!("the walk has found {} of {attempts}", walked.attempts);
        }
        let outcome = service.end(attempts).await?;
        let seconds = duration.as_secs_f64();
        let mut facts = vec![
            Fact::count("executions", executions),
            Fact::new("attempts", attempts as f64 / seconds, "/s"),
        ];
        facts.extend(walked.facts);
        facts.push(Fact::mebibytes("walk, growth of the service", growth));
        Ok(Outcome {
            count: Some(executions),
            duration,
            facts,
            peak_rss_bytes: Some(peak),
            ..outcome
        })
    })
}

/// Asks for all of it; the root.
async fn submit(service: &Service, graph: Graph) -> Result<QuestId> {
    let client = &service.client;
    let mut hubs = Vec::new();
    for (number, phrases) in graph.roots.chunks(PER_HUB).enumerate() {
        let quests = phrases.iter().cloned().map(jobsim_quest).collect();
        let below = ensure(client, quests).await?;
        let hub = jobsim_quest(format!("{{\"name\":\"hub-{number}\"}}"));
        hubs.push(ensure_after(client, hub, &below).await?);
    }
    let root = jobsim_quest("{\"name\":\"root\"}".to_owned());
    ensure_after(client, root, &hubs).await
}

/// Walks in a process of its own, so that the client's memory is not the service's.
fn walk(address: &str, root: QuestId) -> Result<Walked> {
    let program = std::env::current_exe().context("finding this program")?;
    let output = Command::new(program)
        .args(["__walk", address, &root.to_string()])
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .context("starting this program again")?;
    if !output.status.success() {
        bail!("the walk failed ({})", output.status);
    }
    serde_json::from_slice(&output.stdout).context("reading what the walk has found")
}
