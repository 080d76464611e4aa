//! Notifications through the push receiver: verified, recorded durably, acknowledged. And how soon one
//! ends its attempt when nothing else goes on.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use distributor_client::Streaming;
use distributor_core::dm::attempt::State;
use distributor_core::{QuestId, SystemClock, TestingRegistry};
use distributor_host::topic::{DEFAULT_LIFETIME, TopicTokens};
use distributor_proto::control::{WatchRequest, WatchResponse};
use distributor_store::StateCounts;
use tokio::sync::broadcast::error::RecvError;
use tokio::task::JoinSet;

use super::http::Connection;
use super::{Service, block_on, ensure};
use crate::child::Outcome;
use crate::measurement::Fact;
use crate::probe::percentile;
use crate::subject::{PATIENCE, Source, noop_quest};
use crate::told::{END, Told};

/// The path of Dungeon Master's own receiver.
const PATH: &str = "/_ah/push-handlers/dm-distributor-notify";
/// Requests under way at once.
const SENDERS: usize = 256;
/// Executions that the notifications are about.
const EXECUTIONS: u64 = 2_000;
/// Quests that are made in one call.
const QUESTS_PER_CALL: u64 = 500;
/// A body that says nothing.
const NEWS: &[u8] = b"news";

/// Sends `count` notifications about executions that run, in turn; then one to each that ends it.
pub(crate) fn receive(folder: &Path, count: u64) -> Result<Outcome> {
    block_on(async {
        let service = start(folder, &Told::default()).await?;
        let quests = running(&service, EXECUTIONS.min(count)).await?;
        let news = bodies(&service, &quests, NEWS)?;
        let ends = bodies(&service, &quests, END)?;
        let begin = Instant::now();
        send(&service, news, count).await?;
        let duration = begin.elapsed();
        let handled = until_handled(&service, ends).await?;
        let attempts = u64::try_from(quests.len())?;
        let facts = vec![Fact::milliseconds(
            "all handled, and every attempt ended, after",
            handled,
        )];
        Ok(Outcome {
            duration,
            facts,
            ..service.end(attempts).await?
        })
    })
}

/// The same server reads `count` bodies of that length and answers as empty a 204, for they say nothing.
pub(crate) fn answer_204(folder: &Path, count: u64) -> Result<Outcome> {
    block_on(async {
        let service = start(folder, &Told::default()).await?;
        let token = "t".repeat(300);
        let length = body("subscription", &token, NEWS).len();
        let begin = Instant::now();
        send(&service, vec![vec![b' '; length]], count).await?;
        let duration = begin.elapsed();
        Ok(Outcome {
            duration,
            ..service.end(0).await?
        })
    })
}

/// `count` times: a quest runs, a notification ends it, and the stream of changes says so.
pub(crate) fn latency(folder: &Path, count: u64) -> Result<Outcome> {
    block_on(async {
        let told = Told::default();
        let service = start(folder, &told).await?;
        let mut connection = Connection::new(service.address).await?;
        let mut changes = service.client.watch(WatchRequest::default()).await?;
        let (mut from_sending, mut from_asking) = (Vec::new(), Vec::new());
        let begin = Instant::now();
        for number in 0..count {
            let quests = ensure(&service.client, vec![noop_quest(number)]).await?;
            next(&mut changes, State::Executing).await?;
            let ends = bodies(&service, &quests, END)?;
            let end = ends.first().context("one body")?;
            let sent = Instant::now();
            tokio::try_join!(
                post(&mut connection, end),
                next(&mut changes, State::Finished)
            )?;
            let now = Instant::now();
            let asked = told.take_asked().context("the backend was not asked")?;
            from_sending.push(now.duration_since(sent));
            from_asking.push(now.duration_since(asked));
        }
        let duration = begin.elapsed();
        drop(changes);
        let mut facts = Vec::new();
        for (name, durations) in [
            ("sent to finished", &mut from_sending),
            ("handle_notification to finished", &mut from_asking),
        ] {
            durations.sort_unstable();
            for percent in [50, 99] {
                let micros = percentile(durations, percent);
                let duration = Duration::from_secs_f64(micros / 1e6);
                facts.push(Fact::milliseconds(&format!("{name}, p{percent}"), duration));
            }
        }
        Ok(Outcome {
            duration,
            facts,
            ..service.end(count).await?
        })
    })
}

async fn start(folder: &Path, told: &Told) -> Result<Service> {
    let told = told.clone();
    let source: Box<Source> = Box::new(move |host, _dm_host| {
        let source = TestingRegistry::new(host).with("bench", move |_| Arc::new(told.clone()));
        Ok(Arc::new(source))
    });
    Service::start_with(folder, source).await
}

