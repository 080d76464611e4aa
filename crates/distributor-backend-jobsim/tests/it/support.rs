//! A host and a service around the graph, and a backend between them.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use distributor_backend_jobsim::{CallError, Code, Jobsim, Service, proto};
use distributor_core::{
    Abandoned, AttemptId, Clock, Config, ConfigSnapshot, Distributor, Error, ErrorKind,
    ExecutionId, HelperCommand, Host, Notification, QueueTask, Result, RunRequest, Secret, Started,
    TaskState, Timestamp, Token, Topic, dm,
};
use prost::Message;
use tokio::sync::watch;

use crate::clock::TestClock;
use crate::graph::{Graph, Outcome, Start};

/// A method of the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    Activate,
    Ensure,
    Finish,
}

/// What goes wrong with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It is not carried out, with this answer.
    Refuse(Code),
    /// It is carried out, and this is the answer.
    LoseAnswer(Code),
    /// It is not carried out, and there is no answer.
    HangBefore,
    /// It is carried out, and there is no answer.
    HangAfter,
    /// The program that calls has a bug.
    Panic,
}

/// The world that a backend lives in; it outlives the backend.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) clock: Arc<TestClock>,
    graph: Mutex<Graph>,
    faults: Mutex<VecDeque<(Method, Fault)>>,
    calls: Mutex<Vec<(Method, Timestamp)>>,
    directory: Option<PathBuf>,
    notifications: Mutex<VecDeque<Notification>>,
    /// Counts everything that happens, so that a test can wait for it.
    events: watch::Sender<u64>,
}

impl World {
    pub(crate) fn new(directory: Option<&Path>) -> Arc<World> {
        Arc::new(World {
            clock: Arc::new(TestClock::new()),
            graph: Mutex::default(),
            faults: Mutex::default(),
            calls: Mutex::default(),
            directory: directory.map(Path::to_owned),
            notifications: Mutex::default(),
            events: watch::Sender::new(0),
        })
    }

    pub(crate) fn graph(&self) -> MutexGuard<'_, Graph> {
        self.graph.lock().expect("no panic")
    }

    fn happened(&self) {
        self.events.send_modify(|count| *count += 1);
    }

    /// The next call of the method goes wrong.
    pub(crate) fn fault(&self, method: Method, fault: Fault) {
        self.faults
            .lock()
            .expect("no panic")
            .push_back((method, fault));
    }

    /// When the method was called.
    pub(crate) fn calls(&self, method: Method) -> Vec<Timestamp> {
        let calls = self.calls.lock().expect("no panic");
        let calls = calls.iter().filter(|(called, _)| *called == method);
        calls.map(|(_, at)| *at).collect()
    }

    /// Returns when `done` says so; asks it after everything that happens.
    pub(crate) async fn wait(&self, mut done: impl FnMut() -> bool) {
        let mut events = self.events.subscribe();
        while !done() {
            events.changed().await.expect("the world goes on");
        }
    }

    async fn call<T>(
        &self,
        method: Method,
        carry_out: impl FnOnce(&mut Graph) -> Result<T, CallError> + Send,
    ) -> Result<T, CallError> {
        let fault = {
            let mut faults = self.faults.lock().expect("no panic");
            let at = faults.iter().position(|(faulty, _)| *faulty == method);
            at.and_then(|at| faults.remove(at)).map(|(_, fault)| fault)
        };
        let refused = match fault {
            Some(Fault::Refuse(code)) => Some(code),
            Some(Fault::Panic) => panic!("as ordered"),
            Some(Fault::HangBefore) => {
                self.called(method);
                std::future::pending::<()>().await;
                None
            }
            _ => None,
        };
        let answer = match refused {
            Some(code) => Err(CallError::new(code, "as ordered")),
            None => carry_out(&mut self.graph()),
        };
        self.called(method);
        match fault {
            Some(Fault::LoseAnswer(code)) => Err(CallError::new(code, "lost as ordered")),
            Some(Fault::HangAfter) => std::future::pending().await,
            _ => answer,
        }
    }

    fn called(&self, method: Method) {
        let now = self.clock.now();
        self.calls.lock().expect("no panic").push((method, now));
        self.happened();
    }
}

#[async_trait]
impl Service for World {
    async fn activate(&self, request: &dm::ActivateExecutionReq) -> Result<(), CallError> {
        self.call(Method::Activate, |graph| graph.activate(request))
            .await
    }

