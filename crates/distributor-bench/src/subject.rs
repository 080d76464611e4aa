//! The product without its API: the host with its embedded store and a linked backend, from
//! submission to the durable end.

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
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// The configuration file for [`noop_quest`].
pub(crate) const NOOP: &str = "distributor_configs { key: \"bench\" value { noop {} } }";

/// Noop quests, each with as much payload and result as a row of the floor: 200 and 60 bytes.
pub(crate) fn noop(folder: &Path, count: u64, in_flight: usize) -> Result<Outcome> {
    run(folder, NOOP, count, in_flight, noop_quest)
}

/// Number `number` of the quests that [`noop`] runs.
pub(crate) fn noop_quest(number: u64) -> Desc {
    let result = "r".repeat(49);
    desc(
        format!("{{\"payload\":\"{number:0186}\"}}"),
        format!("{{\"result\":{{\"text\":\"{result}\"}}}}"),
    )
}

/// Processes, all submitted as fast as the host takes them.
pub(crate) fn local_process(folder: &Path, count: u64, slots: usize) -> Result<Outcome> {
    let config = format!(
        "distributor_configs {{ key: \"bench\" value {{ local_process {{ slots: {slots} }} }} }}"
    );
    run(folder, &config, count, 1000, |number| {
        let argv = format!("{{\"argv\":[\"{PROGRAM}\",\"{number}\"]}}");
        desc("{}".to_owned(), argv)
    })
}

/// Runs `count` quests, which `desc` makes.
fn run(
    folder: &Path,
    config: &str,
    count: u64,
    in_flight: usize,
    desc: impl Fn(u64) -> Desc,
) -> Result<Outcome> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .context("starting the runtime")?;
    runtime.block_on(async {
        let store: Arc<dyn Store> = Arc::new(SqliteStore::open(folder)?);
        let engine = start(folder, config, store.clone(), "")?;
        let begin = Instant::now();
        submit_and_wait(&engine, count, in_flight, desc).await?;
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
            ..Outcome::default()
        })
    })
}

/// A host as the command line has it, with `config` for its configuration file and `dm_host` for the
/// address of its API.
pub(crate) fn start(
    folder: &Path,
    config: &str,
    store: Arc<dyn Store>,
    dm_host: &str,
) -> Result<Engine> {
    let registry = Arc::new(Registry::linked()?);
    let file = registry.parse("bench.cfg", config, "bench");
    if let Some(problem) = file.problems().first() {
        bail!("wrong configuration: {problem}");
    }
    let surroundings = Surroundings {
        backends_directory: Some(folder.join("backends")),
        helper_program: Some(std::env::current_exe().context("finding this program")?),
        topic: None,
    };
    let entrance = Entrance::new(Arc::new(SystemClock), surroundings);
    let source = LiveRegistry::new(registry, file, entrance.host(), dm_host);
    let engine = Engine::start(entrance, store, Arc::new(source), Settings::default())?;
    Ok(engine)
}

/// Keeps `in_flight` quests unfinished until `count` have ended well.
async fn submit_and_wait(
    engine: &Engine,
    count: u64,
    in_flight: usize,
    desc: impl Fn(u64) -> Desc,
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
                    let quest = quest(desc(number));
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

/// A simple quest.
fn desc(parameters: String, distributor_parameters: String) -> Desc {
    Desc {
        distributor_config_name: "bench".to_owned(),
        parameters,
        distributor_parameters,
        meta: Some(Meta {
            simple: Some(Simple::default()),
            ..Meta::default()
        }),
    }
}

fn quest(desc: Desc) -> EnsureQuest {
    EnsureQuest {
        desc,
        attempts: vec![NewAttempt {
            number: 1,
            needs: Vec::new(),
        }],
    }
}

/// All of it is in the store, and nothing else.
pub(crate) fn check(store: &dyn Store, count: u64) -> Result<()> {
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
        let error = run(folder.path(), NOOP, 3, 1, |_| {
            desc("no object".to_owned(), "{}".to_owned())
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
