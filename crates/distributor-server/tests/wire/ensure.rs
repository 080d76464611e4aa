//! EnsureGraphData of writers.

use std::time::Duration;

use distributor_client::Code;
use distributor_core::dm::attempt::data::{AttemptType, Executing};
use distributor_core::{QuestId, dm};

use crate::support::{
    World, desc, everything, id_of, list, nothing, nums, raw, request, shown, shown_in, state, walk,
};
use crate::wire::{Wire, assert_refused};

over_both! {
    a05_attempts_of_an_unknown_quest_are_refused_by_name;
    a06_parallel_lists_have_one_length;
    a07_the_anonymous_caller_creates_nothing;
    a08_a_new_quest_and_its_attempt_exist_afterwards;
    a09_new_quests_do_not_exist_before_the_call_and_execute_after_it;
    a10_what_exists_is_shown_and_left_alone_beside_what_is_new;
    a11_new_attempts_of_known_quests_do_not_exist_before_the_call;
    the_same_request_at_the_same_time_is_carried_out_once;
    what_the_backend_or_the_configuration_refuses_is_named;
}

/// The quest as an answer shows it.
#[track_caller]
fn quest<'a>(response: &'a dm::EnsureGraphDataRsp, desc: &dm::quest::Desc) -> &'a dm::Quest {
    let result = response.result.as_ref().expect("a result");
    &result.quests[&id_of(desc).to_string()]
}

async fn a05_attempts_of_an_unknown_quest_are_refused_by_name<W: Wire>(world: &World<W>) {
    let unknown = QuestId::from_bytes([9; 32]).to_string();
    for name in [unknown.as_str(), "nowhere"] {
        let mut absent = dm::AttemptList::default();
        absent.to.insert(name.to_owned(), nums(&[1]));
        let mut ensure = request(&[desc("a")]);
        ensure.raw_attempts = Some(absent);
        let message = format!("cannot create attempts for absent quest \"{name}\"");
        let answer = world.writer.ensure_graph_data(ensure).await;
        assert_refused(answer, Code::InvalidArgument, &message);
    }
    assert!(world.is_empty());
}

async fn a06_parallel_lists_have_one_length<W: Wire>(world: &World<W>) {
    let without = dm::EnsureGraphDataReq {
        quest: vec![desc("a")],
        ..Default::default()
    };
    let template = dm::EnsureGraphDataReq {
        template_attempt: vec![nums(&[1])],
        ..request(&[desc("a")])
    };
    for (ensure, message) in [
        (without, "mismatched quest_attempt v. quest lengths"),
        (
            template,
            "mismatched template_attempt v. template_quest lengths",
        ),
        (dm::EnsureGraphDataReq::default(), "nothing is asked for"),
    ] {
        let answer = world.writer.ensure_graph_data(ensure).await;
        assert_refused(answer, Code::InvalidArgument, message);
    }
    assert!(world.is_empty());
}

async fn a07_the_anonymous_caller_creates_nothing<W: Wire>(world: &World<W>) {
    let ensure = request(&[desc("a")]);
    for caller in [&world.anonymous, &world.reader] {
        let answer = caller.ensure_graph_data(ensure.clone()).await;
        assert_refused(answer, Code::PermissionDenied, "not authorized");
    }
    assert!(world.is_empty());
}

async fn a08_a_new_quest_and_its_attempt_exist_afterwards<W: Wire>(world: &World<W>) {
    let quests = [desc("b"), desc("a"), desc("b")];
    let response = world.writer.ensure_graph_data(request(&quests)).await;
    let response = response.expect("a good request");
    assert!(response.accepted && !response.should_halt);
    // In the order of the request, with duplicates.
    let ids: Vec<dm::quest::Id> = quests.iter().map(|it| id_of(it).into()).collect();
    assert_eq!(response.quest_ids, ids);
    assert_eq!(response.template_error, Vec::<String>::new());
    let attempts = [&quests[0], &quests[1]].map(|it| id_of(it).attempt(1));
    world.drain().await;
    let graph = world.walk(walk(list(&attempts), 0, nothing())).await;
    for attempt in attempts {
        assert!(!shown(&graph, attempt).dne);
    }
}

