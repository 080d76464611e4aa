//! A receiver at work, with everything that a test can turn.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use distributor_api::notify::{MessageError, PubsubMessage, Verdict};
use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

use super::clock::TestClock;
use super::server::{NAME, Server};
use crate::{Client, Endpoint, Handler, PullReceiver, Settings};

/// Remembers what it was given. By the id of a message the test says what it does.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// Durable: how often each message was handled to its end.
    pub(super) handled: BTreeMap<String, u32>,
    pub(super) malformed: u32,
    pub(super) under_way: usize,
    pub(super) most_under_way: usize,
    /// Those that cannot be handled for now.
    pub(super) refused: BTreeSet<String>,
    /// Those whose handling does not end for now.
    pub(super) held: BTreeSet<String>,
}

#[derive(Debug, Clone, Default)]
pub(super) struct TestHandler(pub(super) Arc<watch::Sender<Seen>>);

impl TestHandler {
    pub(super) fn set(&self, change: impl FnOnce(&mut Seen)) {
        self.0.send_modify(change);
    }

    pub(super) async fn wait_until(&self, mut is_so: impl FnMut(&Seen) -> bool) {
        self.0.subscribe().wait_for(|it| is_so(it)).await.unwrap();
    }
}

#[async_trait]
impl Handler for TestHandler {
    async fn handle(&self, message: Result<PubsubMessage, MessageError>) -> Verdict {
        let Ok(message) = message else {
            self.set(|it| it.malformed += 1);
            return Verdict::Ack;
        };
        assert_eq!(message.subscription, NAME);
        let id = message.message_id.unwrap();
        assert_ne!(id, "panic", "as told");
        self.set(|it| {
            it.under_way += 1;
            it.most_under_way = it.most_under_way.max(it.under_way);
        });
        self.wait_until(|it| !it.held.contains(&id)).await;
        let mut verdict = Verdict::Nack;
        self.set(|it| {
            it.under_way -= 1;
            if !it.refused.contains(&id) {
                *it.handled.entry(id).or_default() += 1;
                verdict = Verdict::Ack;
            }
        });
        verdict
    }
}

pub(super) struct Setup {
    pub(super) server: Server,
    pub(super) handler: TestHandler,
    pub(super) clock: Arc<TestClock>,
    stop: oneshot::Sender<()>,
    running: JoinHandle<()>,
}

impl Setup {
    /// A receiver whose server is there.
    pub(super) async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Server::new();
        let address = listener.local_addr().unwrap();
        server.serve(listener);
        Self::at(&address.to_string(), server)
    }

    /// A receiver that calls `address`.
    pub(super) fn at(address: &str, server: Server) -> Self {
        let clock = Arc::new(TestClock::new());
        let handler = TestHandler::default();
        let endpoint = Endpoint::emulator(address).unwrap();
        let client = Client::new(endpoint, None, clock.clone()).unwrap();
        let receiver = PullReceiver::new(
            client,
            NAME.parse().unwrap(),
            Arc::new(handler.clone()),
            clock.clone(),
            Settings::default(),
        );
        let (stop, stopped) = oneshot::channel::<()>();
        let running = tokio::spawn(receiver.run(async move {
            let _gone = stopped.await;
        }));
        Setup {
            server,
            handler,
            clock,
            stop,
            running,
        }
    }

    pub(super) async fn pass(&self, seconds: u64) {
        self.clock.pass(Duration::from_secs(seconds)).await;
    }

    /// Stops the receiver, waits until it has ended, and checks what it has asked for.
    pub(super) async fn stop(self) {
        let _gone = self.stop.send(());
        self.running.await.unwrap();
        let complaints = self.server.0.borrow().complaints.clone();
        assert_eq!(complaints, Vec::<String>::new());
    }

    /// Asks it to stop and gives what ends with it.
    pub(super) fn ask_to_stop(self) -> JoinHandle<()> {
        let _gone = self.stop.send(());
        self.running
    }
}
