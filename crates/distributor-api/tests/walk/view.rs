//! How single records look.

use distributor_core::dm::attempt::State;
use distributor_core::{QuestId, Secret};
use distributor_proto::dm;
use distributor_proto::dm::attempt::data::AttemptType;
use distributor_proto::dm::walk_graph_req as wire;
use distributor_proto::dm::walk_graph_req::include::Options;
use distributor_store::bits::Bits;
use distributor_store::records::{AttemptRecord, Prepared, StoredSecret};
use prost::Message;

use crate::support::{
    BEGINNING, World, attempt, everything, executing, execution, finished, id, list, shown,
    snapshot, walk,
};

const TOKEN: &[u8] = b"a secret that must not be seen by anybody";

#[tokio::test]
async fn t09_every_state_of_an_attempt_has_its_own_form() {
    let world = World::new();
    let mut dependencies = Bits::new(4);
    dependencies.set(2);
    let waiting = AttemptRecord {
        state: State::Waiting,
        current_execution: 1,
        dependencies,
        ..attempt(id("waiting", 1))
    };
    world.put([
        attempt(id("scheduling", 1)),
        executing(id("executing", 1), TOKEN),
        waiting,
        finished(id("finished", 1), "{\"a\":1}"),
    ]);
    let include = wire::Include {
        attempt: Some(Options {
            data: true,
            ..Default::default()
        }),
        ..Default::default()
    };
    let names = ["scheduling", "executing", "waiting", "finished"];
    let asked = names.map(|name| id(name, 1));
    let answer = world.walk(walk(list(&asked), 0, include)).await;
    use dm::attempt::data::{Executing, Finished, Scheduling, Waiting};
    let expected = [
        (0, AttemptType::Scheduling(Scheduling {})),
        (
            1,
            AttemptType::Executing(Executing {
                cur_execution_id: 1,
            }),
        ),
        (1, AttemptType::Waiting(Waiting { num_waiting: 3 })),
        (
            0,
            AttemptType::Finished(Finished {
                data: Some(dm::JsonResult {
                    object: String::new(),
                    size: 7,
                    expiration: None,
                }),
            }),
        ),
    ];
    for (id, (num_executions, attempt_type)) in asked.into_iter().zip(expected) {
        let data = shown(&answer, id).data.as_ref().expect("data");
        assert_eq!(data.num_executions, num_executions);
        assert_eq!(data.attempt_type.as_ref(), Some(&attempt_type));
        assert_eq!(data.created, Some(BEGINNING.to_proto()));
        assert_ne!(data.modified, data.created);
    }
}

#[tokio::test]
async fn t10_the_largest_number_of_executions_is_shown_as_it_is() {
    let world = World::new();
    world.put([AttemptRecord {
        current_execution: u32::MAX,
        ..attempt(id("x", 1))
    }]);
    let answer = world.walk(walk(list(&[id("x", 1)]), 0, everything())).await;
    let data = shown(&answer, id("x", 1)).data.as_ref().expect("data");
    assert_eq!(data.num_executions, u32::MAX);
}

#[tokio::test]
async fn t24_no_token_that_authenticates_is_ever_shown_and_ids_only_on_request() {
    let world = World::new();
    let mut record = executing(id("x", 1), TOKEN);
    record.prepared = Some(Prepared {
        execution: 2,
        activation_token: StoredSecret(Secret::new(TOKEN)),
        config: snapshot("backend", "v1"),
        created: BEGINNING,
        poke: false,
        ending: None,
        give_up_at: None,
    });
    if let Some(execution) = &mut record.execution {
        execution.activation_digest = TOKEN.to_vec();
    }
    world.put([record]);
    let request = walk(list(&[id("x", 1)]), -1, everything());
    let answer = world.walk(request.clone()).await;
    let encoded = answer.encode_to_vec();
    let shows = |part: &[u8]| encoded.windows(part.len()).any(|window| window == part);
    assert!(!shows(TOKEN));
    assert!(shows(b"task-1"), "the backend's name for the task is none");
    assert_eq!(shown(&answer, id("x", 1)).executions[&1].id, None);

    let mut request = request;
    let include = request.include.get_or_insert_default();
    include.execution.get_or_insert_default().ids = true;
    let answer = world.walk(request).await;
    let execution = &shown(&answer, id("x", 1)).executions[&1];
    assert_eq!(execution.id, Some(id("x", 1).execution(1).into()));
}

#[tokio::test]
async fn an_attempt_whose_next_run_is_under_way_shows_the_executions_that_exist() {
    let world = World::new();
    let mut record = AttemptRecord {
        current_execution: 1,
        ..attempt(id("x", 1))
    };
    record.prepared = Some(Prepared {
        execution: 2,
        activation_token: StoredSecret::default(),
        config: snapshot("backend", "v1"),
        created: BEGINNING,
        poke: false,
        ending: None,
        give_up_at: None,
    });
    let never_run = AttemptRecord {
        current_execution: 0,
        ..record.clone()
    };
    let other = AttemptRecord {
        id: id("x", 2),
        ..never_run
    };
    world.put([record, other]);
    let past = execution(1, dm::execution::State::Stopping);
    world.put_past(id("x", 1), vec![past]);
    let asked = [id("x", 1), id("x", 2)];
    let answer = world.walk(walk(list(&asked), 0, everything())).await;
    let numbers = asked.map(|id| {
        let attempt = shown(&answer, id);
        assert_eq!(attempt.partial, None);
        attempt.executions.keys().copied().collect::<Vec<_>>()
    });
    assert_eq!(numbers, [vec![1], vec![]]);
}

#[tokio::test]
async fn ids_are_shown_where_they_are_asked_for_even_of_what_does_not_exist() {
    let world = World::new();
    let include = wire::Include {
        attempt: Some(Options {
            ids: true,
            ..Default::default()
        }),
        ..Default::default()
    };
    let unknown = QuestId::from_bytes([9; 32]).attempt(3);
    let answer = world.walk(walk(list(&[unknown]), 0, include)).await;
    assert_eq!(shown(&answer, unknown).id, Some(unknown.into()));
}
