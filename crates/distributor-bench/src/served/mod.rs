//! The product with its API: a service on a port of loopback, and clients that call it, by gRPC unless it is said.
//!
//! Service and clients share this process, so its memory is that of both; only the walk's client is
//! a process of its own.

pub(crate) mod ensure;
pub(crate) mod graph;
pub(crate) mod j02;
pub(crate) mod latency;
mod prpc;
mod random;
mod wait;
pub(crate) mod walk;

use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use distributor_api::notify::Inbound;
use distributor_api::{Access, Api, Open, Parts, Templates};
use distributor_client::{Client, ConnectOptions};
use distributor_core::SystemClock;
use distributor_host::Engine;
use distributor_proto::dm::attempt_list::Nums;
use distributor_proto::dm::quest::Desc;
use distributor_proto::{AttemptId, QuestId, dm};
use distributor_server::{Bound, Settings};
use distributor_store::{AttemptFilter, SqliteStore, Store};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::child::{Outcome, peak_rss_bytes, size_of_files};
use crate::subject;

/// How many attempts are read at once where all are.
const PAGE: usize = 1000;

/// A service that runs.
struct Service {
    folder: PathBuf,
    address: SocketAddr,
    client: Client,
    store: Arc<dyn Store>,
    engine: Engine,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<()>,
}

/// Runs something on as many threads as `distributor serve` has.
fn block_on<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    runtime.context("starting the runtime")?.block_on(work)
}

impl Service {
    /// As `distributor serve` has it, with `config` for its configuration file.
    async fn start(folder: &Path, config: &str) -> Result<Self> {
        let settings = Settings {
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            certificate: None,
            open: true,
            patience: Duration::from_secs(10),
        };
        let bound = Bound::new(settings).await?;
        let address = bound.address();
        let store: Arc<dyn Store> = Arc::new(SqliteStore::open(folder)?);
        let engine = subject::start(folder, config, store.clone(), &address.to_string())?;
        let api = Api::new(Parts {
            engine: engine.clone(),
            clock: Arc::new(SystemClock),
            access: Arc::new(Access::nobody()),
            templates: Arc::new(Templates::default()),
            inbound: Inbound::new(&engine, &folder.join("secrets"), Arc::new(SystemClock)),
        });
        let (stop, stopping) = oneshot::channel();
        let serving = tokio::spawn(bound.serve(api, Arc::new(Open), async move {
            let _gone = stopping.await;
        }));
        Ok(Service {
            folder: folder.to_owned(),
            address,
            client: Client::new(&address.to_string(), &ConnectOptions::default())?,
            store,
            engine,
            stop,
            serving,
        })
    }

    /// How many executions there have been.
    fn executions(&self) -> Result<u64> {
        let mut executions = 0;
        let mut next = None;
        loop {
            let page = self.store.list(AttemptFilter::default(), next, PAGE)?;
            let numbers = page.attempts.iter().map(|it| it.current_execution);
            executions += numbers.map(u64::from).sum::<u64>();
            next = page.next;
            if next.is_none() {
                return Ok(executions);
            }
        }
    }

    /// Stops it, and checks that the store has `attempts`, all of which have finished. The outcome
    /// has the size of the state and this process's peak of memory.
    async fn end(self, attempts: u64) -> Result<Outcome> {
        let peak_rss_bytes = peak_rss_bytes()?;
        drop(self.stop);
        self.serving.await.context("the server has crashed")?;
        self.engine.stop().await;
        subject::check(self.store.as_ref(), attempts)?;
        Ok(Outcome {
            state_bytes: Some(size_of_files(&self.folder)?),
            peak_rss_bytes: Some(peak_rss_bytes),
            ..Outcome::default()
        })
    }
}

/// Asks for attempt 1 of each of these quests; their ids.
async fn ensure(client: &Client, quests: Vec<Desc>) -> Result<Vec<QuestId>> {
    ensure_all(client, quests, Vec::new()).await
}

/// The same for one quest that waits for others before its first execution.
async fn ensure_after(client: &Client, quest: Desc, needs: &[QuestId]) -> Result<QuestId> {
    let list = attempt_list(needs.iter().map(|quest| quest.attempt(1)));
    let ids = ensure_all(client, vec![quest], vec![list]).await?;
    ids.first().copied().context("the answer names no quest")
}

async fn ensure_all(
    client: &Client,
    quest: Vec<Desc>,
    quest_needs: Vec<dm::AttemptList>,
) -> Result<Vec<QuestId>> {
    let count = quest.len();
    let answer = client.ensure_graph_data(request(quest, quest_needs));
    accepted(&answer.await?, count)
}

fn request(quest: Vec<Desc>, quest_needs: Vec<dm::AttemptList>) -> dm::EnsureGraphDataReq {
    dm::EnsureGraphDataReq {
        quest_attempt: vec![Nums { nums: vec![1] }; quest.len()],
        quest,
        quest_needs,
        ..dm::EnsureGraphDataReq::default()
    }
}

/// The ids of the quests that were asked for, if all is well.
fn accepted(answer: &dm::EnsureGraphDataRsp, count: usize) -> Result<Vec<QuestId>> {
    if !answer.accepted || answer.quest_ids.len() != count {
        bail!("EnsureGraphData has not accepted {count} quests");
    }
    let ids = answer.quest_ids.iter().map(QuestId::try_from);
    Ok(ids.collect::<Result<_, _>>()?)
}

fn attempt_list(attempts: impl Iterator<Item = AttemptId>) -> dm::AttemptList {
    let mut list = dm::AttemptList::default();
    for attempt in attempts {
        let nums = list.to.entry(attempt.quest.to_string()).or_default();
        nums.nums.push(attempt.number);
    }
    list
}

/// A job that is simulated.
fn jobsim_quest(phrase: String) -> Desc {
    Desc {
        distributor_config_name: "bench".to_owned(),
        parameters: phrase,
        distributor_parameters: "{}".to_owned(),
        meta: None,
    }
}

/// The configuration file for [`jobsim_quest`].
const JOBSIM: &str = "distributor_configs { key: \"bench\" value { jobsim { pool: \"bench\" } } }";
