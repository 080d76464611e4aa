//! A graph in memory that keeps the rules of the real one, as far as a job can see them: quests,
//! attempts, executions, tokens, halting and waking. No store, no timers, no retries.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use distributor_backend_jobsim::{CallError, Code};
use distributor_core::dm::attempt::data::AttemptType;
use distributor_core::dm::attempt::{self, data};
use distributor_core::{AttemptId, ExecutionId, QuestId, TaskResult, dm};
use sha2::{Digest, Sha256};

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Outcome {
    /// With this result object.
    Data(dm::JsonResult),
    /// Without.
    Abnormal(dm::AbnormalFinish),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Scheduling,
    Running,
    Stopping,
    Over,
}

#[derive(Debug)]
struct Execution {
    phase: Phase,
    token: Vec<u8>,
}

/// An attempt as it stands.
#[derive(Debug, Default)]
pub(crate) struct Attempt {
    executions: Vec<Execution>,
    waits_for: BTreeSet<AttemptId>,
    waiting: bool,
    stored: Option<dm::JsonResult>,
    previous: Option<dm::JsonResult>,
    /// Set once it is over.
    pub(crate) outcome: Option<Outcome>,
}

impl Attempt {
    /// How many executions it took.
    pub(crate) fn executions(&self) -> usize {
        self.executions.len()
    }
}

/// An execution that is to be started.
#[derive(Debug, Clone)]
pub(crate) struct Start {
    pub(crate) id: ExecutionId,
    pub(crate) desc: dm::quest::Desc,
    pub(crate) activation_token: Vec<u8>,
    pub(crate) previous: Option<dm::JsonResult>,
}

/// Everything.
#[derive(Debug, Default)]
pub(crate) struct Graph {
    pub(crate) quests: HashMap<QuestId, dm::quest::Desc>,
    pub(crate) attempts: BTreeMap<AttemptId, Attempt>,
    /// What has to be started, oldest first.
    pub(crate) starts: Vec<Start>,
}

fn denied(message: &str) -> CallError {
    CallError::new(Code::PermissionDenied, message)
}

/// As the host makes them, but known to the tests.
pub(crate) fn activation_token(id: ExecutionId) -> Vec<u8> {
    Sha256::digest(format!("activation {id}")).to_vec()
}

impl Graph {
    /// Makes quest and attempt, unless they exist.
    pub(crate) fn ensure_attempt(&mut self, desc: &dm::quest::Desc, number: u32) -> AttemptId {
        let text = format!("{}\0{}", desc.distributor_config_name, desc.parameters);
        let quest = QuestId::from_bytes(Sha256::digest(text).into());
        self.quests.entry(quest).or_insert_with(|| desc.clone());
        let id = quest.attempt(number);
        if let Entry::Vacant(vacant) = self.attempts.entry(id) {
            vacant.insert(Attempt::default());
            self.schedule(id);
        }
        id
    }

    fn schedule(&mut self, id: AttemptId) {
        let attempt = self.attempts.get_mut(&id).expect("an attempt");
        attempt.waiting = false;
        let number = u32::try_from(attempt.executions.len() + 1).expect("few executions");
        let execution = id.execution(number);
        let token = activation_token(execution);
        attempt.executions.push(Execution {
            phase: Phase::Scheduling,
            token: token.clone(),
        });
        self.starts.push(Start {
            id: execution,
            desc: self.quests[&id.quest].clone(),
            activation_token: token,
            previous: attempt.previous.clone(),
        });
    }

    fn execution(
        &mut self,
        auth: Option<&dm::execution::Auth>,
    ) -> Result<(ExecutionId, &mut Attempt), CallError> {
        let auth = auth.ok_or_else(|| CallError::new(Code::InvalidArgument, "auth: is missing"))?;
        let id = ExecutionId::try_from(auth)
            .map_err(|error| CallError::new(Code::InvalidArgument, error.to_string()))?;
        let attempt = self
            .attempts
            .get_mut(&id.attempt)
            .ok_or_else(|| CallError::new(Code::Internal, "no such attempt"))?;
        if attempt.executions.len() != usize::try_from(id.number).expect("small") {
            return Err(denied("not the current execution"));
        }
        Ok((id, attempt))
    }

    fn running(
        &mut self,
        auth: Option<&dm::execution::Auth>,
    ) -> Result<(ExecutionId, &mut Attempt), CallError> {
        let token = auth.map(|auth| auth.token.clone()).unwrap_or_default();
        let (id, attempt) = self.execution(auth)?;
        match attempt.executions.last() {
            Some(it) if it.phase == Phase::Running && it.token == token => Ok((id, attempt)),
            _ => Err(denied("not a running execution, or the wrong token")),
        }
    }

    pub(crate) fn activate(&mut self, request: &dm::ActivateExecutionReq) -> Result<(), CallError> {
        if request.execution_token.len() < 32 {
            return Err(CallError::new(
                Code::InvalidArgument,
                "execution_token: is too short",
            ));
        }
        let auth = request.auth.as_ref();
        let given = auth.map(|auth| auth.token.clone()).unwrap_or_default();
        let (_, attempt) = self.execution(auth)?;
        let execution = attempt.executions.last_mut().expect("the current one");
        match execution.phase {
            Phase::Scheduling if execution.token == given => {
                execution.phase = Phase::Running;
                execution.token.clone_from(&request.execution_token);
                Ok(())
            }
            Phase::Running if execution.token == request.execution_token => Ok(()),
            Phase::Running => Err(CallError::new(
                Code::AlreadyExists,
                "somebody else activated it",
            )),
            _ => Err(denied("wrong activation token or wrong state")),
        }
    }

