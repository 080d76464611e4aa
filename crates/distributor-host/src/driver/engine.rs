//! The handle of a running host: what clients can ask of it.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;
use std::thread::JoinHandle;

use distributor_core::source::DistributorSource;
use distributor_core::{
    AttemptId, Clock, ExecutionId, Host, QuestId, Secret, dm,
};
use distributor_proto::{normalize_desc, normalize_result, quest_id};
use distributor_store::records::Policy;
use distributor_store::{Store, StoreError};
use lru::LruCache;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::sync::{Semaphore, broadcast, oneshot, watch};

use super::calls::CallContext;
use super::committer::{Committer, cache_size};
use super::dispatch::Dispatcher;
use super::lanes::Lanes;
use super::lent::{Lent, Surroundings};
use super::message::{AttemptChange, CallError, Ensured, Message, NewAttempt, NewQuest};
use super::settings::{RandomSource, Settings, SystemRandom};
use super::ticker::tick;
use crate::machine::{Event, policy};

/// Calls of clients that are taken in at once; the others wait for their turn.
const CLIENTS_AT_ONCE: usize = 4096;
/// Changes that a slow watcher may lag behind before it is told to look at the store instead.
const CHANGES_KEPT: usize = 16 * 1024;

/// The way in, made before the host: backends get what it lends, and the host needs the backends.
pub struct Entrance {
    inbox: UnboundedSender<Message>,
    messages: UnboundedReceiver<Message>,
    clock: Arc<dyn Clock>,
    lent: Arc<Lent>,
}

impl Entrance {
    /// A host's entrance, on this clock.
    pub fn new(clock: Arc<dyn Clock>, surroundings: Surroundings) -> Self {
        let (inbox, messages) = mpsc::unbounded_channel();
        let lent = Arc::new(Lent {
            inbox: inbox.clone(),
            clock: clock.clone(),
            surroundings,
        });
        Entrance {
            inbox,
            messages,
            clock,
            lent,
        }
    }

    /// What the host will lend to its backends.
    pub fn host(&self) -> Arc<dyn Host> {
        self.lent.clone()
    }
}

impl fmt::Debug for Entrance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entrance").finish_non_exhaustive()
    }
}

/// A quest that a client wants to exist, with attempts.
#[derive(Debug, Clone)]
pub struct EnsureQuest {
    /// Its description; normalized by the host.
    pub desc: dm::quest::Desc,
    /// Its attempts.
    pub attempts: Vec<NewAttempt>,
}

/// A description that is normalized, has its name, and that its backend accepts.
#[derive(Debug, Clone)]
pub struct CheckedQuest {
    id: QuestId,
    policy: Policy,
    desc: Arc<dm::quest::Desc>,
}

impl CheckedQuest {
    /// Its name.
    pub fn id(&self) -> QuestId {
        self.id
    }

    /// Its normalized description.
    pub fn desc(&self) -> &Arc<dm::quest::Desc> {
        &self.desc
    }
}

/// A quest of a [`GraphRequest`].
#[derive(Debug, Clone)]
pub struct GraphQuest {
    /// What it is.
    pub quest: CheckedQuest,
    /// The templates that made it; united with those that are known.
    pub built_by: Vec<dm::quest::TemplateSpec>,
    /// Its attempts.
    pub attempts: Vec<NewAttempt>,
}

/// A running execution that shall depend on attempts.
#[derive(Debug, Clone)]
pub struct Dependent {
    /// Which.
    pub execution: ExecutionId,
    /// Its execution token.
    pub token: Secret,
}

/// One change of the graph: all of it happens, or nothing.
#[derive(Debug, Clone, Default)]
pub struct GraphRequest {
    /// Quests that shall exist, with attempts. The same quest may come more than once.
    pub quests: Vec<GraphQuest>,
    /// Attempts that shall exist, of quests that exist or are in `quests`.
    pub attempts: Vec<AttemptId>,
    /// Who shall depend on all attempts of the request.
    pub dependent: Option<Dependent>,
}

