//! The handle of a running host: what clients can ask of it.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::thread::JoinHandle;

use distributor_core::source::DistributorSource;
use distributor_core::{AttemptId, Clock, ExecutionId, Host, Secret, dm};
use distributor_proto::{normalize_desc, normalize_result, quest_id};
use distributor_store::{Store, StoreError};
use lru::LruCache;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::sync::{Semaphore, broadcast, oneshot, watch};

use super::calls::CallContext;
use super::committer::{Committer, cache_size};
use super::dispatch::Dispatcher;
use super::early::{Claimant, Early};
use super::graph::{CheckedQuest, Dependent, EnsureQuest, GraphAnswer, GraphQuest, GraphRequest};
use super::lanes::Lanes;
use super::lent::{Lent, Surroundings};
use super::message::{AttemptChange, CallError, Ensured, Message};
use super::queue::{Lane, Room, Sender};
use super::settings::{RandomSource, Settings, SystemRandom};
use super::ticker::tick;
use crate::machine::{Event, authenticate, policy};

/// Calls of clients that are taken in at once; the others wait for their turn.
pub(super) const CLIENTS_AT_ONCE: usize = 4096;
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
        let queue = Sender {
            // The host knows how much.
            room: Arc::new(Room::new(&Settings::default())),
            inbox: inbox.clone(),
            clock: clock.clone(),
        };
        let lent = Arc::new(Lent {
            inbox: inbox.clone(),
            clock: clock.clone(),
            queue,
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

/// A running host. Clones are the same host; it stops with [`Engine::stop`] or with the last clone.
#[derive(Clone)]
pub struct Engine {
    shared: Arc<Shared>,
}

struct Shared {
    inbox: UnboundedSender<Message>,
    clients: Semaphore,
    clock: Arc<dyn Clock>,
    store: Arc<dyn Store>,
    source: Arc<dyn DistributorSource>,
    context: Arc<CallContext>,
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
        let room = entrance.lent.queue.room.clone();
        room.set_limits(&settings);
        let lane = Lane::new(settings.queue_calls_at_once);
        let mut committer = Committer {
            store: store.clone(),
            source: source.clone(),
            clock: entrance.clock.clone(),
            random,
            inbox: entrance.inbox.clone(),
            attempts: LruCache::new(cache_size(&settings)),
            descs: LruCache::new(cache_size(&settings)),
            lanes: Lanes::default(),
            dispatcher: Dispatcher::new(
                runtime.clone(),
                context.clone(),
                settings.calls_at_once,
                lane,
            ),
            room,
            settings,
            next_journal: 0,
            next_ready: 0,
            next_due,
            changes,
            trouble: None,
            early: Early::default(),
            starts_at: None,
        };
        committer.recover()?;
        runtime.spawn(tick(entrance.clock.clone(), due, entrance.inbox.clone()));
        let messages = entrance.messages;
        let thread = std::thread::Builder::new()
            .name("committer".to_owned())
            .spawn(move || committer.run(messages))
            .map_err(|error| StoreError::Engine(Box::new(error)))?;
        Ok(Engine {
            shared: Arc::new(Shared {
                inbox: entrance.inbox,
                clients: Semaphore::new(CLIENTS_AT_ONCE),
                clock: entrance.clock,
                store,
                source,
                context,
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
        let mut named = Vec::new();
        let mut request = GraphRequest::default();
        for (index, EnsureQuest { desc, attempts }) in quests.into_iter().enumerate() {
            let quest = self
                .check_desc(desc)
                .map_err(|error| within(&format!("quest[{index}]"), error))?;
            named.extend(attempts.iter().map(|it| quest.id.attempt(it.number)));
            request.quests.push(GraphQuest {
                quest,
                built_by: Vec::new(),
                attempts,
            });
        }
        let answer = self.ensure_graph(request).await?;
        Ok(in_order(&named, &answer.attempts))
    }

    /// Asks for the end of an attempt; a final one stays as it is. A running task is told to stop,
    /// and the attempt ends CANCELLED when it has.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn cancel(&self, attempt: AttemptId, reason: String) -> Result<(), CallError> {
        self.call(attempt, Event::Cancel { reason }).await
    }

    /// Like [`Engine::cancel`], if this is the attempt's current execution and not over.
    ///
    /// # Errors
    /// `NotFound`; `Refused` if it is over or another one is current.
    pub async fn cancel_execution(&self, id: ExecutionId, reason: String) -> Result<(), CallError> {
        let event = Event::CancelExecution {
            execution: id.number,
            reason,
        };
        self.call(id.attempt, event).await
    }

    /// A task claims its execution. If it comes before the answer of `run` is recorded, it waits for
    /// that, at most ten seconds.
    ///
    /// # Errors
    /// `Refused` as the life cycle demands; `NotSettled` if it has waited in vain, or too many wait.
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
        let turn = self.shared.clients.acquire().await;
        let _turn = turn.map_err(|_| CallError::Stopped)?;
        let (reply, answer) = oneshot::channel();
        let call = Message::Call {
            attempt: id.attempt,
            event,
            reply,
        };
        let sent = self.shared.inbox.send(call);
        sent.map_err(|_| CallError::Stopped)?;
        let claimant = Claimant::new(id.attempt, &self.shared.inbox, answer);
        claimant.answer(self.shared.clock.as_ref()).await
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
        if self.shared.inbox.send(Message::ForgetEnded(reply)).is_ok() {
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

    pub(super) fn context(&self) -> &Arc<CallContext> {
        &self.shared.context
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
    /// all of them. If one of them has not ended, normally or not, the dependent is halted: its token
    /// is revoked, and it runs again once all have ended. All of this happens, or nothing.
    ///
    /// # Errors
    /// `AbsentQuest` for attempts of an unknown quest, `Invalid` for a need that is not right,
    /// `NotFound` or `Refused` if the dependent is not what it says it is, `Cycle` if it would wait
    /// for itself, `TooEntangled` if that cannot be found out.
    pub async fn ensure_graph(&self, request: GraphRequest) -> Result<GraphAnswer, CallError> {
        self.send(|reply| Message::Ensure { request, reply }).await
    }

    /// Is this the running execution that it says it is? Changes nothing.
    ///
    /// # Errors
    /// `NotFound` or `Refused`.
    pub async fn authenticate(&self, caller: &Dependent) -> Result<(), CallError> {
        let turn = self.shared.clients.acquire().await;
        let _turn = turn.map_err(|_| CallError::Stopped)?;
        let store = self.shared.store.clone();
        let attempt = caller.execution.attempt;
        let read = tokio::task::spawn_blocking(move || store.attempts(&[attempt]));
        let found = read.await.map_err(|_| CallError::Stopped)??;
        let Some(record) = found.into_iter().flatten().next() else {
            return Err(CallError::NotFound(attempt));
        };
        authenticate(&record, caller.execution.number, &caller.token)?;
        Ok(())
    }

    /// The backend's own check (DC-53); a name that is not configured fails here too.
    fn validate(&self, desc: &dm::quest::Desc) -> Result<(), CallError> {
        let source = &self.shared.source;
        let named = source.snapshot(&desc.distributor_config_name);
        let built = named.and_then(|config| source.distributor(&config));
        let distributor = built.map_err(|error| unfit("distributor_config_name", &error))?;
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

    pub(super) async fn send<T>(
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

fn invalid(field: impl Into<String>, error: impl fmt::Display) -> CallError {
    CallError::Invalid {
        field: field.into(),
        message: error.to_string(),
    }
}

/// What the configuration or its backend says against a field: for good, or for the moment.
fn unfit(field: &str, error: &distributor_core::Error) -> CallError {
    if error.is_transient() {
        CallError::Unavailable(format!("{field}: {error}"))
    } else {
        invalid(field, error)
    }
}

/// The error of a part, with the path of the part.
fn within(part: &str, error: CallError) -> CallError {
    match error {
        CallError::Invalid { field, message } if field.is_empty() => invalid(part, message),
        CallError::Invalid { field, message } => invalid(format!("{part}.{field}"), message),
        other => other,
    }
}

/// An entry for every name, although `ensured` has each attempt once.
fn in_order(names: &[AttemptId], ensured: &[Ensured]) -> Vec<Ensured> {
    let mut by_id: HashMap<AttemptId, Ensured> = ensured.iter().map(|it| (it.id, *it)).collect();
    let mut entries = Vec::with_capacity(names.len());
    for name in names {
        if let Some(entry) = by_id.get_mut(name) {
            entries.push(*entry);
            // A second mention finds what the first has made.
            entry.existed = true;
        }
    }
    entries
}
