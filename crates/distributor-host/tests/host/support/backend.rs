//! A backend that does what a test tells it, and remembers every call.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use distributor_core::{
    Abandoned, Clock, ConfigSnapshot, Distributor, Error, ErrorKind, ExecutionId, Host, NeedResult,
    Notification, QueueTask, Result, RunRequest, Started, TaskResult, TaskState, Timestamp, Token,
    dm,
};
use tokio::sync::{Semaphore, watch};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Method {
    Run,
    GetStatus,
    Cancel,
    Notification,
    Queue,
}

/// One call, as the backend saw it.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) method: Method,
    /// What the instance was built from.
    pub(crate) config: Arc<ConfigSnapshot>,
    pub(crate) at: Timestamp,
    pub(crate) execution: Option<ExecutionId>,
    pub(crate) token: Option<Token>,
    pub(crate) activation_token: Vec<u8>,
    pub(crate) previous_result: Option<dm::JsonResult>,
    pub(crate) needs: Vec<NeedResult>,
    pub(crate) notification: Option<Notification>,
    pub(crate) queue_task: Option<QueueTask>,
}

/// Holds calls back until the test lets them through.
#[derive(Debug, Clone)]
pub(crate) struct Gate(Arc<Semaphore>);

impl Gate {
    pub(crate) fn closed() -> Self {
        Gate(Arc::new(Semaphore::new(0)))
    }

    pub(crate) fn let_through(&self, calls: usize) {
        self.0.add_permits(calls);
    }

    pub(crate) fn open(&self) {
        self.0.add_permits(Semaphore::MAX_PERMITS / 2);
    }

    async fn pass(&self) {
        self.0.acquire().await.expect("never closed").forget();
    }
}

/// What the backend does with a call.
pub(crate) enum Reply<T> {
    Now(Result<T>),
    /// Answers once the gate lets it through.
    Behind(Gate, Result<T>),
    /// For `run`: answers once nobody wants the task any more.
    OnceAbandoned(Result<T>),
    Panic,
}

type Default<T> = Box<dyn FnMut(&Seen) -> Reply<T> + Send>;

/// The answers of one method: a queue, then always the same rule.
pub(crate) struct Script<T> {
    queue: Mutex<VecDeque<Reply<T>>>,
    default: Mutex<Default<T>>,
}

impl<T: Clone + Send + 'static> Script<T> {
    fn new(default: impl FnMut(&Seen) -> Reply<T> + Send + 'static) -> Self {
        Script {
            queue: Mutex::default(),
            default: Mutex::new(Box::new(default)),
        }
    }

    pub(crate) fn next(&self, reply: Reply<T>) -> &Self {
        self.queue.lock().expect("script").push_back(reply);
        self
    }

    pub(crate) fn times(&self, times: usize, result: &dyn Fn() -> Result<T>) -> &Self {
        for _ in 0..times {
            self.next(Reply::Now(result()));
        }
        self
    }

    pub(crate) fn rule(&self, rule: impl FnMut(&Seen) -> Reply<T> + Send + 'static) {
        *self.default.lock().expect("script") = Box::new(rule);
    }

    pub(crate) fn always(&self, value: T) {
        self.rule(move |_| Reply::Now(Ok(value.clone())));
    }

    fn reply(&self, seen: &Seen) -> Reply<T> {
        let queued = self.queue.lock().expect("script").pop_front();
        queued.unwrap_or_else(|| (self.default.lock().expect("script"))(seen))
    }
}

#[derive(Debug, Default)]
struct Ledger {
    calls: Vec<Seen>,
    under_way: BTreeMap<Method, usize>,
    most_under_way: BTreeMap<Method, usize>,
    /// Tasks that were started and have not told their end yet.
    open: HashSet<String>,
    most_open: usize,
    activation_tokens: HashMap<ExecutionId, HashSet<Vec<u8>>>,
    released: Vec<Token>,
    /// What calls of a method will send to the queue, a list for each call.
    to_send: Vec<(Method, Vec<QueueTask>)>,
    sent: Vec<Result<()>>,
}

