//! A service on a port, whose backend asks for topics as a real one would.

mod backend;
mod issuer;
mod request;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use distributor_api::notify::{
    Inbound, NotificationCounts, PushCallers, Receiver, TaskQueueReceiver,
};
use distributor_api::{Access, Api, Parts, Templates};
use distributor_core::dm;
use distributor_core::{AttemptId, Clock, ExecutionId, ManualClock, QuestId, Timestamp};
use distributor_host::driver::{EnsureQuest, NewAttempt};
use distributor_host::topic::{
    DEFAULT_LIFETIME, QueueTokens, TopicName, TopicSettings, TopicTokens,
};
use distributor_host::{Engine, Entrance, Settings, Surroundings};
use distributor_proto::{normalize_desc, quest_id};
use distributor_server::Bound;
use distributor_store::records::AttemptRecord;
use distributor_store::{MemoryStore, Store};
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::ground;
use crate::ground::callers::Anybody;

pub(crate) use backend::{Backend, CONFIG, NAMES, SLOW, task};
pub(crate) use issuer::{ACCOUNT, Issuer};
pub(crate) use request::{Reply, post, pushed, raw};

/// The route of the original.
pub(crate) const PUSH: &str = "/_ah/push-handlers/dm-distributor-notify";

const GUARD: Duration = Duration::from_secs(180);
const BEGINNING: Timestamp = Timestamp::from_micros(1_600_000_000_000_000);

/// Runs a test with a generous guard against hanging for ever.
pub(crate) fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    runtime
        .block_on(async { tokio::time::timeout(GUARD, test).await })
        .expect("the test hangs");
}

pub(crate) struct World {
    pub(crate) address: SocketAddr,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) backend: Arc<Backend>,
    pub(crate) engine: Engine,
    pub(crate) topic_tokens: Arc<TopicTokens>,
    pub(crate) queue_tokens: QueueTokens,
    store: Arc<MemoryStore>,
    api: Api,
    stop: oneshot::Sender<()>,
    served: JoinHandle<()>,
    _secrets: TempDir,
}

impl World {
    pub(crate) async fn new() -> Self {
        World::with(|_| None).await
    }

    /// Lets only those in that `push_callers` lets in.
    pub(crate) async fn with(
        push_callers: impl FnOnce(Arc<dyn Clock>) -> Option<PushCallers>,
    ) -> Self {
        let clock = Arc::new(ManualClock::new(BEGINNING));
        let secrets = TempDir::new().expect("a folder");
        let folder = secrets.path().to_owned();
        let topic_tokens = TopicTokens::new(folder.clone(), clock.clone(), DEFAULT_LIFETIME);
        let topic_tokens = Arc::new(topic_tokens);
        let queue_tokens = QueueTokens::new(folder, clock.clone());
        let surroundings = Surroundings {
            backends_directory: None,
            helper_program: None,
            topic: Some(TopicSettings {
                name: TopicName::of_project("a-project").expect("a good name"),
                tokens: topic_tokens.clone(),
            }),
        };
        let entrance = Entrance::new(clock.clone(), surroundings);
        let backend = Arc::new(Backend::default());
        let source = Arc::new(Backend::registry(&backend, entrance.host()));
        let store = Arc::new(MemoryStore::new());
        let engine = Engine::start(entrance, store.clone(), source, Settings::default());
        let engine = engine.expect("a host");
        let inbound = Inbound {
            receiver: Receiver::new(engine.clone(), topic_tokens.clone(), clock.clone()),
            push_callers: push_callers(clock.clone()),
            task_queue: TaskQueueReceiver::new(engine.clone(), queue_tokens.clone(), clock.clone()),
        };
        let api = Api::new(Parts {
            engine: engine.clone(),
            clock: clock.clone(),
            access: Arc::new(Access::nobody()),
            templates: Arc::new(Templates::default()),
            inbound,
        });
        let bound = Bound::new(ground::settings()).await.expect("a free port");
        let address = bound.address();
        let (stop, stopping) = oneshot::channel();
        let served = tokio::spawn(bound.serve(api.clone(), Arc::new(Anybody), async move {
            // A world that is dropped stops too.
            let _dropped = stopping.await;
        }));
        World {
            address,
            clock,
            backend,
            engine,
            topic_tokens,
            queue_tokens,
            store,
            api,
            stop,
            served,
            _secrets: secrets,
        }
    }

