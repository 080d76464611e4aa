//! Walks over random graphs, against a walk that is too simple to be wrong.

use std::collections::{BTreeMap, BTreeSet};

use distributor_api::Caller;
use distributor_core::AttemptId;
use distributor_proto::dm;
use distributor_proto::dm::attempt::partial;
use distributor_proto::dm::walk_graph_req as wire;

use crate::support::{
    World, abnormal, attempt, attempt_list, attempts, everything, executing, finished, list,
    quest_id, walk,
};
use distributor_store::records::AttemptRecord;

/// A seeded source of numbers (splitmix64).
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % end as u64).expect("small")
    }

    fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    fn some<T: Copy>(&mut self, from: &[T], one_in: usize) -> Vec<T> {
        from.iter()
            .copied()
            .filter(|_| self.one_in(one_in))
            .collect()
    }
}

const TOKEN: &[u8] = b"the token that the job has chosen";

/// A graph as plain sets.
struct Graph {
    world: World,
    /// Those that exist, and whether they ended abnormally.
    abnormal: BTreeMap<AttemptId, bool>,
    edges: BTreeSet<(AttemptId, AttemptId)>,
    /// A running one.
    own: AttemptId,
}

fn graph(random: &mut Random) -> Graph {
    let quests: Vec<_> = (0..12)
        .map(|number| quest_id(&format!("q{number}")))
        .collect();
    let size = 20 + random.below(180);
    let all: BTreeSet<_> = (0..size)
        .map(|_| quests[random.below(12)].attempt(1 + random.below(30) as u32))
        .collect();
    let all: Vec<_> = all.into_iter().collect();
    let own = all[random.below(all.len())];
    let mut abnormal_ones = BTreeMap::new();
    let mut records = Vec::new();
    for id in all.iter().copied() {
        let is_abnormal = id != own && random.one_in(10);
        abnormal_ones.insert(id, is_abnormal);
        records.push(if id == own {
            executing(id, TOKEN)
        } else if is_abnormal {
            AttemptRecord {
                state: dm::attempt::State::AbnormalFinished,
                outcome: Some(abnormal("crashed")),
                ..attempt(id)
            }
        } else {
            finished(id, "{\"a\":1}")
        });
    }
    let mut edges = BTreeSet::new();
    for _ in 0..random.below(3 * all.len()) {
        edges.insert((all[random.below(all.len())], all[random.below(all.len())]));
    }
    let world = World::new();
    world.put(records);
    world.depend(edges.iter().copied());
    Graph {
        world,
        abnormal: abnormal_ones,
        edges,
        own,
    }
}

struct Question {
    roots: Vec<AttemptId>,
    exclude: Vec<AttemptId>,
    depth: Option<usize>,
    forwards: bool,
    backwards: bool,
    abnormal: bool,
    by_execution: bool,
}

impl Graph {
    fn is_filtered(&self, question: &Question, id: AttemptId) -> bool {
        !question.abnormal && self.abnormal.get(&id) == Some(&true)
    }

    /// Distances of all that a walk finds: one whole pass over all edges for each step.
    fn found(&self, question: &Question) -> BTreeMap<AttemptId, usize> {
        let is_excluded = |id: &AttemptId| question.exclude.contains(id);
        let roots = question.roots.iter().filter(|id| !is_excluded(id));
        let mut found: BTreeMap<_, _> = roots.map(|id| (*id, 0)).collect();
        for distance in 1..=question.depth.unwrap_or(self.abnormal.len()) {
            let before = found.clone();
            for (from, to) in &self.edges {
                let ways = [
                    (question.forwards, from, to),
                    (question.backwards, to, from),
                ];
                for (_, from, to) in ways.into_iter().filter(|(is_followed, ..)| *is_followed) {
                    if before.contains_key(from)
                        && !self.is_filtered(question, *from)
                        && !is_excluded(to)
                    {
                        found.entry(*to).or_insert(distance);
                    }
                }
            }
        }
        found
    }