/// A backend under the control of a test, shared by all instances of one configuration name.
pub(crate) struct ScriptedBackend {
    pub(crate) run: Script<Started>,
    pub(crate) status: Script<TaskState>,
    pub(crate) cancel: Script<()>,
    pub(crate) notification: Script<Option<TaskResult>>,
    pub(crate) queue: Script<Vec<Notification>>,
    pub(crate) capacity: Mutex<Option<usize>>,
    /// Parameters that contain this text are refused.
    pub(crate) refuses: Mutex<Option<String>>,
    /// Asking for the capacity panics.
    pub(crate) bad_capacity: Mutex<bool>,
    ledger: Mutex<Ledger>,
    arrived: watch::Sender<usize>,
    answered: watch::Sender<usize>,
}

/// A task of `id` that is in this state already.
pub(crate) fn started(id: &str, poll_timeout: Duration, state: TaskState) -> Started {
    Started {
        token: Token(id.to_owned()),
        poll_timeout,
        state,
    }
}

impl ScriptedBackend {
    /// Every task ends at once, with `{}`.
    pub(crate) fn new() -> Self {
        ScriptedBackend {
            run: Script::new(|seen| {
                let state = TaskState::Finished(TaskResult::data("{}"));
                Reply::Now(Ok(started(&seen.task(), Duration::ZERO, state)))
            }),
            status: Script::new(|_| Reply::Now(Ok(TaskState::Running))),
            cancel: Script::new(|_| Reply::Now(Ok(()))),
            notification: Script::new(|_| Reply::Now(Ok(None))),
            queue: Script::new(|_| Reply::Now(Ok(Vec::new()))),
            capacity: Mutex::new(None),
            refuses: Mutex::new(None),
            bad_capacity: Mutex::new(false),
            ledger: Mutex::default(),
            arrived: watch::Sender::new(0),
            answered: watch::Sender::new(0),
        }
    }

    /// Every task starts in this state, under its own name.
    pub(crate) fn starts(&self, poll_timeout: Duration, state: TaskState) {
        self.run
            .rule(move |seen| Reply::Now(Ok(started(&seen.task(), poll_timeout, state.clone()))));
    }

    /// The next call of this method that sends nothing yet sends these to the task queue first.
    pub(crate) fn sends(&self, method: Method, tasks: Vec<QueueTask>) {
        let mut ledger = self.ledger.lock().expect("ledger");
        ledger.to_send.push((method, tasks));
    }

    /// How it went, since the last time.
    pub(crate) fn sent(&self) -> Vec<Result<()>> {
        std::mem::take(&mut self.ledger.lock().expect("ledger").sent)
    }

    async fn send(&self, seen: &Seen, host: &dyn Host) {
        let tasks = {
            let mut ledger = self.ledger.lock().expect("ledger");
            let to_send = ledger.to_send.iter();
            let at = to_send
                .clone()
                .position(|(method, _)| *method == seen.method);
            at.map(|at| ledger.to_send.remove(at).1)
        };
        for task in tasks.unwrap_or_default() {
            let sent = host.enqueue_task(&seen.config, task).await;
            self.ledger.lock().expect("ledger").sent.push(sent);
        }
    }

    pub(crate) fn set_capacity(&self, capacity: usize) {
        *self.capacity.lock().expect("capacity") = Some(capacity);
    }

    pub(crate) fn calls(&self) -> Vec<Seen> {
        self.ledger.lock().expect("ledger").calls.clone()
    }

    pub(crate) fn calls_of(&self, method: Method) -> Vec<Seen> {
        let mut calls = self.calls();
        calls.retain(|call| call.method == method);
        calls
    }

    pub(crate) fn count(&self, method: Method) -> usize {
        let ledger = self.ledger.lock().expect("ledger");
        let calls = ledger.calls.iter();
        calls.filter(|call| call.method == method).count()
    }