    /// Returns once the server has returned.
    pub(crate) async fn stopped(self) {
        drop(self.stop);
        self.served.await.expect("the server does not panic");
        self.engine.stop().await;
    }

    pub(crate) fn counts(&self) -> NotificationCounts {
        self.api.parts().inbound.receiver.counts()
    }

    /// The first attempt of a quest of this name, which is asked for now.
    pub(crate) async fn ask_for(&self, config: &str, name: &str) -> AttemptId {
        let desc = desc(config, name);
        let id = id_of(&desc).attempt(1);
        let attempts = vec![NewAttempt {
            number: 1,
            needs: Vec::new(),
        }];
        let ensured = self.engine.ensure(vec![EnsureQuest { desc, attempts }]);
        ensured.await.expect("a good request");
        id
    }

    /// Its execution, once it runs.
    pub(crate) async fn running(&self, name: &str) -> ExecutionId {
        self.running_on(CONFIG, name).await
    }

    pub(crate) async fn running_on(&self, config: &str, name: &str) -> ExecutionId {
        let mut changes = self.engine.watch();
        let id = self.ask_for(config, name).await;
        while self.get(id).current_execution == 0 {
            changes.recv().await.expect("a change");
        }
        id.execution(1)
    }

    pub(crate) async fn until_final(&self, id: AttemptId) -> AttemptRecord {
        let mut changes = self.engine.watch();
        while !self.get(id).is_final() {
            changes.recv().await.expect("a change");
        }
        self.get(id)
    }

    /// Pushes a message about an execution, with the token that its `run` was given.
    pub(crate) async fn push(&self, execution: ExecutionId, data: &[u8]) -> u16 {
        let token = self.backend.auth_token(execution);
        self.push_with(&token, data).await
    }

    pub(crate) async fn push_with(&self, token: &str, data: &[u8]) -> u16 {
        let body = pushed(data, &[("auth_token", token)]);
        post(self.address, PUSH, &[], &body).await.status
    }

    /// Returns once no call is under way and nothing is due.
    pub(crate) async fn drain(&self) {
        let mut quiet = 0;
        while quiet < 3 {
            self.engine.flush().await;
            tokio::task::yield_now().await;
            let journal = self.store.journal(0, 1).expect("the journal");
            let due = self.store.next_due().expect("the next due time");
            let is_quiet = journal.is_empty() && due.is_none_or(|due| due > self.clock.now());
            quiet = if is_quiet { quiet + 1 } else { 0 };
        }
    }

    pub(crate) fn get(&self, id: AttemptId) -> AttemptRecord {
        let found = self.store.attempts(&[id]).expect("attempts").remove(0);
        found.expect("the attempt exists")
    }
}

/// A quest whose end is what its backend says.
fn desc(config: &str, name: &str) -> dm::quest::Desc {
    use dm::quest::desc::Meta;
    use dm::quest::desc::meta::Simple;
    dm::quest::Desc {
        distributor_config_name: config.to_owned(),
        parameters: format!("{{\"name\":{name:?}}}"),
        distributor_parameters: "{}".to_owned(),
        meta: Some(Meta {
            simple: Some(Simple::default()),
            ..Meta::default()
        }),
    }
}

fn id_of(desc: &dm::quest::Desc) -> QuestId {
    let mut desc = desc.clone();
    normalize_desc(&mut desc).expect("a description with a normal form");
    quest_id(&desc)
}
