//! A running farm: its start, and its end.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::faults::Judge;
use crate::model::{Model, Outcomes};
use crate::publish::{Outbox, Pusher, check_url};
use crate::settings::Settings;
use crate::shared::{Shared, State};
use crate::store::Store;
use crate::wire::{is_subscription, is_topic};
use crate::{api, bots};

/// Why a farm did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A setting is wrong.
    #[error("{setting}: {problem}")]
    Setting {
        /// Which one.
        setting: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// Which one.
        address: SocketAddr,
        /// What the system says.
        source: std::io::Error,
    },
    /// The state cannot be read or written, or another farm works on it.
    #[error("state {folder}: {problem}")]
    State {
        /// Where it is.
        folder: String,
        /// What is wrong with it.
        problem: String,
    },
}

/// A running farm. When it is dropped, it ends as if it was killed.
#[derive(Debug)]
pub struct Farm {
    address: SocketAddr,
    url: String,
    work: JoinSet<()>,
    /// Closed once nothing holds the state any more.
    gone: mpsc::Receiver<()>,
}

impl Farm {
    /// Starts a farm, with what is in its state. Tasks that ran when it ended have lost their bots.
    ///
    /// # Errors
    /// If a setting is wrong, the address is taken, or the state cannot be used.
    pub async fn start(settings: Settings) -> Result<Self, StartError> {
        check(&settings)?;
        let listen = |source| StartError::Listen {
            address: settings.listen,
            source,
        };
        let listener = TcpListener::bind(settings.listen).await.map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        let url = format!("http://{address}");
        let state = open(&settings).map_err(|error| StartError::State {
            folder: settings.state.display().to_string(),
            problem: error.to_string(),
        })?;
        let (alive, gone) = mpsc::channel(1);
        let shared = Arc::new(Shared::new(settings, url.clone(), state, alive));
        let mut work = JoinSet::new();
        for subscription in &shared.settings.subscriptions {
            if let Some(pusher) = Pusher::new(shared.clone(), subscription) {
                work.spawn(pusher.run());
            }
        }
        work.spawn(bots::run(shared.clone()));
        work.spawn(api::serve(listener, shared));
        Ok(Farm {
            address,
            url,
            work,
            gone,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its URL, without a slash at the end.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Ends it; the state is free when this returns.
    pub async fn stop(mut self) {
        self.work.shutdown().await;
        while self.gone.recv().await.is_some() {}
    }
}

fn open(settings: &Settings) -> Result<State, crate::store::StoreError> {
    let store = Store::open(&settings.state)?;
    bots::clean_up(settings);
    let judge = Judge::new(settings.faults.clone());
    let outcomes = Outcomes {
        script: settings.faults.clone(),
        task_seconds: settings.task_seconds,
        kill_seconds: settings.kill_seconds,
        run_commands: settings.run_commands,
    };
    let mut model = Model::new(&settings.bots, &settings.pools, outcomes);
    for task in store.tasks()? {
        model.put(task);
    }
    let owed = store.deliveries()?;
    let outbox = Outbox::new(&settings.subscriptions, owed, store.last_delivery()?);
    let mut state = State::new(model, outbox, judge, store);
    let now = settings.clock.now();
    let change = state.model.after_restart(now);
    state.commit(change, now)?;
    Ok(state)
}

fn check(settings: &Settings) -> Result<(), StartError> {
    let wrong = |setting: String, problem: &str| StartError::Setting {
        setting,
        problem: problem.to_owned(),
    };
    let mut ids = std::collections::BTreeSet::new();
    for bot in &settings.bots {
        let setting = format!("bot {}", bot.id);
        if bot.id.is_empty() || !ids.insert(&bot.id) {
            return Err(wrong(
                setting,
                "its id must not be empty, nor that of another",
            ));
        }
        let pools = bot.dimensions.get("pool");
        if pools.is_none_or(Vec::is_empty) {
            return Err(wrong(setting, "it needs the dimension pool"));
        }
    }
    let mut names = std::collections::BTreeSet::new();
    for subscription in &settings.subscriptions {
        let setting = format!("subscription {}", subscription.name);
        if !is_subscription(&subscription.name) || !names.insert(&subscription.name) {
            return Err(wrong(
                setting,
                "its name must be projects/P/subscriptions/S, and its own",
            ));
        }
        if !is_topic(&subscription.topic) {
            return Err(wrong(setting, "its topic must be projects/P/topics/T"));
        }
        if let Some(url) = &subscription.push {
            check_url(url).map_err(|problem| wrong(setting, &problem))?;
        }
    }
    Ok(())
}
