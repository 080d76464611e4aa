//! The service in a world of its own.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use distributor_api::notify::Inbound;
use distributor_api::{Access, Api, Caller, Identity, Parts};
use distributor_core::dm::quest::desc::Meta;
use distributor_core::dm::quest::desc::meta::{Simple, simple};
use distributor_core::{AttemptId, Host, ManualClock, Notification, Secret, Timestamp, dm};
use distributor_host::driver::NewAttempt;
use distributor_host::{Engine, EnsureQuest, Entrance, Settings, Surroundings};
use distributor_proto::acls::Acls;
use distributor_proto::{normalize_desc, quest_id};
use distributor_store::records::AttemptRecord;
use distributor_store::{MemoryStore, Store};
use tokio::sync::broadcast::error::RecvError;

use super::backend::{Backend, Backends};

const GUARD: Duration = Duration::from_secs(20);

/// Runs a test on one thread, with a generous guard against hanging for ever.
pub(crate) fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime");
    runtime
        .block_on(async { tokio::time::timeout(GUARD, test).await })
        .expect("the test hangs");
}

pub(crate) fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// An attempt that nobody has made.
pub(crate) fn id(byte: u8) -> AttemptId {
    distributor_core::QuestId::from_bytes([byte; 32]).attempt(1)
}

/// A quest of which one attempt is wanted.
#[derive(Debug, Clone)]
pub(crate) struct Quest {
    desc: dm::quest::Desc,
    needs: Vec<AttemptId>,
}

impl Quest {
    /// Its job never calls the API.
    pub(crate) fn simple(config: &str, name: impl ToString) -> Self {
        let mut quest = Self::speaking(config, name);
        quest.desc.meta = Some(Meta {
            simple: Some(Simple::default()),
            ..Meta::default()
        });
        quest
    }

    /// Its job calls the API.
    pub(crate) fn speaking(config: &str, name: impl ToString) -> Self {
        let desc = dm::quest::Desc {
            distributor_config_name: config.to_owned(),
            parameters: format!(r#"{{"name":"{}"}}"#, name.to_string()),
            distributor_parameters: "{}".to_owned(),
            meta: Some(Meta::default()),
        };
        Quest {
            desc,
            needs: Vec::new(),
        }
    }

    pub(crate) fn needs(mut self, needs: &[AttemptId]) -> Self {
        let named = needs.iter().enumerate().map(|(index, need)| simple::Need {
            name: format!("n{index}"),
            quest: need.quest.to_string(),
        });
        let named = named.collect();
        let simple = self
            .desc
            .meta
            .as_mut()
            .and_then(|meta| meta.simple.as_mut());
        simple.expect("a simple quest").needs = named;
        self.needs = needs.to_vec();
        self
    }

    pub(crate) fn attempt(&self) -> AttemptId {
        let mut desc = self.desc.clone();
        normalize_desc(&mut desc).expect("a description with a normal form");
        quest_id(&desc).attempt(1)
    }
}

pub(crate) struct World {
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) backends: Arc<Backends>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) engine: Engine,
    host: Arc<dyn Host>,
    pub(crate) access: Arc<Access>,
    pub(crate) api: Api,
}

impl World {
    /// Readers are in `readers`, writers in `writers`.
    pub(crate) fn new() -> Self {
        Self::on(Arc::new(MemoryStore::new()))
    }

    /// On what is stored there.
    pub(crate) fn on(store: Arc<dyn Store>) -> Self {
        let beginning = Timestamp::from_micros(1_600_000_000_000_000);
        let clock = Arc::new(ManualClock::new(beginning));
        let backends = Arc::new(Backends::default());
        let surroundings = Surroundings {
            backends_directory: None,
            helper_program: None,
            topic: None,
        };
        let entrance = Entrance::new(clock.clone(), surroundings);
        let host = entrance.host();
        let settings = Settings::default();
        let engine = Engine::start(entrance, store.clone(), backends.clone(), settings);
        let engine = engine.expect("a host");
        let access = Arc::new(Access::nobody());
        access.replace(Ok(Acls {
            readers: vec!["readers".to_owned()],
            writers: vec!["writers".to_owned()],
        }));
        let api = Api::new(Parts {
            engine: engine.clone(),
            clock: clock.clone(),
            access: access.clone(),
            templates: Arc::default(),
            inbound: Inbound::new(&engine, Path::new("no-secrets"), clock.clone()),
        });
        World {
            clock,
            backends,
            store,
            engine,
            host,
            access,
            api,
        }
    }

