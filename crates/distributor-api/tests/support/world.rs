//! A service in a world of its own.

use std::path::Path;
use std::sync::Arc;

use distributor_api::notify::Inbound;
use distributor_api::{Access, Api, Caller, Identity, Parts, Status, Templates};
use distributor_core::dm::attempt::data::AttemptType;
use distributor_core::{
    AttemptId, Clock, ExecutionId, Host, ManualClock, Notification, TaskResult, Timestamp, dm,
};
use distributor_host::{Engine, Entrance, Settings, Surroundings};
use distributor_proto::acls::Acls;
use distributor_store::records::{AttemptRecord, DependencyRecord, QuestRecord};
use distributor_store::{MemoryStore, Store};

use super::backend::Backend;
use super::request::{id_of, request};

/// When every world begins; not a whole second.
const BEGINNING: Timestamp = Timestamp::from_micros(1_600_000_000_123_456);

pub(crate) struct World {
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) backend: Arc<Backend>,
    pub(crate) templates: Arc<Templates>,
    pub(crate) engine: Engine,
    pub(crate) api: Api,
    host: Arc<dyn Host>,
}

/// A running execution and its token.
#[derive(Debug, Clone)]
pub(crate) struct Job {
    pub(crate) execution: ExecutionId,
    pub(crate) token: Vec<u8>,
}

impl Job {
    pub(crate) fn auth(&self) -> dm::execution::Auth {
        dm::execution::Auth {
            id: Some(self.execution.into()),
            token: self.token.clone(),
        }
    }
}

pub(crate) fn anonymous() -> Caller {
    Caller::Anonymous
}

/// Somebody in the group of this name. `writers` may write, `readers` may read.
pub(crate) fn named(group: &str) -> Caller {
    Caller::Named(Identity {
        name: format!("somebody of {group}"),
        groups: vec![group.to_owned()],
    })
}