    async fn ensure(
        &self,
        request: &dm::EnsureGraphDataReq,
    ) -> Result<dm::EnsureGraphDataRsp, CallError> {
        self.call(Method::Ensure, |graph| graph.ensure(request))
            .await
    }

    async fn finish(&self, request: &dm::FinishAttemptReq) -> Result<(), CallError> {
        self.call(Method::Finish, |graph| graph.finish(request))
            .await
    }
}

#[derive(Debug)]
struct TestHost(Arc<World>);

#[async_trait]
impl Host for TestHost {
    fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.0.clock) as Arc<dyn Clock>
    }

    fn notify(&self, notification: Notification) {
        let mut notifications = self.0.notifications.lock().expect("no panic");
        notifications.push_back(notification);
        drop(notifications);
        self.0.happened();
    }

    async fn prepare_topic(&self, _: &ConfigSnapshot, _: ExecutionId) -> Result<Topic> {
        Err(Error::new(ErrorKind::Unsupported, "not in this test"))
    }

    async fn enqueue_task(&self, _: &ConfigSnapshot, _: QueueTask) -> Result<()> {
        Err(Error::new(ErrorKind::Unsupported, "not in this test"))
    }

    fn state_directory(&self, _: &ConfigSnapshot) -> Result<PathBuf> {
        let none = || Error::new(ErrorKind::Unsupported, "this host keeps no state on disk");
        self.0.directory.clone().ok_or_else(none)
    }

    fn helper(&self, _: &str) -> Result<HelperCommand> {
        Err(Error::new(ErrorKind::Unsupported, "not in this test"))
    }
}

/// A backend in a world, and a host around it.
pub(crate) struct Bench {
    pub(crate) world: Arc<World>,
    pub(crate) backend: Jobsim,
    config: proto::Config,
}

impl Bench {
    /// Without a folder.
    pub(crate) fn new() -> Self {
        Bench::with("main", false, World::new(None))
    }

    /// A backend that keeps its log in the folder.
    pub(crate) fn on_disk(directory: &Path) -> Self {
        Bench::with("main", false, World::new(Some(directory)))
    }

    pub(crate) fn with(pool: &str, do_pollback: bool, world: Arc<World>) -> Self {
        let pool = pool.to_owned();
        let config = proto::Config { pool, do_pollback };
        Bench {
            backend: build(&config, &world),
            world,
            config,
        }
    }

    /// The service is killed and started again. What a host does then, it does.
    pub(crate) async fn restart(&mut self) {
        self.kill();
        self.revive();
        let unfinished = self.world.graph().unfinished();
        for id in unfinished {
            self.ask(id).await.expect("the task is known");
        }
    }

    /// The service is killed: nothing that its tasks would still do is done.
    pub(crate) fn kill(&mut self) {
        // Another one in its place, in no folder, that nobody asks for anything.
        self.backend = build(&self.config, &World::new(None));
        self.world.notifications.lock().expect("no panic").clear();
        self.world.faults.lock().expect("no panic").clear();
    }

    /// A service after a killed one.
    pub(crate) fn revive(&mut self) {
        self.backend = build(&self.config, &self.world);
    }

    /// Asks how a task stands, and tells the graph.
    pub(crate) async fn ask(&self, id: ExecutionId) -> Result<TaskState> {
        let state = self.status(id).await?;
        if let TaskState::Finished(result) = &state {
            self.world.graph().task_ended(id, result.clone());
            self.backend.release(&self.token(id));
        }
        Ok(state)
    }

    pub(crate) async fn status(&self, id: ExecutionId) -> Result<TaskState> {
        let desc = dm::quest::Desc::default();
        self.backend.get_status(&desc, &self.token(id)).await
    }

    pub(crate) fn token(&self, id: ExecutionId) -> Token {
        Token(format!("{}|{id}", self.config.pool))
    }

    /// Makes an attempt of a quest with this phrase.
    pub(crate) fn submit(&self, parameters: &str, number: u32) -> AttemptId {
        self.world
            .graph()
            .ensure_attempt(&quest(parameters), number)
    }

    /// Starts what is to be started and tells the graph of ends, until `done`.
    pub(crate) async fn drive_until(&self, mut done: impl FnMut(&Bench) -> bool) {
        let mut events = self.world.events.subscribe();
        while !done(self) {
            self.step().await;
            if done(self) {
                return;
            }
            events.changed().await.expect("the world goes on");
        }
    }

