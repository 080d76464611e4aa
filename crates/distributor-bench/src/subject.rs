//! The product: the host with its embedded store and a linked backend, from submission to the
//! durable end.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use distributor_core::dm::attempt::State;
use distributor_core::dm::quest::Desc;
use distributor_core::dm::quest::desc::Meta;
use distributor_core::dm::quest::desc::meta::Simple;
use distributor_core::{Clock, LiveRegistry, Registry, SystemClock};
use distributor_host::driver::{AttemptChange, NewAttempt};
use distributor_host::{Engine, EnsureQuest, Entrance, Settings, Surroundings};
use distributor_store::{SqliteStore, Store};
use tokio::sync::{Semaphore, broadcast};
use tokio::task::JoinSet;

use crate::child::{Outcome, peak_rss_bytes, size_of_files};
use crate::floor::processes::PROGRAM;

/// Longest time without any change before it is taken for stuck.
const PATIENCE: Duration = Duration::from_secs(30);

/// What tells one quest from all others, and what its backend gets.
struct Job {
    parameters: String,
    distributor_parameters: String,
}

/// Noop quests, each with as much payload and result as a row of the floor: 200 and 60 bytes.
pub(crate) fn noop(folder: &Path, count: u64, in_flight: usize) -> Result<Outcome> {
    let config = "distributor_configs { key: \"bench\" value { noop {} } }";
    let result = format!("{{\"result\":{{\"text\":\"{}\"}}}}", "r".repeat(49));
    run(folder, config, count, in_flight, |number| Job {
        parameters: format!("{{\"payload\":\"{number:0186}\"}}"),
        distributor_parameters: result.clone(),
    })
}

/// Processes, all submitted as fast as the host takes them.
pub(crate) fn local_process(folder: &Path, count: u64, slots: usize) -> Result<Outcome> {
    let config = format!(
        "distributor_configs {{ key: \"bench\" value {{ local_process {{ slots: {slots} }} }} }}"
    );
    run(folder, &config, count, 1000, |number| Job {
        parameters: "{}".to_owned(),
        distributor_parameters: format!("{{\"argv\":[\"{PROGRAM}\",\"{number}\"]}}"),
    })
}

/// Runs `count` quests, which `job` makes.
fn run(
    folder: &Path,
    config: &str,
    count: u64,
    in_flight: usize,
    job: impl Fn(u64) -> Job,
) -> Result<Outcome> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .context("starting the runtime")?;
    runtime.block_on(async {
        let store: Arc<dyn Store> = Arc::new(SqliteStore::open(folder)?);
        let engine = start(folder, config, store.clone())?;
        let begin = Instant::now();
        submit_and_wait(&engine, count, in_flight, job).await?;
        let duration = begin.elapsed();
        engine.stop().await;
        check(store.as_ref(), count)?;
        let peak_rss_bytes = peak_rss_bytes()?;
        let state_bytes = size_of_files(folder)?;
        store.collect(SystemClock.now(), Duration::ZERO)?;
        Ok(Outcome {
            duration,
            state_bytes: Some(state_bytes),
            collected_bytes: Some(size_of_files(folder)?),
            peak_rss_bytes: Some(peak_rss_bytes),
        })
    })
}

/// A host as the command line has it, with `config` for its configuration file.
fn start(folder: &Path, config: &str, store: Arc<dyn Store>) -> Result<Engine> {
    let registry = Arc::new(Registry::linked()?);
    let file = registry.parse("bench.cfg", config, "bench");
    if let Some(problem) = file.problems().first() {
        bail!("wrong configuration: {problem}");
    }
    let surroundings = Surroundings {
        backends_directory: Some(folder.join("backends")),
        helper_program: Some(std::env::current_exe().context("finding this program")?),
    };
    let entrance = Entrance::new(Arc::new(SystemClock), surroundings);
    let source = LiveRegistry::new(registry, file, entrance.host(), "");
    let engine = Engine::start(entrance, store, Arc::new(source), Settings::default())?;
    Ok(engine)
}

/// Keeps `in_flight` quests unfinished until `count` have ended well.
async fn submit_and_wait(
    engine: &Engine,
    count: u64,
    in_flight: usize,
    job: impl Fn(u64) -> Job,
) -> Result<()> {
    let mut changes = engine.watch();
    let room = Semaphore::new(in_flight);
    let submit = async {
        let mut number = 0;
        let mut calls = JoinSet::new();
        loop {
            tokio::select! {
                permit = room.acquire(), if number < count => {
                    permit?.forget();
                    let quest = quest(job(number));
                    let engine = engine.clone();
                    calls.spawn(async move { engine.ensure(vec![quest]).await });
                    number += 1;
                }
                Some(answer) = calls.join_next() => {
                    answer??;
                }
                else => return anyhow::Ok(()),
            }
        }
    };
    let wait = async {
        for _ in 0..count {
            finished(&mut changes).await?;
            room.add_permits(1);
        }
        anyhow::Ok(())
    };
    tokio::try_join!(submit, wait)?;
    Ok(())
}

/// Waits for the next attempt to finish.
async fn finished(changes: &mut broadcast::Receiver<AttemptChange>) -> Result<()> {
    loop {
        let change = tokio::time::timeout(PATIENCE, changes.recv()).await;
        let change = change.context("nothing has happened for a long time")??;
        match change.state {
            State::Finished => return Ok(()),
            State::AbnormalFinished => bail!("attempt {} did not end well", change.id),
            _ => {}
        }
    }
}

fn quest(job: Job) -> EnsureQuest {
    EnsureQuest {
        desc: Desc {
            distributor_config_name: "bench".to_owned(),
            parameters: job.parameters,
            distributor_parameters: job.distributor_parameters,
            meta: Some(Meta {
                simple: Some(Simple::default()),
                ..Meta::default()
            }),
        },
        attempts: vec![NewAttempt {
            number: 1,
            needs: Vec::new(),
        }],
    }
}

/// All of it is in the store, and nothing else.
fn check(store: &dyn Store, count: u64) -> Result<()> {
    let counts = store.counts()?;
    let unfinished = counts.scheduling + counts.executing + counts.waiting;
    if counts.finished != count || counts.abnormal_finished + unfinished != 0 {
        bail!("not all of {count} attempts have finished: {counts:?}");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_quest_is_told() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let config = "distributor_configs { key: \"bench\" value { noop {} } }";
        let error = run(folder.path(), config, 3, 1, |_| Job {
            parameters: "no object".to_owned(),
            distributor_parameters: "{}".to_owned(),
        });
        let message = format!("{:#}", error.expect_err("the host refuses it"));
        assert!(message.starts_with("quest[0]: "), "{message}");
    }

    #[test]
    fn noop_quests_finish_and_can_be_collected() {
        for in_flight in [1, 10] {
            let folder = tempfile::tempdir().expect("a temporary folder");
            let outcome = noop(folder.path(), 30, in_flight).expect("all of them finish");
            assert!(outcome.state_bytes > Some(0));
        }
    }
}