impl World {
    pub(crate) fn new() -> Self {
        let clock = Arc::new(ManualClock::new(BEGINNING));
        let store = Arc::new(MemoryStore::new());
        let backend = Arc::new(Backend::default());
        let surroundings = Surroundings {
            backends_directory: None,
            helper_program: None,
            topic: None,
        };
        let entrance = Entrance::new(clock.clone(), surroundings);
        let host = entrance.host();
        let source = Arc::new(Backend::registry(&backend, host.clone()));
        let engine = Engine::start(entrance, store.clone(), source, Settings::default());
        let engine = engine.expect("a host");
        let access = Access::nobody();
        access.replace(Ok(Acls {
            readers: vec!["readers".to_owned()],
            writers: vec!["writers".to_owned()],
        }));
        let templates = Arc::new(Templates::default());
        let api = Api::new(Parts {
            engine: engine.clone(),
            clock: clock.clone(),
            access: Arc::new(access),
            templates: templates.clone(),
            inbound: Inbound::new(&engine, Path::new("no-secrets"), clock.clone()),
        });
        World {
            clock,
            store,
            backend,
            templates,
            engine,
            api,
            host,
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// A writer's call.
    pub(crate) async fn ensure(
        &self,
        request: dm::EnsureGraphDataReq,
    ) -> Result<dm::EnsureGraphDataRsp, Status> {
        let caller = named("writers");
        self.api.ensure_graph_data(&caller, request).await
    }

    /// A job's call.
    pub(crate) async fn depend(
        &self,
        job: &Job,
        request: dm::EnsureGraphDataReq,
    ) -> Result<dm::EnsureGraphDataRsp, Status> {
        let request = dm::EnsureGraphDataReq {
            for_execution: Some(job.auth()),
            ..request
        };
        self.api.ensure_graph_data(&anonymous(), request).await
    }

    /// The first attempt of a quest, executing.
    pub(crate) async fn executing(&self, desc: &dm::quest::Desc) -> AttemptId {
        let ensured = self.ensure(request(std::slice::from_ref(desc))).await;
        assert!(ensured.expect("a good request").accepted);
        self.drain().await;
        id_of(desc).attempt(1)
    }

    pub(crate) async fn activate(
        &self,
        execution: ExecutionId,
        activation_token: &[u8],
        execution_token: &[u8],
    ) -> Result<(), Status> {
        let request = dm::ActivateExecutionReq {
            auth: Some(dm::execution::Auth {
                id: Some(execution.into()),
                token: activation_token.to_vec(),
            }),
            execution_token: execution_token.to_vec(),
        };
        self.api.activate_execution(&anonymous(), request).await
    }

    /// The task of the attempt's current execution claims it.
    pub(crate) async fn running(&self, attempt: AttemptId) -> Job {
        let execution = attempt.execution(self.get(attempt).current_execution);
        let job = Job {
            execution,
            token: vec![7; 32],
        };
        let invitation = self.backend.activation_token(execution);
        let activated = self.activate(execution, &invitation, &job.token).await;
        activated.expect("the right activation token");
        job
    }

    pub(crate) async fn finish(&self, job: &Job, object: &str) -> Result<(), Status> {
        let request = dm::FinishAttemptReq {
            auth: Some(job.auth()),
            data: Some(dm::JsonResult {
                object: object.to_owned(),
                ..Default::default()
            }),
        };
        self.api.finish_attempt(&anonymous(), request).await
    }

    /// The backend says that the task is over, and the host has recorded it.
    pub(crate) async fn end(&self, execution: ExecutionId, result: TaskResult) {
        let mut changes = self.engine.watch();
        self.backend.end(execution, result);
        self.host.notify(Notification::new(execution, ""));
        while !self.is_over(execution) {
            changes.recv().await.expect("a change");
        }
        self.drain().await;
    }

    fn is_over(&self, id: ExecutionId) -> bool {
        let found = self.store.execution(id.attempt, id.number);
        let execution = found.expect("executions").expect("the execution exists");
        execution.outcome.is_some()
    }

    /// A quest whose first attempt is finished, with this result.
    pub(crate) async fn finished(&self, desc: &dm::quest::Desc, object: &str) -> AttemptId {
        let attempt = self.executing(desc).await;
        let job = self.running(attempt).await;
        self.finish(&job, object).await.expect("a good result");
        self.end(job.execution, TaskResult::data("{}")).await;
        attempt
    }

    /// Returns once no call is under way and nothing is due.
    pub(crate) async fn drain(&self) {
        let mut quiet = 0;
        while quiet < 3 {
            self.engine.flush().await;
            tokio::task::yield_now().await;
            let journal = self.store.journal(0, 1).expect("the journal");
            let due = self.store.next_due().expect("the next due time");
            let is_quiet = journal.is_empty() && due.is_none_or(|due| due > self.now());
            quiet = if is_quiet { quiet + 1 } else { 0 };
        }
    }

    pub(crate) fn get(&self, attempt: AttemptId) -> AttemptRecord {
        self.find(attempt).expect("the attempt exists")
    }

    pub(crate) fn find(&self, attempt: AttemptId) -> Option<AttemptRecord> {
        self.store.attempts(&[attempt]).expect("attempts").remove(0)
    }

    pub(crate) fn quest(&self, desc: &dm::quest::Desc) -> Option<QuestRecord> {
        self.store.quests(&[id_of(desc)]).expect("quests").remove(0)
    }

    /// What the attempt depends on.
    pub(crate) fn dependencies(&self, attempt: AttemptId) -> Vec<DependencyRecord> {
        self.store.dependencies(attempt).expect("dependencies")
    }

    /// Nothing was ever stored.
    pub(crate) fn is_empty(&self) -> bool {
        let quests = self.store.quests_with_prefix("", 1).expect("quests");
        quests.is_empty()
    }
}

/// The attempt as an answer shows it.
#[track_caller]
pub(crate) fn shown(response: &dm::EnsureGraphDataRsp, attempt: AttemptId) -> &dm::Attempt {
    let result = response.result.as_ref().expect("a result");
    let quest = &result.quests[&attempt.quest.to_string()];
    &quest.attempts[&attempt.number]
}

/// The state of an attempt as an answer shows it.
#[track_caller]
pub(crate) fn state(attempt: &dm::Attempt) -> &AttemptType {
    let data = attempt.data.as_ref().expect("the attempt has data");
    data.attempt_type.as_ref().expect("a state")
}
