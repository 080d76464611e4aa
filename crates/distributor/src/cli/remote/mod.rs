//! A service, in the shape in which commands know a state directory: records to read, backends to
//! look at, work to ask for.
//!
//! Everything travels through the public API. It refuses to keep anything but what the commands ask
//! for again and again: which task is which execution's.

mod backends;
mod changes;
mod convert;
mod records;
mod work;

use std::future::Future;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};

use distributor_client::{Client, ClientError, Code, ConnectOptions, RetryPolicy};
use distributor_core::{ExecutionId, Token};
use lru::LruCache;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::exit::Failure;
pub(super) use changes::RemoteChanges;

/// Tasks that are remembered: more than any command reads before it asks about one.
const TASKS: NonZeroUsize = NonZeroUsize::new(4096).unwrap();

/// A service. Clones share the connection.
#[derive(Debug, Clone)]
pub(super) struct Remote {
    client: Client,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    /// Calls again when the service is away for a moment.
    patient: Client,
    url: String,
    /// A runtime of its own, so that whoever has none, or must not block his, can wait for answers.
    runtime: Handle,
    /// Ends the runtime when it is dropped.
    _end: oneshot::Sender<()>,
    /// Tasks whose executions were read last: under the task's name its execution, and where to look at it.
    tasks: Mutex<LruCache<Token, (ExecutionId, String)>>,
}

impl Remote {
    /// The service at `url`. Nothing is sent yet. A call that fails is not made again: somebody waits.
    pub(super) fn new(url: &str, options: &ConnectOptions) -> Result<Self, Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(Failure::system("start a runtime"))?;
        let handle = runtime.handle().clone();
        let connect = |retry| {
            let _inside = handle.enter();
            let options = ConnectOptions {
                retry,
                ..options.clone()
            };
            Client::new(url, &options).map_err(|error| Failure::Input(error.to_string()))
        };
        let client = connect(RetryPolicy::never())?;
        let patient = connect(RetryPolicy::default())?;
        let (end, ended) = oneshot::channel::<()>();
        std::thread::Builder::new()
            .name("service".to_owned())
            .spawn(move || {
                let _dropped = runtime.block_on(ended);
                runtime.shutdown_background();
            })
            .map_err(Failure::system("start a thread"))?;
        Ok(Remote {
            client,
            shared: Arc::new(Shared {
                patient,
                url: url.to_owned(),
                runtime: handle,
                _end: end,
                tasks: Mutex::new(LruCache::new(TASKS)),
            }),
        })
    }

    /// The same service, called again and again while it is away: for work that has begun.
    pub(super) fn patient(&self) -> Self {
        Remote {
            client: self.shared.patient.clone(),
            shared: self.shared.clone(),
        }
    }

    /// Makes a call and blocks until it is answered.
    fn wait<T, F, A>(&self, call: F) -> Result<T, Failure>
    where
        T: Send + 'static,
        F: FnOnce(Client) -> A,
        A: Future<Output = Result<T, ClientError>> + Send + 'static,
    {
        let (reply, answer) = std::sync::mpsc::channel();
        let call = call(self.client.clone());
        self.shared.runtime.spawn(async move {
            let _nobody_waits = reply.send(call.await);
        });
        match answer.recv() {
            Ok(answer) => answer.map_err(|error| self.failure(&error)),
            Err(_) => Err(Failure::Internal("a call was lost".to_owned())),
        }
    }

    /// Makes a call from async code.
    async fn call<T, F, A>(&self, call: F) -> Result<T, ClientError>
    where
        T: Send + 'static,
        F: FnOnce(Client) -> A,
        A: Future<Output = Result<T, ClientError>> + Send + 'static,
    {
        call(self.client.clone()).await
    }

    fn failure(&self, error: &ClientError) -> Failure {
        let url = &self.shared.url;
        match error.code() {
            Code::InvalidArgument | Code::NotFound | Code::FailedPrecondition => {
                Failure::Input(error.to_string())
            }
            Code::Unauthenticated | Code::PermissionDenied => Failure::Input(format!(
                "{url}: {error}; set DISTRIBUTOR_TOKEN, or --token-file, to a token of that service \
                 (`distributor token create` makes one)"
            )),
            Code::Unavailable => Failure::Service(format!(
                "the service at {url} cannot be reached: {error}; `distributor serve` starts one"
            )),
            _ => Failure::Service(format!("the service at {url} failed: {error}")),
        }
    }
}
