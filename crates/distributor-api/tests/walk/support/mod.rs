//! A service on a store that the tests fill themselves.

mod records;
mod source;
mod store;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use distributor_api::notify::Inbound;
use distributor_api::{Access, Api, Caller, Code, Parts, Status, Templates};
use distributor_core::{AttemptId, Clock, ManualClock, Timestamp};
use distributor_host::driver::Surroundings;
use distributor_host::{Engine, Entrance, Settings};
use distributor_proto::dm;
use distributor_proto::dm::walk_graph_req as wire;
use distributor_store::records::{AttemptRecord, DependencyRecord, ExecutionRecord, QuestRecord};
use distributor_store::{Batch, Store};

pub(crate) use records::{
    abnormal, attempt, data, executing, execution, finished, id, quest, quest_id, snapshot,
};
pub(crate) use source::Backends;
pub(crate) use store::FaultyStore;

/// When every world begins.
pub(crate) const BEGINNING: Timestamp = Timestamp::from_micros(1_600_000_000_000_000);

pub(crate) struct World {
    pub(crate) store: Arc<FaultyStore>,
    pub(crate) backends: Arc<Backends>,
    pub(crate) api: Api,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with_clock(Arc::new(ManualClock::new(BEGINNING)))
    }

    /// `clock` is the one of the calls.
    pub(crate) fn with_clock(clock: Arc<dyn Clock>) -> Self {
        let store = Arc::new(FaultyStore::default());
        let backends = Arc::new(Backends::default());
        let surroundings = Surroundings {
            backends_directory: None,
            helper_program: None,
            topic: None,
        };
        let entrance = Entrance::new(Arc::new(ManualClock::new(BEGINNING)), surroundings);
        let engine = Engine::start(
            entrance,
            store.clone(),
            backends.clone(),
            Settings::default(),
        );
        let engine = engine.expect("a host");
        let api = Api::new(Parts {
            inbound: Inbound::new(&engine, Path::new("no-secrets"), clock.clone()),
            engine,
            clock,
            access: Arc::new(Access::nobody()),
            templates: Arc::new(Templates::default()),
        });
        World {
            store,
            backends,
            api,
        }
    }

    /// Stores attempts, each with its quest.
    pub(crate) fn put(&self, attempts: impl IntoIterator<Item = AttemptRecord>) {
        let attempts: Vec<_> = attempts.into_iter().collect();
        let quests = attempts.iter().map(|attempt| records::quest_of(attempt.id));
        self.commit(Batch {
            quests: quests.collect(),
            attempts,
            ..Batch::default()
        });
    }

    pub(crate) fn put_quest(&self, quest: QuestRecord) {
        self.commit(Batch {
            quests: vec![quest],
            ..Batch::default()
        });
    }

    /// Stores that each first one depends on the second.
    pub(crate) fn depend(&self, edges: impl IntoIterator<Item = (AttemptId, AttemptId)>) {
        let edge = |(bit, (dependent, dependency))| DependencyRecord {
            dependent,
            dependency,
            bit,
            for_execution: 1,
            propagated: false,
        };
        self.commit(Batch {
            dependencies: (0..).zip(edges).map(edge).collect(),
            ..Batch::default()
        });
    }

    pub(crate) fn put_past(&self, attempt: AttemptId, executions: Vec<ExecutionRecord>) {
        let executions = executions.into_iter();
        self.commit(Batch {
            past_executions: executions.map(|execution| (attempt, execution)).collect(),
            ..Batch::default()
        });
    }

    fn commit(&self, batch: Batch) {
        self.store.commit(&batch).expect("a batch that is right");
    }

    /// A walk by somebody who may do everything.
    pub(crate) async fn walk(&self, request: dm::WalkGraphReq) -> dm::GraphData {
        let walked = self.api.walk_graph(&Caller::Trusted, request).await;
        walked.expect("a request that is right")
    }

    pub(crate) async fn refused(&self, caller: &Caller, request: dm::WalkGraphReq) -> Status {
        let walked = self.api.walk_graph(caller, request).await;
        walked.expect_err("a request that is not right")
    }

    /// Asks again for what is partial, as clients do, until there is no more. Gives the number of
    /// answers, and all of them joined.
    pub(crate) async fn walk_all(&self, request: dm::WalkGraphReq) -> (usize, dm::GraphData) {
        let mut whole = dm::GraphData::default();
        let mut next = request.clone();
        for answers in 1..1000 {
            let answer = self.walk(next.clone()).await;
            assert!(!answer.had_errors);
            let had_more = answer.had_more;
            merge(&mut whole, answer);
            let partial: Vec<_> = attempts(&whole)
                .filter(|(_, attempt)| attempt.partial.is_some())
                .map(|(id, _)| id)
                .collect();
            if !had_more {
                return (answers, whole);
            }
            assert!(!partial.is_empty(), "there is more, and nobody says where");
            next.query = Some(list(&partial));
        }
        panic!("a client that asks again and again never gets all");
    }
}

/// The rule of the original's clients: what is known well stays.
fn merge(whole: &mut dm::GraphData, answer: dm::GraphData) {
    for (id, quest) in answer.quests {
        let known = whole.quests.entry(id).or_default();
        for (number, attempt) in quest.attempts {
            let known = known.attempts.entry(number).or_insert(attempt.clone());
            if known.partial.is_some() {
                *known = attempt;
            }
        }
        known.data = known.data.take().or(quest.data);
    }
}

