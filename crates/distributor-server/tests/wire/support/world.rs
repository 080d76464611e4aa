//! A service on a port, and those who call it.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use distributor_api::notify::Inbound;
use distributor_api::{Access, Api, Parts, Templates, TokenDirectory};
use distributor_core::{
    AttemptId, Clock, ExecutionId, Host, ManualClock, Notification, TaskResult, Timestamp, dm,
};
use distributor_host::{Engine, Entrance, Settings, Surroundings};
use distributor_proto::acls::Acls;
use distributor_server::Bound;
use distributor_store::records::AttemptRecord;
use distributor_store::{MemoryStore, Store};
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::backend::Backend;
use super::request::{id_of, nums, request};
use crate::ground;
use crate::wire::{Answer, Wire};

/// When every world begins; not a whole second.
const BEGINNING: Timestamp = Timestamp::from_micros(1_600_000_000_123_456);

/// A service that runs; jobs call it as [`World::anonymous`], because their token is in the request.
pub(crate) struct World<W> {
    pub(crate) address: SocketAddr,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) backend: Arc<Backend>,
    pub(crate) access: Arc<Access>,
    pub(crate) templates: Arc<Templates>,
    pub(crate) tokens: TokenDirectory,
    /// Is in the group of writers.
    pub(crate) writer: W,
    /// Is in the group of readers.
    pub(crate) reader: W,
    /// Shows no token.
    pub(crate) anonymous: W,
    engine: Engine,
    pub(crate) store: Arc<MemoryStore>,
    host: Arc<dyn Host>,
    stop: oneshot::Sender<()>,
    served: JoinHandle<()>,
    _directory: TempDir,
}

/// A running execution and its token.
#[derive(Debug, Clone)]
pub(crate) struct Job {
    pub(crate) execution: ExecutionId,
    pub(crate) token: Vec<u8>,
}

impl Job {
    pub(crate) fn attempt(&self) -> AttemptId {
        self.execution.attempt
    }

    pub(crate) fn auth(&self) -> dm::execution::Auth {
        dm::execution::Auth {
            id: Some(self.execution.into()),
            token: self.token.clone(),
        }
    }
}

impl<W: Wire> World<W> {
    pub(crate) async fn new() -> Self {
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
        let access = Arc::new(Access::nobody());
        access.replace(Ok(Acls {
            readers: vec!["readers".to_owned()],
            writers: vec!["writers".to_owned()],
        }));
        let templates = Arc::new(Templates::default());
        let api = Api::new(Parts {
            engine: engine.clone(),
            clock: clock.clone(),
            access: access.clone(),
            templates: templates.clone(),
            inbound: Inbound::new(&engine, Path::new("no-secrets"), clock.clone()),
        });

        let directory = TempDir::new().expect("a directory");
        let tokens = TokenDirectory::new(directory.path().join("tokens"));
        let settings = distributor_server::Settings {
            open: false,
            ..ground::settings()
        };
        let bound = Bound::new(settings).await.expect("a free port");
        let address = bound.address();
        let (stop, stopping) = oneshot::channel();
        let served = tokio::spawn(bound.serve(api, Arc::new(tokens.clone()), async move {
            // A world that is dropped stops too.
            let _dropped = stopping.await;
        }));
        let member_of = |group: &str| {
            let token = token_for(&tokens, group);
            W::new(address, Some(&token))
        };
        World {
            address,
            clock,
            backend,
            access,
            templates,
            writer: member_of("writers"),
            reader: member_of("readers"),
            anonymous: W::new(address, None),
            tokens,
            engine,
            store,
            host,
            stop,
            served,
            _directory: directory,
        }
    }

    /// Returns once the server has returned.
    pub(crate) async fn stopped(self) {
        drop(self.stop);
        self.served.await.expect("the server does not panic");
        self.engine.stop().await;
    }