/// Quests whose executions run.
async fn running(service: &Service, count: u64) -> Result<Vec<QuestId>> {
    let mut quests = Vec::new();
    let mut first = 0;
    while first < count {
        let last = count.min(first + QUESTS_PER_CALL);
        quests.extend(ensure(&service.client, (first..last).map(noop_quest).collect()).await?);
        first = last;
    }
    until(service, |counts| counts.executing >= count).await?;
    Ok(quests)
}

/// A push for each of these quests' first executions.
fn bodies(service: &Service, quests: &[QuestId], data: &[u8]) -> Result<Vec<Vec<u8>>> {
    let secrets = service.folder.join("secrets");
    let tokens = TopicTokens::new(secrets, Arc::new(SystemClock), DEFAULT_LIFETIME);
    let token = |quest: &QuestId| {
        let execution = quest.attempt(1).execution(1);
        let token = tokens.issue(execution, "bench")?;
        let token = String::from_utf8_lossy(token.expose()).into_owned();
        Ok(body("projects/bench/subscriptions/bench", &token, data))
    };
    quests.iter().map(token).collect()
}

fn body(subscription: &str, token: &str, data: &[u8]) -> Vec<u8> {
    let data = BASE64_STANDARD.encode(data);
    serde_json::json!({
        "subscription": subscription,
        "message": {
            "attributes": {"auth_token": token},
            "data": data,
            "messageId": "1",
            "message_id": "1",
            "publishTime": "2024-01-01T00:00:00Z",
            "publish_time": "2024-01-01T00:00:00Z",
        },
    })
    .to_string()
    .into_bytes()
}

/// Posts `count` of these bodies, over and over, from several connections.
async fn send(service: &Service, bodies: Vec<Vec<u8>>, count: u64) -> Result<()> {
    let (next, bodies) = (Arc::new(AtomicU64::new(0)), Arc::new(bodies));
    let mut senders = JoinSet::new();
    for _ in 0..SENDERS {
        let (next, bodies) = (next.clone(), bodies.clone());
        let mut connection = Connection::new(service.address).await?;
        senders.spawn(async move {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= count {
                    return anyhow::Ok(());
                }
                let index = usize::try_from(number)? % bodies.len();
                post(&mut connection, &bodies[index]).await?;
            }
        });
    }
    while let Some(sent) = senders.join_next().await {
        sent??;
    }
    Ok(())
}

async fn post(connection: &mut Connection, body: &[u8]) -> Result<()> {
    let answer = connection.post(PATH, "application/json", body).await?;
    if answer.status != 204 {
        bail!("a push was answered with {}", answer.status);
    }
    Ok(())
}

/// How long it takes until all that was sent is handled, with an end for each as the last.
async fn until_handled(service: &Service, ends: Vec<Vec<u8>>) -> Result<Duration> {
    let begin = Instant::now();
    let count = u64::try_from(ends.len())?;
    send(service, ends, count).await?;
    until(service, |counts| counts.finished >= count).await?;
    Ok(begin.elapsed())
}

/// Waits until an attempt is told to be in `state`; only one is not over.
async fn next(changes: &mut Streaming<WatchResponse>, state: State) -> Result<()> {
    loop {
        let message = tokio::time::timeout(PATIENCE, changes.message()).await;
        let message = message.context("nothing has happened for a long time")??;
        let message = message.context("the stream of changes has ended")?;
        if message.missed {
            bail!("the stream of changes has missed something");
        }
        if message.changes.iter().any(|it| it.state() == state) {
            return Ok(());
        }
    }
}

/// Waits until so many attempts are in some state; looks after each change.
async fn until(service: &Service, enough: impl Fn(&StateCounts) -> bool) -> Result<()> {
    let mut changes = service.engine.watch();
    while !enough(&service.store.counts()?) {
        let change = tokio::time::timeout(PATIENCE, changes.recv()).await;
        match change.context("nothing has happened for a long time")? {
            Ok(_) | Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => bail!("the host has stopped"),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_notification_arrives() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let outcome = receive(folder.path(), 50).expect("all of them finish");
        assert!(outcome.state_bytes > Some(0));
    }

    #[test]
    fn nonsense_is_answered_like_the_rest() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        answer_204(folder.path(), 20).expect("all are answered");
    }

    #[test]
    fn a_notification_ends_an_attempt() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let outcome = latency(folder.path(), 3).expect("all of them finish");
        assert_eq!(outcome.facts.len(), 4);
    }
}