/// What came of a [`GraphRequest`].
#[derive(Debug, Clone, Default)]
pub struct GraphAnswer {
    /// Quests of the request that did not exist before.
    pub new_quests: HashSet<QuestId>,
    /// Every attempt of the request once, sorted.
    pub attempts: Vec<Ensured>,
    /// The dependent has to wait: its token is revoked.
    pub halted: bool,
}

/// A running host. Clones are the same host; it stops with [`Engine::stop`] or with the last clone.
#[derive(Clone)]
pub struct Engine {
    shared: Arc<Shared>,
}

struct Shared {
    inbox: UnboundedSender<Message>,
    clients: Semaphore,
    store: Arc<dyn Store>,
    source: Arc<dyn DistributorSource>,
    /// Weak, so that watchers learn of the host's end.
    changes: broadcast::WeakSender<AttemptChange>,
    thread: std::sync::Mutex<Option<JoinHandle<()>>>,
}

impl Drop for Shared {
    fn drop(&mut self) {
        // Let go before it is told to stop: older C libraries crash when a thread is detached at the
        // very moment at which it ends.
        if let Ok(thread) = self.thread.get_mut() {
            drop(thread.take());
        }
        let _stopped = self.inbox.send(Message::Stop);
    }
}

impl Engine {
    /// Starts a host that goes on from what `store` holds. Must be called inside a tokio runtime,
    /// which then runs the backends' calls.
    ///
    /// # Errors
    /// If the store cannot be read, or a thread cannot be started.
    pub fn start(
        entrance: Entrance,
        store: Arc<dyn Store>,
        source: Arc<dyn DistributorSource>,
        settings: Settings,
    ) -> Result<Self, StoreError> {
        Self::start_with(entrance, store, source, settings, Box::new(SystemRandom))
    }

    /// Like [`Engine::start`], with a given source of activation tokens and jitter.
    ///
    /// # Errors
    /// As [`Engine::start`].
    pub fn start_with(
        entrance: Entrance,
        store: Arc<dyn Store>,
        source: Arc<dyn DistributorSource>,
        settings: Settings,
        random: Box<dyn RandomSource>,
    ) -> Result<Self, StoreError> {
        let runtime = tokio::runtime::Handle::current();
        let settings = settings.usable();
        let (next_due, due) = watch::channel(None);
        let (changes, _) = broadcast::channel(CHANGES_KEPT);
        let weak_changes = changes.downgrade();
        let context = Arc::new(CallContext {
            source: source.clone(),
            store: store.clone(),
            inbox: entrance.inbox.clone(),
            clock: entrance.clock.clone(),
            timeout: settings.call_timeout,
        });
        let mut committer = Committer {
            store: store.clone(),
            source: source.clone(),
            clock: entrance.clock.clone(),
            random,
            inbox: entrance.inbox.clone(),
            attempts: LruCache::new(cache_size(&settings)),
            descs: LruCache::new(cache_size(&settings)),
            lanes: Lanes::default(),
            dispatcher: Dispatcher::new(runtime.clone(), context, settings.calls_at_once),
            settings,
            next_journal: 0,
            next_ready: 0,
            next_due,
            changes,
            trouble: None,
            starts_at: None,
        };
        committer.recover()?;
        runtime.spawn(tick(entrance.clock, due, entrance.inbox.clone()));
        let messages = entrance.messages;
        let thread = std::thread::Builder::new()
            .name("committer".to_owned())
            .spawn(move || committer.run(messages))
            .map_err(|error| StoreError::Engine(Box::new(error)))?;
        Ok(Engine {
            shared: Arc::new(Shared {
                inbox: entrance.inbox,
                clients: Semaphore::new(CLIENTS_AT_ONCE),
                store,
                source,
                changes: weak_changes,
                thread: std::sync::Mutex::new(Some(thread)),
            }),
        })
    }

