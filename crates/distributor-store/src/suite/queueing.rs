//! The task queue.

use super::committing::assert_conflict;
use super::fixtures::{moment, must, snapshot, task};
use crate::{Batch, DueTask, QueueChange, QueueCounts, QueueRecord, QueueState, QueuedTask, Store};

/// With all that a task can have, and with nothing.
pub fn queued_tasks_come_back_as_they_were(store: &dyn Store) {
    let bare = QueueRecord {
        headers: Default::default(),
        body: Vec::new(),
        ..task(3, 30)
    };
    let dead = QueueRecord {
        config: snapshot("another"),
        body: vec![7; 100_000],
        tries: u32::MAX,
        state: QueueState::Dead,
        last_error: Some("it broke".to_owned()),
        ..task(8, -5)
    };
    add(store, &[bare.clone(), dead.clone()]);
    let found = must(store.queue_records(&[8, 5, 3, u64::MAX]));
    assert_eq!(found, [Some(dead.clone()), None, Some(bare), None]);
    let line = QueuedTask {
        id: 8,
        config: snapshot("another"),
        size: 100_000 + 15,
        created: moment(1),
        due: moment(-5),
        tries: u32::MAX,
        state: QueueState::Dead,
        last_error: dead.last_error,
    };
    let page = must(store.list_queue(QueueState::Dead, None, 9));
    assert_eq!((page.tasks, page.next), (vec![line], None));
    assert_eq!(counts(store), (1, 1, 100_015));
    let configurations = must(store.configurations());
    assert_eq!(configurations, [snapshot("queue"), snapshot("another")]);
}

/// Pending ones only, and those of one moment by their ids.
pub fn due_tasks_come_earliest_first(store: &dyn Store) {
    assert_eq!(must(store.due_queue(moment(i64::MAX >> 1), 9)), []);
    let dead = QueueRecord {
        state: QueueState::Dead,
        ..task(5, 1)
    };
    let tried = QueueRecord {
        tries: 4,
        ..task(2, 20)
    };
    add(store, &[task(9, 20), tried, dead, task(1, 40), task(3, 10)]);
    let ids = |now, limit| -> Vec<u64> {
        let due = must(store.due_queue(moment(now), limit));
        due.iter().map(|task| task.id).collect()
    };
    assert_eq!(ids(9, 9), Vec::<u64>::new());
    assert_eq!(ids(39, 9), [3, 2, 9]);
    assert_eq!(ids(40, 9), [3, 2, 9, 1]);
    assert_eq!(ids(40, 2), [3, 2]);
    let second = DueTask {
        id: 2,
        due: moment(20),
        tries: 4,
    };
    assert_eq!(must(store.due_queue(moment(40), 9))[1], second);
    assert_eq!(must(store.next_due()), None, "it is asked for by itself");
}

/// Tried again, dead, and alive again; one that is not there is no error.
pub fn a_changed_task_is_what_it_was_changed_to(store: &dyn Store) {
    add(store, &[task(1, 10), task(2, 10)]);
    let change = |id, state, due, tries, error: Option<&str>| QueueChange {
        id,
        state,
        due: moment(due),
        tries,
        last_error: error.map(str::to_owned),
    };
    let changed = |changes: &[QueueChange]| {
        must(store.commit(&Batch {
            queue_changed: changes.to_vec(),
            ..Batch::default()
        }));
    };
    changed(&[
        change(1, QueueState::Pending, 50, 1, Some("slow")),
        change(2, QueueState::Dead, 11, 3, Some("no")),
        change(77, QueueState::Dead, 1, 1, None),
    ]);
    let (again, dead) = (
        QueueRecord {
            tries: 1,
            last_error: Some("slow".to_owned()),
            ..task(1, 50)
        },
        QueueRecord {
            tries: 3,
            state: QueueState::Dead,
            last_error: Some("no".to_owned()),
            ..task(2, 11)
        },
    );
    let found = must(store.queue_records(&[1, 2, 77]));
    assert_eq!(found, [Some(again), Some(dead), None]);
    assert_eq!(must(store.due_queue(moment(49), 9)), []);
    assert_eq!(counts(store), (1, 1, 36));
    changed(&[change(2, QueueState::Pending, 12, 0, None)]);
    let found = must(store.queue_records(&[2]));
    assert_eq!(found, [Some(task(2, 12))]);
    assert_eq!(must(store.due_queue(moment(49), 9))[0].id, 2);
    assert_eq!(counts(store), (2, 0, 36));
}

/// Also if it was added in the same batch; one that is not there is no error.
pub fn a_done_task_is_gone(store: &dyn Store) {
    let dead = QueueRecord {
        state: QueueState::Dead,
        ..task(3, 1)
    };
    add(store, &[task(1, 10), task(2, 10), dead]);
    must(store.commit(&Batch {
        queue_added: vec![task(4, 10)],
        queue_done: vec![1, 3, 4, 77],
        ..Batch::default()
    }));
    let found = must(store.queue_records(&[1, 2, 3, 4]));
    assert_eq!(found, [None, Some(task(2, 10)), None, None]);
    assert_eq!(counts(store), (1, 0, 18));
}

/// In pages, each state by itself.
pub fn the_queue_is_listed_newest_first(store: &dyn Store) {
    for id in 1..=6 {
        let state = match id % 3 {
            0 => QueueState::Dead,
            _ => QueueState::Pending,
        };
        add(
            store,
            &[QueueRecord {
                state,
                ..task(id, 1)
            }],
        );
    }
    let page = |state, before, limit| {
        let page = must(store.list_queue(state, before, limit));
        let ids: Vec<u64> = page.tasks.iter().map(|task| task.id).collect();
        (ids, page.next)
    };
    assert_eq!(page(QueueState::Pending, None, 3), (vec![5, 4, 2], Some(2)));
    assert_eq!(page(QueueState::Pending, Some(2), 3), (vec![1], None));
    assert_eq!(page(QueueState::Dead, None, 2), (vec![6, 3], None));
    assert_eq!(page(QueueState::Dead, Some(6), 1), (vec![3], None));
    assert_eq!(page(QueueState::Dead, Some(3), 9), (vec![], None));
}

/// Neither across batches nor in one, and then nothing of the batch is stored.
pub fn a_task_id_is_not_taken_twice(store: &dyn Store) {
    add(store, &[task(1, 10)]);
    for tasks in [[task(2, 10), task(1, 10)], [task(2, 10), task(2, 10)]] {
        let what = format!("queued task {}", tasks[1].id);
        let batch = Batch {
            queue_added: tasks.to_vec(),
            ..Batch::default()
        };
        assert_conflict(store, &batch, &what);
    }
    assert_eq!(must(store.queue_records(&[2])), [None]);
    assert_eq!(counts(store), (1, 0, 18));
}

/// One sequence for the journal and the queue.
pub fn high_marks_outlive_the_tasks(store: &dyn Store) {
    add(store, &[task(8, 1), task(3, 1)]);
    must(store.commit(&Batch {
        queue_done: vec![8, 3],
        ..Batch::default()
    }));
    assert_eq!(must(store.high_marks()), (8, 0));
    assert_eq!(counts(store), (0, 0, 0));
}

fn add(store: &dyn Store, tasks: &[QueueRecord]) {
    must(store.commit(&Batch {
        queue_added: tasks.to_vec(),
        ..Batch::default()
    }));
}

/// Pending, dead, bytes.
fn counts(store: &dyn Store) -> (u64, u64, u64) {
    let QueueCounts {
        pending,
        dead,
        bytes,
    } = must(store.queue_counts());
    (pending, dead, bytes)
}
