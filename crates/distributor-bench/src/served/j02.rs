//! The graph of `examples/j02`, many times over at once, each copy with quests of its own.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, ensure as require};
use distributor_proto::AttemptId;
use distributor_proto::dm::quest::Desc;
use serde_json::Value;

use super::{JOBSIM, PAGE, Service, block_on, ensure, jobsim_quest, wait};
use crate::child::Outcome;
use crate::measurement::Fact;

/// What the example's script sends.
const REQUEST: &str = include_str!("../../../../examples/j02/request.json");
/// Quests of one graph.
const QUESTS: u64 = 50;
/// What the first job of each graph finds.
const VALUE: &str = "{\"success\":true,\"value\":\"115\"}";
/// Graphs that one call asks for.
const GRAPHS_PER_CALL: usize = 10;

/// Runs at least `count` quests.
pub(crate) fn run(folder: &Path, count: u64) -> Result<Outcome> {
    let graphs = count.div_ceil(QUESTS);
    let request: Value = serde_json::from_str(REQUEST).context("reading the example")?;
    let phrase = request["quest"][0]["parameters"].as_str();
    let phrase = phrase.context("the example has no parameters")?;
    let quests: Vec<Desc> = (1..=graphs)
        .map(|seed| jobsim_quest(seeded(phrase, seed)))
        .collect();
    block_on(async {
        let service = Service::start(folder, JOBSIM).await?;
        let begin = Instant::now();
        let mut roots: Vec<AttemptId> = Vec::new();
        for chunk in quests.chunks(GRAPHS_PER_CALL) {
            let ids = ensure(&service.client, chunk.to_vec()).await?;
            roots.extend(ids.into_iter().map(|quest| quest.attempt(1)));
        }
        wait::until_finished(&service.client, &roots).await?;
        let duration = begin.elapsed();
        for chunk in roots.chunks(PAGE) {
            let results = wait::results(&service.client, chunk).await?;
            let right = results.iter().filter(|(_, object)| object == VALUE).count();
            require!(right == chunk.len(), "{right} of {} are right", chunk.len());
        }
        let executions = service.executions()?;
        let outcome = service.end(graphs * QUESTS).await?;
        let seconds = duration.as_secs_f64();
        Ok(Outcome {
            count: Some(executions),
            duration,
            facts: vec![
                Fact::count("graphs", graphs),
                Fact::count("executions", executions),
                Fact::new("attempts", (graphs * QUESTS) as f64 / seconds, "/s"),
            ],
            ..outcome
        })
    })
}

/// The same graph with no quest in common with that of another seed: the first job's seed is what its
/// jobs' seeds come from, but for one, which has its own.
fn seeded(phrase: &str, seed: u64) -> String {
    let own = format!("\"seed\":\"{seed}\"");
    let first = format!("{{\"name\":\"hello\",{own},");
    phrase
        .replace("\"seed\":\"1\"", &own)
        .replace("{\"name\":\"hello\",", &first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_copy_has_50_quests_of_its_own_and_the_right_value() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        // It checks attempts and values itself.
        let outcome = run(folder.path(), 51).expect("two graphs");
        assert!(outcome.count > Some(100));
    }
}