    /// Calls of this method under way at once, at most.
    pub(crate) fn most_under_way(&self, method: Method) -> usize {
        let ledger = self.ledger.lock().expect("ledger");
        ledger.most_under_way.get(&method).copied().unwrap_or(0)
    }

    /// Tasks open at once, at most.
    pub(crate) fn most_open(&self) -> usize {
        self.ledger.lock().expect("ledger").most_open
    }

    pub(crate) fn released(&self) -> Vec<Token> {
        self.ledger.lock().expect("ledger").released.clone()
    }

    /// How many different activation tokens each execution was run with.
    pub(crate) fn activation_tokens(&self) -> HashMap<ExecutionId, usize> {
        let ledger = self.ledger.lock().expect("ledger");
        let tokens = ledger.activation_tokens.iter();
        tokens.map(|(id, tokens)| (*id, tokens.len())).collect()
    }

    /// Returns once this method was called `times` times since the beginning.
    pub(crate) async fn called(&self, method: Method, times: usize) {
        let mut arrived = self.arrived.subscribe();
        while self.count(method) < times {
            arrived.changed().await.expect("the backend lives");
        }
    }

    /// Returns once `times` calls of any method were answered since the beginning.
    pub(crate) async fn answered(&self, times: usize) {
        let mut answered = self.answered.subscribe();
        let wait = answered.wait_for(|answered| *answered >= times).await;
        wait.expect("the backend lives");
    }

    fn arrive(&self, seen: &Seen) {
        {
            let ledger = &mut *self.ledger.lock().expect("ledger");
            ledger.calls.push(seen.clone());
            let under_way = ledger.under_way.entry(seen.method).or_default();
            *under_way += 1;
            let most = ledger.most_under_way.entry(seen.method).or_default();
            *most = (*most).max(*under_way);
            if let (Method::Run, Some(id)) = (seen.method, seen.execution) {
                ledger.open.insert(seen.task());
                ledger.most_open = ledger.most_open.max(ledger.open.len());
                let tokens = ledger.activation_tokens.entry(id).or_default();
                tokens.insert(seen.activation_token.clone());
            }
        }
        self.arrived.send_modify(|arrived| *arrived += 1);
    }

    async fn play<T: Clone + Send + 'static>(
        &self,
        seen: Seen,
        host: &dyn Host,
        script: &Script<T>,
        abandoned: &mut Abandoned,
    ) -> Result<T> {
        self.arrive(&seen);
        let _leave = Leave(self, seen.method);
        self.send(&seen, host).await;
        match script.reply(&seen) {
            Reply::Now(result) => result,
            Reply::Behind(gate, result) => {
                gate.pass().await;
                result
            }
            Reply::OnceAbandoned(result) => {
                abandoned.wait().await;
                result
            }
            // Without the hook's message, which would drown what a failing test says.
            Reply::Panic => std::panic::resume_unwind(Box::new("scripted panic")),
        }
    }

    fn close(&self, task: &str) {
        self.ledger.lock().expect("ledger").open.remove(task);
    }
}

struct Leave<'a>(&'a ScriptedBackend, Method);

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        if let Ok(mut ledger) = self.0.ledger.lock() {
            let under_way = ledger.under_way.entry(self.1).or_default();
            *under_way = under_way.saturating_sub(1);
        }
        self.0.answered.send_modify(|answered| *answered += 1);
    }
}

impl Seen {
    /// The token that a well-behaved backend gives.
    pub(crate) fn task(&self) -> String {
        match (&self.execution, &self.token) {
            (Some(id), _) => format!("task of {id}"),
            (None, Some(token)) => token.0.clone(),
            (None, None) => String::new(),
        }
    }
}

/// One instance: the backend as built from one snapshot.
pub(crate) struct Instance {
    pub(crate) config: Arc<ConfigSnapshot>,
    pub(crate) backend: Arc<ScriptedBackend>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) host: Arc<dyn Host>,
}

