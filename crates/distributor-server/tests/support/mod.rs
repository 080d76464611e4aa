//! A server on a port of its own, with nothing stored.
#![allow(dead_code, reason = "each of the test programs uses a part of it")]

pub(crate) mod backend;
pub(crate) mod callers;
pub(crate) mod hold;
pub(crate) mod http;
pub(crate) mod random;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use distributor_api::notify::Inbound;
use distributor_api::{Access, Api, Callers, Parts, Templates};
use distributor_client::{Client, ConnectOptions, RetryPolicy};
use distributor_core::{ManualClock, Timestamp};
use distributor_host::driver::Surroundings;
use distributor_host::{Engine, Entrance};
use distributor_server::{Bound, Settings};
use distributor_store::MemoryStore;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use backend::Configurations;
use callers::Anybody;
use hold::HoldingClock;

/// How patient the servers of all tests are at their end.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// A server that runs.
pub(crate) struct World {
    pub(crate) address: SocketAddr,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) committer: Arc<HoldingClock>,
    pub(crate) api: Api,
    stop: Option<oneshot::Sender<()>>,
    served: JoinHandle<()>,
}

/// On a free port of loopback, for anybody.
pub(crate) fn settings() -> Settings {
    Settings {
        address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        certificate: None,
        open: true,
        patience: PATIENCE,
    }
}

impl World {
    /// For anybody.
    pub(crate) async fn open() -> Self {
        World::with(settings(), Arc::new(Anybody)).await
    }

    /// For those whom `callers` knows.
    pub(crate) async fn known(callers: Arc<dyn Callers>) -> Self {
        let open = false;
        World::with(Settings { open, ..settings() }, callers).await
    }

    pub(crate) async fn with(settings: Settings, callers: Arc<dyn Callers>) -> Self {
        let bound = Bound::new(settings).await.expect("a free port");
        let address = bound.address();
        let clock = Arc::new(ManualClock::new(Timestamp::from_micros(
            1_600_000_000_000_000,
        )));
        let committer = Arc::new(HoldingClock::new(clock.clone()));
        let api = api(committer.clone());
        let (stop, stopping) = oneshot::channel();
        let served = tokio::spawn(bound.serve(api.clone(), callers, async move {
            // A world that is dropped stops too.
            let _dropped = stopping.await;
        }));
        World {
            address,
            clock,
            committer,
            api,
            stop: Some(stop),
            served,
        }
    }

    pub(crate) fn client(&self) -> Client {
        self.client_with(&ConnectOptions::default())
    }

    pub(crate) fn client_with(&self, options: &ConnectOptions) -> Client {
        // A failure is what some tests wait for.
        let options = ConnectOptions {
            retry: RetryPolicy::never(),
            ..options.clone()
        };
        Client::new(&self.address.to_string(), &options).expect("an address")
    }

    /// A gRPC connection for what the client has no methods for.
    pub(crate) async fn channel(&self) -> tonic::transport::Channel {
        let endpoint = tonic::transport::Endpoint::from_shared(format!("http://{}", self.address));
        endpoint.unwrap().connect().await.expect("a connection")
    }

    /// Tells the server to stop, and does not wait for it.
    pub(crate) fn stop(&mut self) {
        drop(self.stop.take());
    }

    /// Returns once the server has returned.
    pub(crate) async fn stopped(mut self) {
        self.stop();
        self.served.await.expect("the server does not panic");
    }

    pub(crate) fn is_serving(&self) -> bool {
        !self.served.is_finished()
    }
}

fn api(clock: Arc<HoldingClock>) -> Api {
    let surroundings = Surroundings {
        backends_directory: None,
        helper_program: None,
        topic: None,
    };
    let entrance = Entrance::new(clock.clone(), surroundings);
    let store = Arc::new(MemoryStore::new());
    let engine = Engine::start(
        entrance,
        store,
        Arc::new(Configurations),
        Default::default(),
    );
    let engine = engine.expect("a host");
    Api::new(Parts {
        inbound: Inbound::new(&engine, Path::new("no-secrets"), clock.clone()),
        engine,
        clock,
        access: Arc::new(Access::nobody()),
        templates: Arc::new(Templates::default()),
    })
}

/// A client that asks these questions and could ask more.
pub(crate) struct Questions<T>(std::collections::VecDeque<T>);

impl<T> Questions<T> {
    pub(crate) fn new(questions: impl IntoIterator<Item = T>) -> Self {
        Questions(questions.into_iter().collect())
    }
}

impl<T: Unpin> futures_core::Stream for Questions<T> {
    type Item = T;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<T>> {
        match self.0.pop_front() {
            Some(question) => std::task::Poll::Ready(Some(question)),
            None => std::task::Poll::Pending,
        }
    }
}
