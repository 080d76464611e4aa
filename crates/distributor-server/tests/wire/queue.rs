//! The task queue and the counters of notifications, as people see them.

use std::sync::Arc;

use distributor_client::Code;
use distributor_core::ConfigSnapshot;
use distributor_proto::control::{
    CountNotificationsRequest, CountNotificationsResponse, DiscardQueueRequest, ListQueueRequest,
    ReplayQueueRequest,
};
use distributor_store::{Batch, QueueRecord, QueueState, Store};

use crate::support::{CONFIG, World};
use crate::wire::{Wire, assert_refused};

over_both! {
    tasks_are_listed_newest_first_page_by_page_without_their_content;
    dead_letters_are_replayed_once_and_discarded_for_good;
    what_is_wrong_with_a_request_is_named;
    notifications_are_counted;
}

/// Above all ids that the host gives in a test.
const FIRST: u64 = 1000;

fn put<W: Wire>(world: &World<W>, number: u64, state: QueueState) -> u64 {
    let id = FIRST + number;
    let config = ConfigSnapshot {
        name: CONFIG.to_owned(),
        version: "v1".to_owned(),
        config_type: "farm.Config".to_owned(),
        content: b"canary".to_vec(),
        dm_host: String::new(),
    };
    let task = QueueRecord {
        id,
        config: Arc::new(config),
        headers: [("x".to_owned(), "canary".to_owned())].into(),
        body: b"canary".to_vec(),
        created: world.now(),
        // Not before the end of the test.
        due: world.now().after(std::time::Duration::from_secs(1_000_000)),
        tries: 7,
        state,
        last_error: Some("no route".to_owned()),
    };
    let batch = Batch {
        queue_added: vec![task],
        ..Batch::default()
    };
    world.store.commit(&batch).expect("a new task");
    id
}

async fn ids<W: Wire>(world: &World<W>, dead: bool) -> Vec<u64> {
    let request = ListQueueRequest {
        dead,
        ..ListQueueRequest::default()
    };
    let page = world.reader.list_queue(request).await.expect("good");
    page.tasks.iter().map(|task| task.id).collect()
}

async fn tasks_are_listed_newest_first_page_by_page_without_their_content<W: Wire>(
    world: &World<W>,
) {
    for number in [1, 2, 3] {
        put(world, number, QueueState::Dead);
    }
    put(world, 4, QueueState::Pending);
    let page = |page_token| {
        world.reader.list_queue(ListQueueRequest {
            dead: true,
            page_size: 2,
            page_token,
        })
    };
    let first = page(String::new()).await.expect("good");
    assert_eq!((first.pending, first.dead), (1, 3));
    assert_eq!(first.bytes, 4 * 13);
    let task = &first.tasks[0];
    assert_eq!((task.id, task.tries, task.size), (FIRST + 3, 7, 13));
    assert_eq!((&*task.config_name, &*task.config_version), (CONFIG, "v1"));
    assert_eq!(task.last_error, "no route");
    assert!(!format!("{first:?}").contains("canary"));
    let second = page(first.next_page_token.clone()).await.expect("good");
    let rest: Vec<u64> = second.tasks.iter().map(|task| task.id).collect();
    assert_eq!((rest, &*second.next_page_token), (vec![FIRST + 1], ""));
    assert_eq!(ids(world, false).await, [FIRST + 4]);
    let other = ListQueueRequest {
        page_token: first.next_page_token,
        ..ListQueueRequest::default()
    };
    let answer = world.reader.list_queue(other).await;
    assert_refused(answer, Code::InvalidArgument, "page_token: ");
}

async fn dead_letters_are_replayed_once_and_discarded_for_good<W: Wire>(world: &World<W>) {
    let [one, two, three] = [1, 2, 3].map(|number| put(world, number, QueueState::Dead));
    let pending = put(world, 4, QueueState::Pending);
    let request = DiscardQueueRequest {
        ids: vec![two, two, pending, 5],
    };
    let done = world.writer.discard_queue(request).await.expect("good");
    assert_eq!(
        (done.discarded, done.not_dead, done.not_found),
        (1, vec![pending], vec![5])
    );
    assert_eq!(ids(world, true).await, [three, one]);
    let request = ReplayQueueRequest {
        ids: vec![one, pending, 5],
        all_dead: false,
    };
    let done = world.writer.replay_queue(request).await.expect("good");
    assert_eq!(
        (done.replayed, done.not_dead, done.not_found),
        (1, vec![pending], vec![5])
    );
    assert_eq!(ids(world, true).await, [three]);
    let all = ReplayQueueRequest {
        ids: Vec::new(),
        all_dead: true,
    };
    let done = world.writer.replay_queue(all.clone()).await.expect("good");
    assert_eq!(done.replayed, 1);
    let done = world.writer.replay_queue(all).await.expect("good");
    assert_eq!(done.replayed, 0);
    assert!(ids(world, true).await.is_empty());
}

async fn what_is_wrong_with_a_request_is_named<W: Wire>(world: &World<W>) {
    for (ids, all_dead, part) in [
        (Vec::new(), false, "all_dead"),
        (vec![1], true, "all_dead"),
        (vec![1; 1001], false, "1001 are too many"),
    ] {
        let request = ReplayQueueRequest { ids, all_dead };
        let answer = world.writer.replay_queue(request).await;
        assert_refused(answer, Code::InvalidArgument, part);
    }
    let answer = world.writer.discard_queue(Default::default()).await;
    assert_refused(answer, Code::InvalidArgument, "ids: ");
}

async fn notifications_are_counted<W: Wire>(world: &World<W>) {
    let request = CountNotificationsRequest {};
    let counts = world.reader.count_notifications(request).await;
    assert_eq!(counts.expect("good"), CountNotificationsResponse::default());
}