    pub(crate) fn finish(&mut self, request: &dm::FinishAttemptReq) -> Result<(), CallError> {
        let (_, attempt) = self.running(request.auth.as_ref())?;
        attempt.stored.clone_from(&request.data);
        stop(attempt);
        Ok(())
    }

    pub(crate) fn ensure(
        &mut self,
        request: &dm::EnsureGraphDataReq,
    ) -> Result<dm::EnsureGraphDataRsp, CallError> {
        let unauthenticated =
            |error: CallError| CallError::new(Code::Unauthenticated, error.message);
        let (execution, _) = self
            .running(request.for_execution.as_ref())
            .map_err(unauthenticated)?;
        let include = request.include.and_then(|include| include.attempt);
        assert!(
            include.is_some_and(|include| include.result),
            "results are needed"
        );
        assert!(!request.quest.is_empty(), "a request for nothing");
        assert_eq!(request.quest.len(), request.quest_attempt.len());
        let mut quest_ids = Vec::new();
        let mut waited_for = BTreeSet::new();
        for (desc, numbers) in request.quest.iter().zip(&request.quest_attempt) {
            assert_eq!(desc.distributor_parameters, "{}");
            assert!(
                numbers.nums.is_sorted_by(|left, right| left > right),
                "{numbers:?}"
            );
            for number in &numbers.nums {
                waited_for.insert(self.ensure_attempt(desc, *number));
            }
            quest_ids.push(waited_for_quest(self, desc).into());
        }
        let pending: BTreeSet<AttemptId> = waited_for
            .iter()
            .copied()
            .filter(|id| self.attempts[id].outcome.is_none())
            .collect();
        let should_halt = !pending.is_empty();
        let result = (!should_halt).then(|| self.result(&waited_for));
        let (_, attempt) = self.running(request.for_execution.as_ref())?;
        if should_halt {
            attempt.waits_for = pending;
            stop(attempt);
        }
        assert_eq!(
            attempt.executions.len(),
            usize::try_from(execution.number).expect("small")
        );
        Ok(dm::EnsureGraphDataRsp {
            accepted: true,
            quest_ids,
            result,
            should_halt,
            ..Default::default()
        })
    }

    /// Also holds an attempt that nobody asked for.
    fn result(&self, wanted: &BTreeSet<AttemptId>) -> dm::GraphData {
        let mut graph = dm::GraphData::default();
        for id in wanted {
            let attempt_type = match &self.attempts[id].outcome {
                Some(Outcome::Data(data)) => AttemptType::Finished(data::Finished {
                    data: Some(data.clone()),
                }),
                Some(Outcome::Abnormal(finish)) => AttemptType::AbnormalFinish(finish.clone()),
                None => panic!("{id} is not over"),
            };
            let attempt = dm::Attempt {
                data: Some(attempt::Data {
                    attempt_type: Some(attempt_type),
                    ..Default::default()
                }),
                ..Default::default()
            };
            let quest = graph.quests.entry(id.quest.to_string()).or_default();
            quest.attempts.insert(id.number, attempt);
            quest.attempts.insert(u32::MAX, dm::Attempt::default());
        }
        graph
            .quests
            .insert("stranger".to_owned(), dm::Quest::default());
        graph
    }

    /// The backend says how a task ended.
    pub(crate) fn task_ended(&mut self, id: ExecutionId, result: TaskResult) {
        let Some(attempt) = self.attempts.get_mut(&id.attempt) else {
            return;
        };
        let is_current = attempt.executions.len() == usize::try_from(id.number).expect("small");
        let Some(execution) = attempt.executions.last_mut().filter(|_| is_current) else {
            return;
        };
        let phase = std::mem::replace(&mut execution.phase, Phase::Over);
        let outcome = match (result, phase) {
            (_, Phase::Over) => return,
            (TaskResult::Abnormal(finish), _) => Outcome::Abnormal(finish),
            (TaskResult::Data(state), Phase::Stopping) => {
                attempt.previous = Some(state);
                match attempt.stored.take() {
                    Some(result) => Outcome::Data(result),
                    None => {
                        attempt.waiting = true;
                        return self.wake(id.attempt);
                    }
                }
            }
            (TaskResult::Data(_), phase) => Outcome::Abnormal(dm::AbnormalFinish {
                status: dm::abnormal_finish::Status::Failed.into(),
                reason: format!("finished while {phase:?}"),
            }),
        };
        attempt.outcome = Some(outcome);
        let dependents: Vec<AttemptId> = self.attempts.keys().copied().collect();
        for dependent in dependents {
            self.wake(dependent);
        }
    }

    /// Executes a waiting attempt again if all it waits for is over.
    fn wake(&mut self, id: AttemptId) {
        let attempt = &self.attempts[&id];
        let is_over = |id: &AttemptId| self.attempts[id].outcome.is_some();
        if attempt.waiting && attempt.waits_for.iter().all(is_over) {
            self.schedule(id);
        }
    }

    /// Executions whose tasks the host must ask for after a restart.
    pub(crate) fn unfinished(&self) -> Vec<ExecutionId> {
        let mut unfinished = Vec::new();
        for (id, attempt) in &self.attempts {
            let number = u32::try_from(attempt.executions.len()).expect("few executions");
            let id = id.execution(number);
            let is_over = attempt
                .executions
                .last()
                .is_none_or(|it| it.phase == Phase::Over);
            if !is_over && self.starts.iter().all(|start| start.id != id) {
                unfinished.push(id);
            }
        }
        unfinished
    }
}

fn waited_for_quest(graph: &Graph, desc: &dm::quest::Desc) -> QuestId {
    let found = graph.quests.iter().find(|(_, known)| *known == desc);
    *found.expect("just made").0
}

fn stop(attempt: &mut Attempt) {
    let execution = attempt.executions.last_mut().expect("the current one");
    execution.phase = Phase::Stopping;
    execution.token.clear();
}