    /// Makes sure that quests and attempts exist: all of them or, on error, none. What exists stays
    /// as it is.
    ///
    /// # Errors
    /// `Invalid` for a description, its parameters or a need that is not right.
    pub async fn ensure(&self, quests: Vec<EnsureQuest>) -> Result<Vec<Ensured>, CallError> {
        let mut checked = Vec::with_capacity(quests.len());
        for (index, quest) in quests.into_iter().enumerate() {
            checked.push(self.check(index, quest)?);
        }
        self.send(|reply| Message::Ensure {
            quests: checked,
            reply,
        })
        .await
    }

    /// Asks for the end of an attempt; a final one stays as it is. A running task is told to stop,
    /// and the attempt ends CANCELLED when it has.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn cancel(&self, attempt: AttemptId, reason: String) -> Result<(), CallError> {
        self.call(attempt, Event::Cancel { reason }).await
    }

    /// A task claims its execution.
    ///
    /// # Errors
    /// `Refused` as the life cycle demands.
    pub async fn activate(
        &self,
        id: ExecutionId,
        activation_token: Secret,
        execution_token: Secret,
    ) -> Result<(), CallError> {
        let event = Event::Activate {
            execution: id.number,
            activation_token,
            execution_token,
        };
        self.call(id.attempt, event).await
    }

    /// A job delivers its attempt's result.
    ///
    /// # Errors
    /// `Invalid` if the result is no JSON object, `Refused` as the life cycle demands.
    pub async fn finish_attempt(
        &self,
        id: ExecutionId,
        token: Secret,
        mut result: dm::JsonResult,
    ) -> Result<(), CallError> {
        normalize_result(&mut result).map_err(|error| invalid("data", error))?;
        let event = Event::FinishAttempt {
            execution: id.number,
            token,
            result: Arc::new(result),
        };
        self.call(id.attempt, event).await
    }

    /// Returns once everything that was sent before is durable, or the host has stopped.
    pub async fn flush(&self) {
        let (reply, flushed) = oneshot::channel();
        // A message that nobody takes comes back with the reply in it, and must not be kept.
        if self.shared.inbox.send(Message::Flush(reply)).is_ok() {
            let _stopped = flushed.await;
        }
    }

    /// Tells the host that ended attempts were removed from its store (`Store::collect`). Until this
    /// returns it may take one of them for existing. It also returns if the host has stopped.
    pub async fn forget_ended(&self) {
        let (reply, forgotten) = oneshot::channel();
        // As in `flush`.
        if self
            .shared
            .inbox
            .send(Message::ForgetEnded(reply))
            .is_ok()
        {
            let _stopped = forgotten.await;
        }
    }

    /// Every committed change from now on; closed once the host has stopped.
    pub fn watch(&self) -> broadcast::Receiver<AttemptChange> {
        match self.shared.changes.upgrade() {
            Some(changes) => changes.subscribe(),
            None => broadcast::channel(1).1,
        }
    }

    /// What is stored, for reading.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.shared.store
    }

    /// The backends.
    pub fn source(&self) -> &Arc<dyn DistributorSource> {
        &self.shared.source
    }

    /// Commits what has arrived and stops. Tasks run on; a later host finds them.
    pub async fn stop(&self) {
        let _stopped = self.shared.inbox.send(Message::Stop);
        let thread = self.shared.thread.lock().ok().and_then(|mut it| it.take());
        if let Some(thread) = thread {
            let _panicked = tokio::task::spawn_blocking(|| thread.join()).await;
        }
    }

    /// Normalizes and names a description, and asks its backend whether it will do.
    ///
    /// # Errors
    /// `Invalid`, with the path of the field within the description; `Unavailable` if the
    /// configuration cannot be read for the moment.
    pub fn check_desc(&self, mut desc: dm::quest::Desc) -> Result<CheckedQuest, CallError> {
        normalize_desc(&mut desc).map_err(|error| invalid("", error))?;
        self.check_normalized(desc)
    }

    /// Like [`Engine::check_desc`], for a description that is normalized already. (Parameters may grow
    /// when they are normalized, so normalizing them again could refuse them.)
    ///
    /// # Errors
    /// As there.
    pub fn check_normalized(&self, desc: dm::quest::Desc) -> Result<CheckedQuest, CallError> {
        self.validate(&desc)?;
        Ok(CheckedQuest {
            id: quest_id(&desc),
            policy: policy(&desc),
            desc: Arc::new(desc),
        })
    }

    /// Makes sure that quests and attempts exist and, if there is a dependent, that it depends on
    /// all of them and stops if one is not finished (`dm-lifecycle.md`, section 7).
    ///
    /// # Errors
    /// `AbsentQuest` for attempts of an unknown quest, `Refused` if the dependent is not what it says
    /// it is, `Cycle` if it would wait for itself.
    pub async fn ensure_graph(&self, request: GraphRequest) -> Result<GraphAnswer, CallError> {
        // To be written: dynamic dependencies, raw attempts, built_by.
        let mut quests = Vec::new();
        for quest in request.quests {
            quests.push(NewQuest {
                id: quest.quest.id,
                policy: quest.quest.policy,
                desc: quest.quest.desc,
                attempts: quest.attempts,
            });
        }
        let attempts = self.send(|reply| Message::Ensure { quests, reply }).await?;
        Ok(GraphAnswer {
            attempts,
            ..GraphAnswer::default()
        })
    }

    /// Is this the running execution that it says it is? Changes nothing.
    ///
    /// # Errors
    /// `NotFound` or `Refused`.
    pub async fn authenticate(&self, caller: &Dependent) -> Result<(), CallError> {
        let _to_be_written = caller;
        Err(CallError::Stopped)
    }

    fn check(&self, index: usize, quest: EnsureQuest) -> Result<NewQuest, CallError> {
        let mut desc = quest.desc;
        normalize_desc(&mut desc).map_err(|error| invalid(format!("quest[{index}]"), error))?;
        self.validate(&desc)?;
        Ok(NewQuest {
            id: quest_id(&desc),
            policy: policy(&desc),
            desc: Arc::new(desc),
            attempts: quest.attempts,
        })
    }

    /// The backend's own check (DC-53); a name that is not configured fails here too.
    fn validate(&self, desc: &dm::quest::Desc) -> Result<(), CallError> {
        let source = &self.shared.source;
        let config = source
            .snapshot(&desc.distributor_config_name)
            .map_err(|error| unfit("distributor_config_name", &error))?;
        let distributor = source
            .distributor(&config)
            .map_err(|error| unfit("distributor_config_name", &error))?;
        distributor
            .validate(&desc.distributor_parameters)
            .map_err(|error| unfit("distributor_parameters", &error))
    }

    async fn call(&self, attempt: AttemptId, event: Event) -> Result<(), CallError> {
        self.send(|reply| Message::Call {
            attempt,
            event,
            reply,
        })
        .await
    }

    async fn send<T>(
        &self,
        message: impl FnOnce(oneshot::Sender<Result<T, CallError>>) -> Message,
    ) -> Result<T, CallError> {
        let turn = self.shared.clients.acquire().await;
        let _turn = turn.map_err(|_| CallError::Stopped)?;
        let (reply, answer) = oneshot::channel();
        let sent = self.shared.inbox.send(message(reply));
        sent.map_err(|_| CallError::Stopped)?;
        answer.await.map_err(|_| CallError::Stopped)?
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").finish_non_exhaustive()
    }
}

/// Why a description does not fit its backend; if the backend cannot be asked, that may pass.
fn unfit(field: &str, error: &distributor_core::Error) -> CallError {
    if error.is_transient() {
        return CallError::Unavailable(error.to_string());
    }
    // Backends name the field in their messages too.
    let text = error.to_string();
    let message = text.strip_prefix("distributor_parameters: ");
    invalid(field, message.unwrap_or(&text))
}

fn invalid(field: impl Into<String>, error: impl fmt::Display) -> CallError {
    CallError::Invalid {
        field: field.into(),
        message: error.to_string(),
    }
}
