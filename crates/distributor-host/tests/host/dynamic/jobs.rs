//! Jobs and their tasks, outside of the host, and what they see of it that should not be.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard};

use distributor_core::dm::JsonResult;
use distributor_core::dm::abnormal_finish::Status;
use distributor_core::dm::quest::desc::meta::Retry;
use distributor_core::{AttemptId, ExecutionId, QuestId, Secret, TaskResult, TaskState};
use distributor_host::Engine;
use distributor_host::driver::{CallError, Dependent, GraphAnswer, GraphRequest};
use distributor_host::machine::Refusal;
use distributor_store::Store;
use distributor_store::records::Outcome;

use crate::support::{Quest, Random, Reply, Seen, job, secs, started, transient};

/// What jobs do, decided by the seed, the quest and the execution.
pub(super) struct Plans {
    seed: u64,
    pub(super) quests: Vec<Quest>,
    /// By quest: what its job asks for, one after the other.
    wishes: HashMap<QuestId, Vec<Wish>>,
}

/// First attempts of some quests, and perhaps the second one of another, which may not exist.
struct Wish {
    quests: Vec<usize>,
    raw: Option<usize>,
}

impl Plans {
    pub(super) fn new(random: &mut Random, seed: u64) -> Self {
        let count = 2 + random.below(12);
        let mut any = |below: u64| usize::try_from(random.below(below)).expect("small");
        let mut quests: Vec<Quest> = Vec::new();
        let mut wishes = HashMap::new();
        for name in 0..count {
            let retry = Retry {
                failed: u32::try_from(any(3)).expect("small"),
                expired: 20,
                ..Default::default()
            };
            let mut quest = job(name).retry(retry);
            if let Some(need) = quests.get(any(20)) {
                quest = quest.needs(&[need.attempt()]);
            }
            // Anybody, itself included.
            let rounds = (0..any(4)).map(|_| Wish {
                quests: (0..=any(4)).map(|_| any(count)).collect(),
                raw: Some(any(count)).filter(|_| any(3) == 0),
            });
            wishes.insert(quest.id(), rounds.collect());
            quests.push(quest);
        }
        Plans {
            seed,
            quests,
            wishes,
        }
    }

    /// A request must name what others of it need, and earlier.
    fn with_needs(&self, wish: &[usize]) -> Vec<usize> {
        let mut wanted: HashSet<usize> = wish.iter().copied().collect();
        for at in (0..self.quests.len()).rev() {
            if wanted.contains(&at) {
                let needs = self.quests[at].waits_for().iter();
                let is_needed = |need: &AttemptId| {
                    let mut quests = self.quests.iter();
                    quests.position(|quest| quest.attempt() == *need)
                };
                wanted.extend(needs.filter_map(is_needed));
            }
        }
        let mut wanted: Vec<usize> = wanted.into_iter().collect();
        wanted.sort_unstable();
        wanted
    }

    /// The wish before which this execution fails; the number after the last is its end.
    pub(super) fn failure(&self, id: ExecutionId) -> Option<(usize, bool)> {
        let word = id.attempt.quest.as_bytes().iter();
        let word = word.fold(0_u64, |word, byte| word.rotate_left(8) ^ u64::from(*byte));
        let mut random = Random::new(
            self.seed ^ word ^ (u64::from(id.number) << 17) ^ u64::from(id.attempt.number),
        );
        let at = usize::try_from(random.below(4)).expect("small");
        let after_halt = random.one_in(2);
        random.one_in(4).then_some((at, after_halt))
    }
}

/// A task, and the job in it.
#[derive(Clone)]
pub(super) struct Agent {
    pub(super) id: ExecutionId,
    activation: Vec<u8>,
    activated: bool,
    /// The next wish.
    wish: usize,
    /// Whom it was told to wait for.
    waits_for: Vec<AttemptId>,
    delivered: bool,
    pub(super) end: Option<TaskResult>,
}

impl Agent {
    fn token(&self) -> Secret {
        let byte = u8::try_from(self.id.number % 250).expect("small");
        Secret::new(vec![byte; 32])
    }

