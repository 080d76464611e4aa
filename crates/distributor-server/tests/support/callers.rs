//! Who calls, as tests want it.

use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};

use distributor_api::{Caller, Callers, Code, Identity, Status};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// Everybody may do everything.
#[derive(Debug)]
pub(crate) struct Anybody;

impl Callers for Anybody {
    fn identify(&self, _bearer: Option<&str>) -> Result<Caller, Status> {
        Ok(Caller::Trusted)
    }
}

/// `good` may do everything, `stranger` is known and in no group, all others are not good.
#[derive(Debug)]
pub(crate) struct Tokens;

impl Callers for Tokens {
    fn identify(&self, bearer: Option<&str>) -> Result<Caller, Status> {
        match bearer {
            None => Ok(Caller::Anonymous),
            Some("good") => Ok(Caller::Trusted),
            Some("stranger") => Ok(Caller::Named(Identity {
                name: "stranger".to_owned(),
                groups: Vec::new(),
            })),
            Some(_) => {
                let message = "the bearer token is not good";
                Err(Status::new(Code::Unauthenticated, message))
            }
        }
    }
}

/// Tells of each call, and lets it go on when the test says so.
#[derive(Debug)]
pub(crate) struct Gate {
    arrived: UnboundedSender<()>,
    go: Mutex<Receiver<()>>,
}

/// The test's side of a [`Gate`].
pub(crate) struct Gatekeeper {
    pub(crate) arrived: UnboundedReceiver<()>,
    /// Each message lets one call through; all go through once it is dropped.
    pub(crate) go: Sender<()>,
}

impl Gate {
    pub(crate) fn new() -> (Arc<Self>, Gatekeeper) {
        let (arrived, arrives) = unbounded_channel();
        let (go, goes) = mpsc::channel();
        let gate = Gate {
            arrived,
            go: Mutex::new(goes),
        };
        let keeper = Gatekeeper {
            arrived: arrives,
            go,
        };
        (Arc::new(gate), keeper)
    }
}

impl Callers for Gate {
    fn identify(&self, _bearer: Option<&str>) -> Result<Caller, Status> {
        let _unheard = self.arrived.send(());
        let go = self.go.lock().expect("no test panics here");
        let _open_for_all = go.recv();
        Ok(Caller::Trusted)
    }
}
