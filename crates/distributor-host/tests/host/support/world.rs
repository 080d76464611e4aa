//! A host in a world of its own.

use std::sync::Arc;
use std::time::Duration;

use distributor_core::dm::attempt::State;
use distributor_core::{
    AttemptId, Clock, ConfigSnapshot, DistributorSource, ExecutionId, Host, ManualClock, Secret,
    Timestamp,
};
use distributor_host::driver::{AttemptChange, Surroundings};
use distributor_host::{Engine, Entrance, Settings};
use distributor_store::records::{AttemptRecord, ExecutionRecord, Outcome};
use distributor_store::{MemoryStore, Store};
use tokio::sync::broadcast::error::RecvError;

use super::backend::{Method, ScriptedBackend};
use super::quest::{Quest, ensure_all};
use super::random::Random;
use super::source::ScriptedSource;
use super::store::FaultyStore;

/// When every world begins.
const BEGINNING: Timestamp = Timestamp::from_micros(1_600_000_000_000_000);

pub(crate) struct World {
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) source: Arc<ScriptedSource>,
    pub(crate) settings: Settings,
    /// What the tests read: never fails on purpose.
    pub(crate) inner: Arc<dyn Store>,
    /// What the host uses.
    pub(crate) store: Arc<FaultyStore>,
    pub(crate) engine: Engine,
    pub(crate) host: Arc<dyn Host>,
    seed: u64,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(Settings::default())
    }

    pub(crate) fn with(settings: Settings) -> Self {
        Self::on(Arc::new(MemoryStore::new()), settings, 1)
    }

    pub(crate) fn on(inner: Arc<dyn Store>, settings: Settings, seed: u64) -> Self {
        let clock = Arc::new(ManualClock::new(BEGINNING));
        let source = Arc::new(ScriptedSource::new(clock.clone()));
        let store = Arc::new(FaultyStore::new(inner.clone()));
        let (engine, host) = start(&clock, &store, &source, &settings, seed);
        World {
            clock,
            source,
            settings,
            inner,
            store,
            engine,
            host,
            seed,
        }
    }

    pub(crate) fn backend(&self, name: &str) -> Arc<ScriptedBackend> {
        self.source.backend(name)
    }

    pub(crate) fn source_snapshot(&self, name: &str) -> Arc<ConfigSnapshot> {
        self.source.snapshot(name).expect("it is configured")
    }

    /// Stops in order and starts again.
    pub(crate) async fn restart(&mut self) {
        self.engine.stop().await;
        self.start();
    }

    /// Dies at once: nothing that is not stored yet will ever be.
    pub(crate) async fn crash(&mut self) {
        self.store.die_now();
        self.engine.stop().await;
        self.start();
    }

    /// A new process on what is stored.
    pub(crate) fn start(&mut self) {
        self.seed += 1;
        self.store = Arc::new(FaultyStore::new(self.inner.clone()));
        let parts = (&self.clock, &self.store, &self.source);
        (self.engine, self.host) = start(parts.0, parts.1, parts.2, &self.settings, self.seed);
    }

    pub(crate) async fn ensure(&self, quests: &[Quest]) -> Vec<AttemptId> {
        let ensured = self.engine.ensure(ensure_all(quests)).await;
        let ensured = ensured.expect("a request that is right");
        ensured.into_iter().map(|ensured| ensured.id).collect()
    }

    pub(crate) async fn ensure_one(&self, quest: &Quest) -> AttemptId {
        self.ensure(std::slice::from_ref(quest)).await[0]
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Lets time pass, and everything that is due happen.
    pub(crate) async fn advance(&self, delay: Duration) {
        self.clock.advance(delay);
        self.settle().await;
    }

    /// Returns once no call is under way and nothing is due. Not for tests that block calls.
    pub(crate) async fn settle(&self) {
        let mut quiet = 0;
        while quiet < 2 {
            self.engine.flush().await;
            tokio::task::yield_now().await;
            quiet = if self.is_quiet() { quiet + 1 } else { 0 };
        }
    }

    /// Nothing is owed and nothing is due now.
    pub(crate) fn is_quiet(&self) -> bool {
        let journal = self.inner.journal(0, 1).expect("the journal");
        let due = self.inner.next_due().expect("the next due time");
        let tasks = self.inner.due_queue(self.now(), 1).expect("the queue");
        journal.is_empty() && tasks.is_empty() && due.is_none_or(|due| due > self.now())
    }

    pub(crate) fn get(&self, id: AttemptId) -> AttemptRecord {
        let found = self.find(id);
        found.expect("the attempt exists")
    }

    pub(crate) fn find(&self, id: AttemptId) -> Option<AttemptRecord> {
        let mut found = self.inner.attempts(&[id]).expect("attempts");
        found.remove(0)
    }

    pub(crate) fn execution(&self, id: ExecutionId) -> ExecutionRecord {
        let found = self.inner.execution(id.attempt, id.number);
        found.expect("executions").expect("the execution exists")
    }

    /// Returns once the stored attempt is as wanted.
    pub(crate) async fn until(
        &self,
        id: AttemptId,
        wanted: impl Fn(&AttemptRecord) -> bool,
    ) -> AttemptRecord {
        let mut changes = self.engine.watch();
        loop {
            if let Some(record) = self.find(id).filter(&wanted) {
                return record;
            }
            match changes.recv().await {
                Ok(AttemptChange { .. }) | Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => panic!("the host has stopped"),
            }
        }
    }

    pub(crate) async fn until_final(&self, id: AttemptId) -> AttemptRecord {
        self.until(id, AttemptRecord::is_final).await
    }

    pub(crate) async fn until_executing(&self, id: AttemptId) -> AttemptRecord {
        self.until(id, |record| record.state == State::Executing)
            .await
    }

    /// The task of the current execution claims it.
    pub(crate) async fn activate(&self, backend: &ScriptedBackend, id: AttemptId) -> Secret {
        let record = self.until_executing(id).await;
        let execution = id.execution(record.current_execution);
        let runs = backend.calls_of(Method::Run);
        let run = runs
            .iter()
            .rfind(|call| call.execution == Some(execution))
            .expect("run was called");
        let token = Secret::new(vec![7; 32]);
        let activation = Secret::new(run.activation_token.clone());
        let activated = self.engine.activate(execution, activation, token.clone());
        activated.await.expect("the right activation token");
        token
    }
}

fn start(
    clock: &Arc<ManualClock>,
    store: &Arc<FaultyStore>,
    source: &Arc<ScriptedSource>,
    settings: &Settings,
    seed: u64,
) -> (Engine, Arc<dyn Host>) {
    let surroundings = Surroundings {
        backends_directory: None,
        helper_program: None,
        topic: None,
    };
    let entrance = Entrance::new(clock.clone(), surroundings);
    let host = entrance.host();
    source.set_host(host.clone());
    let engine = Engine::start_with(
        entrance,
        store.clone(),
        source.clone(),
        settings.clone(),
        Box::new(Random::new(seed)),
    );
    (engine.expect("a host"), host)
}

/// The abnormal end of an attempt, as status and reason.
pub(crate) fn abnormal_end(
    record: &AttemptRecord,
) -> (distributor_core::dm::abnormal_finish::Status, String) {
    match &record.outcome {
        Some(Outcome::Abnormal(finish)) => (finish.status(), finish.reason.clone()),
        other => panic!("not an abnormal end: {other:?}"),
    }
}