    pub(super) fn data(&self) -> String {
        format!(r#"{{"execution":{}}}"#, self.id.number)
    }

    pub(super) fn state(&self) -> TaskState {
        match &self.end {
            Some(end) => TaskState::Finished(end.clone()),
            None => TaskState::Running,
        }
    }

    fn exit(&mut self) {
        self.end.get_or_insert(TaskResult::data(self.data()));
    }

    fn fail(&mut self) {
        let failed = TaskResult::abnormal(Status::Failed, "as planned");
        self.end.get_or_insert(failed);
    }
}

/// What is true outside of the host.
pub(super) struct Outside {
    pub(super) plans: Plans,
    pub(super) random: Random,
    pub(super) calm: bool,
    pub(super) store: Arc<dyn Store>,
    pub(super) agents: HashMap<String, Agent>,
    /// Dependencies that jobs were told of.
    pub(super) accepted: HashSet<(AttemptId, AttemptId)>,
    pub(super) halts: usize,
    pub(super) cycles: usize,
    /// What should not have been; a panic in a backend would be lost.
    pub(super) violations: Vec<String>,
}

pub(super) type Shared = Arc<Mutex<Outside>>;

pub(super) fn lock(outside: &Shared) -> MutexGuard<'_, Outside> {
    outside.lock().expect("outside")
}

impl Outside {
    pub(super) fn trouble<T>(&mut self) -> Option<Reply<T>> {
        if self.calm {
            return None;
        }
        match self.random.below(16) {
            0 => Some(Reply::Panic),
            1 => Some(Reply::Now(Err(transient("busy")))),
            _ => None,
        }
    }

    pub(super) fn start(&mut self, seen: &Seen) -> Reply<distributor_core::Started> {
        let id = seen.execution.expect("run has an execution");
        self.check_start(id);
        if let Some(trouble) = self.trouble() {
            return trouble;
        }
        let agent = self.agents.entry(seen.task()).or_insert_with(|| Agent {
            id,
            activation: seen.activation_token.clone(),
            activated: false,
            wish: 0,
            waits_for: Vec::new(),
            delivered: false,
            end: None,
        });
        let state = match agent.state() {
            // Whoever only waits for his activation is not running yet.
            TaskState::Running => TaskState::Pending,
            over => over,
        };
        let poll = secs(1 + self.random.below(30));
        if !self.calm && self.random.one_in(10) {
            return Reply::Now(Err(transient("lost reply")));
        }
        Reply::Now(Ok(started(&seen.task(), poll, state)))
    }

    /// Nothing of the attempt runs, and what it waited for is over.
    fn check_start(&mut self, id: ExecutionId) {
        let executions = self.store.executions(id.attempt, 99).expect("executions");
        let ended = |number| {
            let found = executions.iter().find(|it| it.number == number);
            found.and_then(|execution| execution.outcome.clone())
        };
        let mut violations = Vec::new();
        let earlier = self
            .agents
            .values()
            .filter(|it| it.id.attempt == id.attempt);
        for agent in earlier.filter(|it| it.id.number < id.number) {
            let outcome = ended(agent.id.number);
            let given_up = matches!(&outcome, Some(Outcome::Abnormal(finish))
                if finish.status() == Status::Expired);
            if agent.end.is_none() && !given_up {
                violations.push(format!("{id} starts while {} runs", agent.id));
            }
            let is_last = agent.id.number + 1 == id.number;
            if is_last && matches!(outcome, Some(Outcome::Data(_))) {
                let waited = self.store.attempts(&agent.waits_for).expect("attempts");
                if !waited.iter().flatten().all(|it| it.is_final()) {
                    violations.push(format!("{id} starts too early"));
                }
            }
        }
        self.violations.extend(violations);
    }