async fn a09_new_quests_do_not_exist_before_the_call_and_execute_after_it<W: Wire>(
    world: &World<W>,
) {
    let quests = [desc("a"), desc("b")];
    let first = world.writer.ensure_graph_data(request(&quests)).await;
    let first = first.expect("good");
    for desc in &quests {
        let absent = dm::Attempt {
            dne: true,
            ..Default::default()
        };
        let expected = dm::Quest {
            dne: true,
            attempts: [(1, absent)].into(),
            ..Default::default()
        };
        assert_eq!(quest(&first, desc), &expected);
    }
    world.drain().await;

    let second = world.writer.ensure_graph_data(request(&quests)).await;
    let second = second.expect("good");
    assert!(second.accepted);
    for desc in &quests {
        let quest = quest(&second, desc);
        assert!(!quest.dne && !quest.partial);
        let data = quest.data.as_ref().expect("data");
        let stored = data.desc.as_ref().expect("a description");
        assert_eq!(stored.parameters, desc.parameters);
        assert_eq!(data.created, Some(world.now().to_proto()));
        let attempt = shown_in(&second, id_of(desc).attempt(1));
        let executing = AttemptType::Executing(Executing {
            cur_execution_id: 1,
        });
        assert_eq!(state(attempt), &executing);
        assert_eq!(attempt.data.as_ref().map(|it| it.num_executions), Some(1));
        assert!(!attempt.dne && attempt.partial.is_none());
    }
}

async fn a10_what_exists_is_shown_and_left_alone_beside_what_is_new<W: Wire>(world: &World<W>) {
    let (old, new) = (desc("old"), desc("new"));
    world.executing(&old).await;
    let created = world.now().to_proto();
    world.clock.advance(Duration::from_micros(60_000_001));
    let request_time = world.now();

    let mut both = request(&[old.clone(), new.clone()]);
    both.quest_attempt = vec![nums(&[2]), nums(&[1])];
    let response = world.writer.ensure_graph_data(both).await.expect("good");
    let shown_old = quest(&response, &old);
    let data = shown_old.data.as_ref().expect("data");
    assert_eq!(data.created, Some(created));
    assert!(shown_old.attempts[&2].dne);
    assert!(quest(&response, &new).dne);
    assert!(shown_in(&response, id_of(&new).attempt(1)).dne);

    world.drain().await;
    let both = [id_of(&old).attempt(2), id_of(&new).attempt(1)];
    let graph = world.walk(walk(list(&both), 0, everything())).await;
    let created_of = |desc| {
        let quest = &graph.quests[&id_of(desc).to_string()];
        quest.data.as_ref().and_then(|data| data.created)
    };
    assert_eq!(created_of(&old), Some(created));
    assert_eq!(created_of(&new), Some(request_time.to_proto()));
    assert_eq!(request_time.to_proto().nanos, 123_457_000);
}

async fn a11_new_attempts_of_known_quests_do_not_exist_before_the_call<W: Wire>(world: &World<W>) {
    let quests = [desc("a"), desc("b")];
    for desc in &quests {
        world.executing(desc).await;
    }
    let mut second = request(&quests);
    second.quest_attempt = vec![nums(&[2]), nums(&[2])];
    let response = world.writer.ensure_graph_data(second).await.expect("good");
    for desc in &quests {
        let data = quest(&response, desc).data.as_ref().expect("data");
        assert!(data.desc.is_some());
        assert!(shown_in(&response, id_of(desc).attempt(2)).dne);
    }
}

async fn the_same_request_at_the_same_time_is_carried_out_once<W: Wire>(world: &World<W>) {
    let ensure = || world.writer.ensure_graph_data(request(&[desc("a")]));
    let answers = tokio::join!(ensure(), ensure(), ensure(), ensure());
    for answer in <[_; 4]>::from(answers) {
        assert!(answer.expect("good").accepted);
    }
    world.drain().await;
    let attempt = id_of(&desc("a")).attempt(1);
    let graph = world.walk(walk(list(&[attempt]), 0, everything())).await;
    let data = shown(&graph, attempt).data.as_ref().expect("data");
    assert_eq!((data.num_executions, world.backend.started()), (1, 1));
}

async fn what_the_backend_or_the_configuration_refuses_is_named<W: Wire>(world: &World<W>) {
    let mut bad = desc("b");
    bad.distributor_parameters = r#"{"x":"bad"}"#.to_owned();
    let mut unknown = desc("b");
    unknown.distributor_config_name = "nowhere".to_owned();
    let mut malformed = desc("b");
    malformed.parameters = "{".to_owned();
    for (quest, message) in [
        (bad, "quest[1].distributor_parameters: `bad` is not"),
        (unknown, "quest[1].distributor_config_name: unknown"),
        (malformed, "quest[1].parameters: unexpected end of JSON"),
    ] {
        let answer = world.writer.ensure_graph_data(request(&[desc("a"), quest]));
        assert_refused(answer.await, Code::InvalidArgument, message);
    }
    let mut all = request(&[desc("a")]);
    all.raw_attempts = Some(raw(&[id_of(&desc("a")).attempt(0)]));
    let answer = world.writer.ensure_graph_data(all).await;
    assert_refused(answer, Code::InvalidArgument, "].nums: is empty");
    assert!(world.is_empty());
}
