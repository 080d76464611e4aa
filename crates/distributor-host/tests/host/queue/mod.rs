//! The task queue: what backends send to themselves (DC-17, DC-23, DC-24, DC-50 … DC-52, DC-71).

mod delivering;
mod external;
mod limits;
mod people;
mod restarts;
mod sending;

use distributor_core::{AttemptId, Notification, QueueTask, TaskState};
use distributor_store::QueueRecord;

use crate::support::{Method, Quest, Seen, World, secs};

/// A task with headers that need care elsewhere, due at once.
fn task(body: impl Into<Vec<u8>>) -> QueueTask {
    let headers = [("a", "1"), ("x/ ü?%", "\0 zwei")];
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned()));
    QueueTask {
        headers: headers.into(),
        body: body.into(),
        delay: secs(0),
    }
}

/// Due in so many seconds.
fn later(body: impl Into<Vec<u8>>, seconds: u64) -> QueueTask {
    QueueTask {
        delay: secs(seconds),
        ..task(body)
    }
}

/// A backend outside of any call sends a task.
async fn enqueue(world: &World, name: &str, task: QueueTask) {
    let config = world.source_snapshot(name);
    let sent = world.host.enqueue_task(&config, task).await;
    sent.expect("there is room");
}

async fn running(world: &World, name: u32) -> AttemptId {
    world.backend("b").starts(secs(1000), TaskState::Running);
    let id = world.ensure_one(&Quest::simple("b", name)).await;
    world.until_executing(id).await;
    world.settle().await;
    id
}

fn hint(id: AttemptId, data: &str) -> Notification {
    Notification::new(id.execution(1), data)
}

/// Pending and dead.
fn counts(world: &World) -> (u64, u64) {
    let counts = world.inner.queue_counts().expect("counts");
    (counts.pending, counts.dead)
}

/// Everything in the queue.
fn stored(world: &World) -> Vec<QueueRecord> {
    let (last, _) = world.inner.high_marks().expect("high marks");
    let ids: Vec<u64> = (1..=last).collect();
    let found = world.inner.queue_records(&ids).expect("records");
    found.into_iter().flatten().collect()
}

fn deliveries(world: &World, name: &str) -> Vec<Seen> {
    world.backend(name).calls_of(Method::Queue)
}

fn bodies(world: &World, name: &str) -> Vec<String> {
    let calls = deliveries(world, name).into_iter();
    let tasks = calls.filter_map(|call| call.queue_task);
    tasks
        .map(|task| String::from_utf8_lossy(&task.body).into_owned())
        .collect()
}