    async fn step(&self) {
        loop {
            let starts = std::mem::take(&mut self.world.graph().starts);
            let notification = {
                let mut notifications = self.world.notifications.lock().expect("no panic");
                notifications.pop_front()
            };
            if starts.is_empty() && notification.is_none() {
                return;
            }
            for start in starts {
                self.run(start).await;
            }
            if let Some(notification) = notification {
                let desc = dm::quest::Desc::default();
                let result = self
                    .backend
                    .handle_notification(&desc, &self.token(notification.id), &notification)
                    .await;
                if let Some(result) = result.expect("a good notification") {
                    self.world.graph().task_ended(notification.id, result);
                    self.backend.release(&self.token(notification.id));
                }
            }
        }
    }

    async fn run(&self, start: Start) {
        let id = start.id;
        match self.try_run(start).await {
            Ok(started) => assert_eq!(started.token, self.token(id)),
            Err(error) => {
                assert!(!error.is_transient(), "{error}");
                let status = dm::abnormal_finish::Status::Rejected;
                let result = distributor_core::TaskResult::abnormal(status, error.to_string());
                self.world.graph().task_ended(id, result);
            }
        }
    }

    pub(crate) async fn try_run(&self, start: Start) -> Result<Started> {
        self.backend.run(request(&start)).await
    }

    /// Drives until the attempt is over; says how.
    pub(crate) async fn finish(&self, id: AttemptId) -> Outcome {
        let outcome = |bench: &Bench| bench.world.graph().attempts[&id].outcome.clone();
        self.drive_until(|bench| outcome(bench).is_some()).await;
        outcome(self).expect("it is over")
    }

    /// The same for an attempt that ends with data: the object.
    pub(crate) async fn object(&self, id: AttemptId) -> String {
        match self.finish(id).await {
            Outcome::Data(data) => data.object,
            Outcome::Abnormal(finish) => panic!("{finish:?}"),
        }
    }

    /// The same for one that ends abnormally: status and reason.
    pub(crate) async fn abnormal(&self, id: AttemptId) -> (dm::abnormal_finish::Status, String) {
        match self.finish(id).await {
            Outcome::Abnormal(finish) => (finish.status(), finish.reason),
            Outcome::Data(data) => panic!("{data:?}"),
        }
    }

    /// Drives until the method has been called so many times.
    pub(crate) async fn drive_until_called(&self, method: Method, times: usize) {
        self.drive_until(|bench| bench.world.calls(method).len() >= times)
            .await;
    }

    /// The host, without whose help nothing is told, waits for a notification and hands it out.
    pub(crate) async fn notification(&self) -> Notification {
        let world = &self.world;
        let front = || world.notifications.lock().expect("no panic").pop_front();
        let mut found = None;
        world
            .wait(|| {
                found = front();
                found.is_some()
            })
            .await;
        found.expect("it was waited for")
    }

    /// Takes the next start from the graph.
    pub(crate) fn next_start(&self) -> Start {
        self.world.graph().starts.remove(0)
    }
}

pub(crate) fn request(start: &Start) -> RunRequest {
    RunRequest {
        execution: start.id,
        quest: Arc::new(start.desc.clone()),
        activation_token: Secret::new(start.activation_token.clone()),
        previous_result: start.previous.clone(),
        needs: Vec::new(),
        abandoned: Abandoned::never(),
    }
}

pub(crate) fn quest(parameters: &str) -> dm::quest::Desc {
    dm::quest::Desc {
        distributor_config_name: "as-written".to_owned(),
        parameters: parameters.to_owned(),
        distributor_parameters: "{}".to_owned(),
        meta: None,
    }
}

pub(crate) fn config(config: &proto::Config, world: &Arc<World>) -> Config {
    let snapshot = ConfigSnapshot {
        name: "sim".to_owned(),
        version: "rev-7".to_owned(),
        config_type: "jobsim.Config".to_owned(),
        content: config.encode_to_vec(),
        dm_host: "dm.example.com".to_owned(),
    };
    Config::new(Arc::new(snapshot), Arc::new(TestHost(Arc::clone(world))))
}

fn build(content: &proto::Config, world: &Arc<World>) -> Jobsim {
    let service = Arc::clone(world) as Arc<dyn Service>;
    Jobsim::with_service(&config(content, world), service).expect("a good configuration")
}