    /// Somebody in this group, whose name is `somebody`.
    pub(crate) fn member_of(&self, group: &str) -> W {
        W::new(self.address, Some(&token_for(&self.tokens, group)))
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// A job's call.
    pub(crate) async fn depend(
        &self,
        job: &Job,
        request: dm::EnsureGraphDataReq,
    ) -> Answer<dm::EnsureGraphDataRsp> {
        let request = dm::EnsureGraphDataReq {
            for_execution: Some(job.auth()),
            ..request
        };
        self.anonymous.ensure_graph_data(request).await
    }

    /// The first attempt of a quest, executing.
    pub(crate) async fn executing(&self, desc: &dm::quest::Desc) -> AttemptId {
        let [attempt] = self
            .executing_each(desc, &[1])
            .await
            .try_into()
            .expect("one");
        attempt
    }

    /// These attempts of a quest, executing.
    pub(crate) async fn executing_each(
        &self,
        desc: &dm::quest::Desc,
        numbers: &[u32],
    ) -> Vec<AttemptId> {
        let mut ensure = request(std::slice::from_ref(desc));
        ensure.quest_attempt = vec![nums(numbers)];
        let ensured = self.writer.ensure_graph_data(ensure).await;
        assert!(ensured.expect("a good request").accepted);
        self.drain().await;
        let quest = id_of(desc);
        numbers
            .iter()
            .map(|number| quest.attempt(*number))
            .collect()
    }

    pub(crate) async fn activate(
        &self,
        execution: ExecutionId,
        activation_token: &[u8],
        execution_token: &[u8],
    ) -> Answer<()> {
        let request = dm::ActivateExecutionReq {
            auth: Some(dm::execution::Auth {
                id: Some(execution.into()),
                token: activation_token.to_vec(),
            }),
            execution_token: execution_token.to_vec(),
        };
        self.anonymous.activate_execution(request).await
    }

    /// The task of the attempt's current execution claims it.
    pub(crate) async fn running(&self, attempt: AttemptId) -> Job {
        let execution = attempt.execution(self.stored(attempt).current_execution);
        let job = Job {
            execution,
            token: vec![7; 32],
        };
        let invitation = self.backend.activation_token(execution);
        let activated = self.activate(execution, &invitation, &job.token).await;
        activated.expect("the right activation token");
        job
    }

    /// The first attempt of a quest, whose task has claimed it.
    pub(crate) async fn job(&self, name: &str) -> Job {
        let attempt = self.executing(&super::request::desc(name)).await;
        self.running(attempt).await
    }

    pub(crate) async fn finish(&self, job: &Job, object: &str) -> Answer<()> {
        let request = dm::FinishAttemptReq {
            auth: Some(job.auth()),
            data: Some(dm::JsonResult {
                object: object.to_owned(),
                ..Default::default()
            }),
        };
        self.anonymous.finish_attempt(request).await
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

    /// Returns once the attempt is over.
    pub(crate) async fn until_over(&self, attempt: AttemptId) {
        let mut changes = self.engine.watch();
        while !self.stored(attempt).is_final() {
            changes.recv().await.expect("a change");
        }
    }

    fn is_over(&self, id: ExecutionId) -> bool {
        let found = self.store.execution(id.attempt, id.number);
        let execution = found.expect("executions").expect("the execution exists");
        execution.outcome.is_some()
    }

    /// This attempt finishes with `object`, and its task leaves `left` behind.
    pub(crate) async fn finish_with(&self, attempt: AttemptId, object: &str, left: &str) {
        let job = self.running(attempt).await;
        self.finish(&job, object).await.expect("a good result");
        self.end(job.execution, TaskResult::data(left)).await;
    }

    /// A quest whose first attempt is finished, with this result.
    pub(crate) async fn finished(&self, desc: &dm::quest::Desc, object: &str) -> AttemptId {
        let attempt = self.executing(desc).await;
        self.finish_with(attempt, object, "{}").await;
        attempt
    }

    /// A reader's walk.
    pub(crate) async fn walk(&self, request: dm::WalkGraphReq) -> dm::GraphData {
        let walked = self.reader.walk_graph(request).await;
        let graph = walked.expect("a request that is right");
        assert!(!graph.had_errors);
        graph
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

    fn stored(&self, attempt: AttemptId) -> AttemptRecord {
        let found = self.store.attempts(&[attempt]).expect("attempts").remove(0);
        found.expect("the attempt exists")
    }

    /// Nothing was ever stored.
    pub(crate) fn is_empty(&self) -> bool {
        let quests = self.store.quests_with_prefix("", 1).expect("quests");
        quests.is_empty()
    }
}

/// The text of a new token for somebody in this group.
fn token_for(tokens: &TokenDirectory, group: &str) -> String {
    let made = tokens.create("somebody", &[group.to_owned()], BEGINNING);
    let made = made.expect("a token");
    let text = std::str::from_utf8(made.token.expose()).expect("text");
    text.to_owned()
}
