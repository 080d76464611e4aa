//! A client that reads a whole graph: it asks for the root without a limit of depth, then, with
//! what it knows excluded, for what was left out, until nothing is.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use distributor_client::{Client, ConnectOptions};
use distributor_proto::dm::walk_graph_req::include::Options;
use distributor_proto::dm::walk_graph_req::{Exclude, Include, Limit};
use distributor_proto::{AttemptId, QuestId, dm};
use serde::{Deserialize, Serialize};

use super::{attempt_list, block_on};
use crate::measurement::Fact;
use crate::report;

/// So many attempts are asked for again at a time.
const ASKED: usize = 1000;

/// What a walk has found.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Walked {
    /// Different attempts.
    pub(super) attempts: u64,
    pub(super) facts: Vec<Fact>,
}

/// What the client knows.
#[derive(Debug, Default)]
struct Seen {
    /// All of these and of their edges.
    known: BTreeSet<AttemptId>,
    /// That these exist.
    partial: BTreeSet<AttemptId>,
}

/// Walks from attempt 1 of `root`, and prints what it has found.
pub(crate) fn run(address: &str, root: &str) -> Result<()> {
    let root: QuestId = root.parse()?;
    let walked = block_on(walk(address, root))?;
    report::print(&serde_json::to_string(&walked)?)
}

async fn walk(address: &str, root: QuestId) -> Result<Walked> {
    let client = Client::new(address, &ConnectOptions::default())?;
    let mut seen = Seen::default();
    seen.partial.insert(root.attempt(1));
    let mut pages = Vec::new();
    let mut first_attempts = 0;
    let begin = Instant::now();
    while !seen.partial.is_empty() {
        let known = seen.known.len();
        let request = seen.request();
        let asked = Instant::now();
        let graph = client.walk_graph(request).await?;
        pages.push(asked.elapsed());
        seen.take(graph)?;
        if seen.known.len() == known {
            bail!("a page has brought nothing new");
        }
        if pages.len() == 1 {
            first_attempts = seen.known.len();
        }
    }
    let duration = begin.elapsed();
    let milliseconds = |name: &str, page: Option<&Duration>| {
        Fact::milliseconds(name, page.copied().unwrap_or_default())
    };
    Ok(Walked {
        attempts: u64::try_from(seen.known.len())?,
        facts: vec![
            milliseconds("walk, first page", pages.first()),
            Fact::count("walk, attempts in it", u64::try_from(first_attempts)?),
            milliseconds("walk, slowest page", pages.iter().max()),
            Fact::count("walk, pages", u64::try_from(pages.len())?),
            Fact::milliseconds("walk, all pages", duration),
        ],
    })
}

impl Seen {
    /// Asks for some of what is not known, and for all that can be reached from there.
    fn request(&self) -> dm::WalkGraphReq {
        let asked = self.partial.iter().copied().take(ASKED);
        dm::WalkGraphReq {
            query: Some(dm::GraphQuery {
                attempt_list: Some(attempt_list(asked)),
                ..dm::GraphQuery::default()
            }),
            limit: Some(Limit {
                max_depth: -1,
                ..Limit::default()
            }),
            include: Some(Include {
                attempt: Some(Options {
                    data: true,
                    result: true,
                    abnormal: true,
                    expired: true,
                    ..Options::default()
                }),
                fwd_deps: true,
                ..Include::default()
            }),
            exclude: Some(Exclude {
                attempts: Some(attempt_list(self.known.iter().copied())),
                ..Exclude::default()
            }),
            ..dm::WalkGraphReq::default()
        }
    }

    fn take(&mut self, graph: dm::GraphData) -> Result<()> {
        if graph.had_errors {
            bail!("the service could not read all of the graph");
        }
        for (quest, shown) in graph.quests {
            let quest: QuestId = quest.parse()?;
            for (number, attempt) in shown.attempts {
                let id = quest.attempt(number);
                if attempt.dne {
                    bail!("{id} does not exist");
                }
                let partial = attempt.partial.unwrap_or_default();
                if !partial.data && !partial.fwd_deps {
                    self.partial.remove(&id);
                    self.known.insert(id);
                } else if !self.known.contains(&id) {
                    self.partial.insert(id);
                }
            }
        }
        Ok(())
    }
}