    pub(crate) fn backend(&self, name: &str, backend: Backend) -> Arc<Backend> {
        self.backends.put(name, backend)
    }

    pub(crate) async fn ensure(&self, quest: &Quest) -> AttemptId {
        self.ensure_all([quest.clone()]).await[0]
    }

    pub(crate) async fn ensure_all(
        &self,
        quests: impl IntoIterator<Item = Quest>,
    ) -> Vec<AttemptId> {
        let quests = quests.into_iter().map(|quest| EnsureQuest {
            desc: quest.desc,
            attempts: vec![NewAttempt {
                number: 1,
                needs: quest.needs,
            }],
        });
        let ensured = self.engine.ensure(quests.collect()).await;
        let ensured = ensured.expect("a request that is right");
        ensured.into_iter().map(|it| it.id).collect()
    }

    pub(crate) fn get(&self, id: AttemptId) -> Option<AttemptRecord> {
        self.store.attempts(&[id]).expect("attempts").remove(0)
    }

    /// Returns once the stored attempt is as wanted.
    pub(crate) async fn until(
        &self,
        id: AttemptId,
        wanted: impl Fn(&AttemptRecord) -> bool,
    ) -> AttemptRecord {
        let mut changes = self.engine.watch();
        loop {
            if let Some(record) = self.get(id).filter(&wanted) {
                return record;
            }
            match changes.recv().await {
                Ok(_) | Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => panic!("the host has stopped"),
            }
        }
    }

    pub(crate) async fn until_executing(&self, id: AttemptId) -> AttemptRecord {
        self.until(id, |it| it.state == dm::attempt::State::Executing)
            .await
    }

    /// Returns once a call about this attempt has failed and waits for its next try.
    pub(crate) async fn until_delayed(&self, id: AttemptId) {
        let end_of_time = Timestamp::from_micros(i64::MAX);
        let delayed = || {
            let rows = self.store.due_journal(end_of_time, 1000).expect("rows");
            rows.iter().any(|row| row.attempt == id)
        };
        while !delayed() {
            self.engine.flush().await;
            tokio::task::yield_now().await;
        }
    }

    /// The backend says that the task of the current execution is over, with `{}`.
    pub(crate) fn say_finished(&self, id: AttemptId) {
        let record = self.get(id).expect("an attempt");
        let execution = id.execution(record.current_execution);
        self.host.notify(Notification::new(execution, *b"over"));
    }

    pub(crate) async fn until_final(&self, id: AttemptId) -> AttemptRecord {
        self.until(id, AttemptRecord::is_final).await
    }

    /// The task of the current execution claims it, and the job gets this token.
    pub(crate) async fn activate(&self, backend: &Backend, id: AttemptId) -> Secret {
        let record = self.until_executing(id).await;
        let execution = id.execution(record.current_execution);
        let activation = Secret::new(backend.activation_token(execution));
        let token = Secret::new(vec![7; 32]);
        let activated = self.engine.activate(execution, activation, token.clone());
        activated.await.expect("the right activation token");
        token
    }

    pub(crate) fn writer() -> Caller {
        named("wendy", "writers")
    }

    pub(crate) fn reader() -> Caller {
        named("rita", "readers")
    }

    pub(crate) fn stranger() -> Caller {
        named("sam", "others")
    }
}

fn named(name: &str, group: &str) -> Caller {
    Caller::Named(Identity {
        name: name.to_owned(),
        groups: vec![group.to_owned()],
    })
}