impl Instance {
    fn seen(&self, method: Method) -> Seen {
        Seen {
            method,
            config: self.config.clone(),
            at: self.clock.now(),
            execution: None,
            token: None,
            activation_token: Vec::new(),
            previous_result: None,
            needs: Vec::new(),
            notification: None,
            queue_task: None,
        }
    }
}

impl Instance {
    async fn play<T: Clone + Send + 'static>(
        &self,
        seen: Seen,
        script: &Script<T>,
        abandoned: &mut Abandoned,
    ) -> Result<T> {
        let host = self.host.as_ref();
        self.backend.play(seen, host, script, abandoned).await
    }
}

#[async_trait]
impl Distributor for Instance {
    async fn run(&self, request: RunRequest) -> Result<Started> {
        let mut abandoned = request.abandoned;
        let seen = Seen {
            execution: Some(request.execution),
            activation_token: request.activation_token.expose().to_vec(),
            previous_result: request.previous_result,
            needs: request.needs,
            ..self.seen(Method::Run)
        };
        let task = seen.task();
        let answer = self.play(seen, &self.backend.run, &mut abandoned);
        let answer = answer.await;
        let over = |started: &Started| matches!(started.state, TaskState::Finished(_));
        if answer.as_ref().map_or(true, over) {
            self.backend.close(&task);
        }
        answer
    }

    async fn cancel(&self, _quest: &dm::quest::Desc, token: &Token) -> Result<()> {
        let seen = Seen {
            token: Some(token.clone()),
            ..self.seen(Method::Cancel)
        };
        let script = &self.backend.cancel;
        self.play(seen, script, &mut Abandoned::never()).await
    }

    async fn get_status(&self, _quest: &dm::quest::Desc, token: &Token) -> Result<TaskState> {
        let seen = Seen {
            token: Some(token.clone()),
            ..self.seen(Method::GetStatus)
        };
        let script = &self.backend.status;
        let answer = self.play(seen, script, &mut Abandoned::never()).await;
        if matches!(answer, Ok(TaskState::Finished(_))) {
            self.backend.close(&token.0);
        }
        answer
    }

    fn info_url(&self, token: &Token) -> String {
        let config = &self.config;
        let content = String::from_utf8_lossy(&config.content);
        format!("{}/{}/{content}/{token}", config.name, config.version)
    }

    async fn handle_notification(
        &self,
        _quest: &dm::quest::Desc,
        _token: &Token,
        notification: &Notification,
    ) -> Result<Option<TaskResult>> {
        let seen = Seen {
            execution: Some(notification.id),
            notification: Some(notification.clone()),
            ..self.seen(Method::Notification)
        };
        let script = &self.backend.notification;
        self.play(seen, script, &mut Abandoned::never()).await
    }

    async fn handle_task_queue_task(&self, task: QueueTask) -> Result<Vec<Notification>> {
        let seen = Seen {
            queue_task: Some(task),
            ..self.seen(Method::Queue)
        };
        let script = &self.backend.queue;
        self.play(seen, script, &mut Abandoned::never()).await
    }

    fn validate(&self, parameters: &str) -> Result<()> {
        let refuses = self.backend.refuses.lock().expect("refuses");
        match refuses.as_ref().filter(|text| parameters.contains(*text)) {
            Some(text) => {
                let message = format!("`{text}` is not for this backend");
                Err(Error::new(ErrorKind::InvalidArgument, message))
            }
            None => Ok(()),
        }
    }

    fn capacity(&self) -> Option<usize> {
        let bad = *self.backend.bad_capacity.lock().expect("capacity");
        assert!(!bad, "scripted panic");
        *self.backend.capacity.lock().expect("capacity")
    }

    fn release(&self, token: &Token) {
        let mut ledger = self.backend.ledger.lock().expect("ledger");
        ledger.released.push(token.clone());
    }
}