    /// Whose results the execution may see, of those that were found.
    fn visible(
        &self,
        question: &Question,
        found: &BTreeMap<AttemptId, usize>,
    ) -> BTreeSet<AttemptId> {
        let expands = |id: &AttemptId| {
            let distance = found.get(id);
            distance.is_some_and(|distance| question.depth.is_none_or(|depth| *distance < depth))
        };
        let own_needs = self.edges.iter().filter(|(from, _)| *from == self.own);
        let mut visible: BTreeSet<_> = own_needs.map(|(_, to)| *to).collect();
        visible.insert(self.own);
        loop {
            let more: BTreeSet<_> = self
                .edges
                .iter()
                .filter(|(from, to)| {
                    question.forwards
                        && expands(from)
                        && visible.contains(from)
                        && !self.is_filtered(question, *from)
                        && found.contains_key(to)
                        && !visible.contains(to)
                })
                .map(|(_, to)| *to)
                .collect();
            if more.is_empty() {
                return visible;
            }
            visible.extend(more);
        }
    }
}

async fn check(graph: &Graph, question: &Question, dfs: bool, context: &str) {
    let mut include = everything();
    include.attempt.get_or_insert_default().abnormal = question.abnormal;
    let depth = question.depth.map_or(-1, |depth| depth as i64);
    let request = dm::WalkGraphReq {
        auth: question.by_execution.then(|| dm::execution::Auth {
            id: Some(graph.own.execution(1).into()),
            token: TOKEN.to_vec(),
        }),
        mode: Some(wire::Mode {
            dfs,
            direction: match (question.forwards, question.backwards) {
                (true, false) => 0,
                (false, true) => 1,
                _ => 2,
            },
        }),
        exclude: Some(wire::Exclude {
            attempts: Some(attempt_list(&question.exclude)),
            ..Default::default()
        }),
        ..walk(list(&question.roots), depth, include)
    };
    let answer = graph.world.api.walk_graph(&Caller::Trusted, request).await;
    let answer = answer.expect("a request that is right");
    assert!(!answer.had_more && !answer.had_errors, "{context}");

    let found = graph.found(question);
    let names: BTreeSet<_> = attempts(&answer).map(|(id, _)| id).collect();
    assert_eq!(names, found.keys().copied().collect(), "{context}");
    let visible = graph.visible(question, &found);
    for (id, attempt) in attempts(&answer) {
        let exists = graph.abnormal.contains_key(&id);
        assert_eq!(attempt.dne, !exists, "{context}: {id}");
        if !exists || graph.is_filtered(question, id) {
            assert_eq!(
                (&attempt.data, &attempt.partial),
                (&None, &None),
                "{context}: {id}"
            );
            continue;
        }
        let ends = |own: fn(&(AttemptId, AttemptId)) -> (AttemptId, AttemptId)| {
            let edges = graph.edges.iter().map(own);
            let mut ends: Vec<_> = edges.filter(|it| it.0 == id).map(|it| it.1).collect();
            ends.reverse();
            Some(attempt_list(&ends))
        };
        assert_eq!(attempt.fwd_deps, ends(|edge| *edge), "{context}: {id}");
        assert_eq!(
            attempt.back_deps,
            ends(|edge| (edge.1, edge.0)),
            "{context}: {id}"
        );
        let has_result = id != graph.own && graph.abnormal.get(&id) == Some(&false);
        let is_withheld = has_result && question.by_execution && !visible.contains(&id);
        let expected = is_withheld.then_some(partial::Result::NotAuthorized);
        let partial = attempt.partial.map(|partial| partial.result());
        assert_eq!(partial, expected, "{context}: {id}");
    }
}

#[tokio::test]
async fn random_walks_find_what_a_simple_walk_finds() {
    for seed in 0..60 {
        let mut random = Random(seed);
        let graph = graph(&mut random);
        let known: Vec<_> = graph.abnormal.keys().copied().collect();
        for number in 0..6 {
            let direction = random.below(3);
            let mut roots = random.some(&known, 12);
            roots.push(known[random.below(known.len())]);
            if random.one_in(3) {
                roots.push(quest_id("unknown").attempt(1));
            }
            let question = Question {
                roots,
                exclude: match random.one_in(2) {
                    true => random.some(&known, 8),
                    false => Vec::new(),
                },
                depth: match random.below(6) {
                    5 => None,
                    depth => Some(depth),
                },
                forwards: direction != 1,
                backwards: direction != 0,
                abnormal: random.one_in(2),
                by_execution: random.one_in(2),
            };
            for dfs in [false, true] {
                let context = format!("seed {seed}, question {number}, dfs {dfs}");
                check(&graph, &question, dfs, &context).await;
            }
        }
    }
}