/// All attempts of an answer.
pub(crate) fn attempts(data: &dm::GraphData) -> impl Iterator<Item = (AttemptId, &dm::Attempt)> {
    data.quests.iter().flat_map(|(text, quest)| {
        let id: distributor_core::QuestId = text.parse().expect("a quest id");
        let attempts = quest.attempts.iter();
        attempts.map(move |(number, attempt)| (id.attempt(*number), attempt))
    })
}

/// Their names, sorted.
pub(crate) fn names(data: &dm::GraphData) -> Vec<AttemptId> {
    let mut names: Vec<_> = attempts(data).map(|(id, _)| id).collect();
    names.sort_unstable();
    names
}

/// An attempt that the answer holds.
#[track_caller]
pub(crate) fn shown(data: &dm::GraphData, id: AttemptId) -> &dm::Attempt {
    let quest = data.quests.get(&id.quest.to_string());
    let attempt = quest.and_then(|quest| quest.attempts.get(&id.number));
    attempt.expect("the attempt is in the answer")
}

/// The result's object and size.
#[track_caller]
pub(crate) fn result(attempt: &dm::Attempt) -> (&str, u32) {
    use dm::attempt::data::AttemptType;
    let data = attempt.data.as_ref().expect("data");
    match &data.attempt_type {
        Some(AttemptType::Finished(finished)) => {
            let data = finished.data.as_ref().expect("a result");
            (&data.object, data.size)
        }
        other => panic!("not finished: {other:?}"),
    }
}

/// An attempt list of these.
pub(crate) fn attempt_list(ids: &[AttemptId]) -> dm::AttemptList {
    let mut list = dm::AttemptList::default();
    for id in ids {
        let nums = list.to.entry(id.quest.to_string()).or_default();
        nums.nums.push(id.number);
    }
    list
}

/// A query for these attempts.
pub(crate) fn list(ids: &[AttemptId]) -> dm::GraphQuery {
    dm::GraphQuery {
        attempt_list: Some(attempt_list(ids)),
        ..Default::default()
    }
}

/// A query for all attempts of a quest.
pub(crate) fn all_of(quest: &str) -> dm::GraphQuery {
    let all = (quest_id(quest).to_string(), Default::default());
    dm::GraphQuery {
        attempt_list: Some(dm::AttemptList { to: [all].into() }),
        ..Default::default()
    }
}

/// A query for `low` up to and without `high`.
pub(crate) fn range(quest: &str, low: u32, high: u32) -> dm::GraphQuery {
    dm::GraphQuery {
        attempt_range: vec![dm::graph_query::AttemptRange {
            quest: quest_id(quest).to_string(),
            low,
            high,
        }],
        ..Default::default()
    }
}

/// A walk that shows what `include` says and follows up to `max_depth` edges.
pub(crate) fn walk(
    query: dm::GraphQuery,
    max_depth: i64,
    include: wire::Include,
) -> dm::WalkGraphReq {
    dm::WalkGraphReq {
        query: Some(query),
        include: Some(include),
        limit: Some(wire::Limit {
            max_depth,
            ..Default::default()
        }),
        ..Default::default()
    }
}

/// Shows nothing.
pub(crate) fn nothing() -> wire::Include {
    wire::Include::default()
}

/// Shows data and results of attempts.
pub(crate) fn results() -> wire::Include {
    wire::Include {
        attempt: Some(wire::include::Options {
            result: true,
            ..Default::default()
        }),
        ..Default::default()
    }
}

/// Shows all there is, but for abnormal and expired things, and ids.
pub(crate) fn everything() -> wire::Include {
    let options = wire::include::Options {
        data: true,
        ..Default::default()
    };
    let with_result = wire::include::Options {
        result: true,
        ..options
    };
    wire::Include {
        quest: Some(options),
        attempt: Some(with_result),
        execution: Some(with_result),
        num_executions: 128,
        fwd_deps: true,
        back_deps: true,
    }
}

/// Changes the limits of a request.
pub(crate) fn limited(
    mut request: dm::WalkGraphReq,
    change: impl FnOnce(&mut wire::Limit),
) -> dm::WalkGraphReq {
    change(request.limit.get_or_insert_default());
    request
}

/// Gives a request a direction.
pub(crate) fn towards(
    mut request: dm::WalkGraphReq,
    direction: wire::mode::Direction,
) -> dm::WalkGraphReq {
    request.mode.get_or_insert_default().direction = direction.into();
    request
}

/// A clock that moves on whenever somebody looks at it.
#[derive(Debug)]
pub(crate) struct SteppingClock {
    pub(crate) clock: ManualClock,
    pub(crate) step: Duration,
}

#[async_trait::async_trait]
impl Clock for SteppingClock {
    fn now(&self) -> Timestamp {
        let now = self.clock.now();
        self.clock.advance(self.step);
        now
    }

    async fn sleep_until(&self, deadline: Timestamp) {
        self.clock.sleep_until(deadline).await;
    }
}

/// The refusal's code and words.
#[track_caller]
pub(crate) fn assert_status(status: &Status, code: Code, part: &str) {
    assert_eq!(status.code, code, "{status}");
    assert!(status.message.contains(part), "{status}");
}