    /// The way of a cycle is one of dependencies.
    fn check_cycle(&mut self, dependent: AttemptId, cycle: &[AttemptId]) {
        self.cycles += 1;
        let mut is_right = cycle.len() > 1;
        is_right &= cycle.first() == Some(&dependent) && cycle.last() == Some(&dependent);
        for pair in cycle.windows(2).skip(1) {
            let edges = self.store.dependencies(pair[0]).expect("dependencies");
            // One that was to be created with this need was not.
            let exists = self.store.attempts(&pair[..1]).expect("attempts")[0].is_some();
            is_right &= !exists || edges.iter().any(|edge| edge.dependency == pair[1]);
        }
        if !is_right {
            self.violations.push(format!("{dependent}: {cycle:?}"));
        }
    }

    pub(super) fn with_agent(&mut self, task: &str, change: impl FnOnce(&mut Agent)) {
        if let Some(agent) = self.agents.get_mut(task) {
            change(agent);
        }
    }
}

/// The job in `task` does its next step.
pub(super) async fn act(engine: Engine, outside: Shared, task: String) {
    let agent = lock(&outside).agents[&task].clone();
    if agent.end.is_some() {
        return;
    }
    let answered = |change: &dyn Fn(&mut Agent)| lock(&outside).with_agent(&task, change);
    if !agent.activated {
        let activation = Secret::new(agent.activation.clone());
        match engine.activate(agent.id, activation, agent.token()).await {
            Ok(()) => answered(&|agent| agent.activated = true),
            Err(CallError::Refused(Refusal::Denied(_) | Refusal::AlreadyActivated)) => {
                answered(&Agent::exit);
            }
            Err(_) => {}
        }
        return;
    }
    let (request, failure) = next(&outside, &engine, &agent);
    if failure.is_some_and(|(at, after_halt)| at == agent.wish && !after_halt) {
        return answered(&Agent::fail);
    }
    let Some(request) = request else {
        let result = JsonResult {
            object: agent.data(),
            ..Default::default()
        };
        match engine.finish_attempt(agent.id, agent.token(), result).await {
            Ok(()) => answered(&|agent| {
                agent.delivered = true;
                agent.exit();
            }),
            Err(CallError::Refused(_)) => answered(&Agent::exit),
            Err(_) => {}
        }
        return;
    };
    match engine.ensure_graph(request).await {
        Ok(GraphAnswer {
            attempts, halted, ..
        }) => {
            let ids: Vec<AttemptId> = attempts.iter().map(|it| it.id).collect();
            let dependent = agent.id.attempt;
            let edges = ids.iter().map(|id| (dependent, *id));
            lock(&outside).accepted.extend(edges);
            if !halted {
                return answered(&|agent| agent.wish += 1);
            }
            lock(&outside).halts += 1;
            let fails = failure.is_some_and(|(at, _)| at == agent.wish);
            answered(&|agent| {
                agent.waits_for.clone_from(&ids);
                if fails {
                    agent.fail();
                } else {
                    agent.exit();
                }
            });
        }
        Err(CallError::Cycle(cycle)) => {
            lock(&outside).check_cycle(agent.id.attempt, &cycle);
            answered(&|agent| agent.wish += 1);
        }
        Err(CallError::AbsentQuest(_)) => answered(&|agent| agent.wish += 1),
        Err(CallError::Refused(_)) => answered(&Agent::exit),
        Err(_) => {}
    }
}

/// The job's next request, unless it has no further wish, and where it fails.
fn next(
    outside: &Shared,
    engine: &Engine,
    agent: &Agent,
) -> (Option<GraphRequest>, Option<(usize, bool)>) {
    let outside = lock(outside);
    let plans = &outside.plans;
    let wish = plans.wishes[&agent.id.attempt.quest].get(agent.wish);
    let request = wish.map(|wish| {
        let quests = plans.with_needs(&wish.quests).into_iter();
        let quests = quests.map(|at| plans.quests[at].part(engine, &[1]));
        let raw = wish.raw.iter();
        let raw = raw.map(|at| plans.quests[*at].id().attempt(2));
        GraphRequest {
            quests: quests.collect(),
            attempts: raw.collect(),
            dependent: Some(Dependent {
                execution: agent.id,
                token: agent.token(),
            }),
        }
    });
    (request, plans.failure(agent.id))
}
