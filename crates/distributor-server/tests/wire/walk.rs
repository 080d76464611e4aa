//! WalkGraph: which attempts are found, and what is shown of them.

use distributor_client::Code;
use distributor_core::dm::execution::data::{ExecutionType, Finished, Scheduling};
use distributor_core::{AttemptId, TestingRegistry, dm};
use dm::walk_graph_req as wire;
use dm::walk_graph_req::include::Options;

use crate::support::{
    CONFIG, World, all_of, desc, everything, id_of, list, names, nothing, nums, range, raw,
    request, result, shown, walk,
};
use crate::wire::{Wire, assert_refused};

over_both! {
    a16_the_anonymous_caller_may_not_walk;
    a17_an_unknown_attempt_does_not_exist_and_of_its_quest_nothing_is_said;
    a18_who_asks_for_nothing_gets_an_empty_attempt;
    a19_an_unknown_quest_does_not_exist_if_its_data_is_asked_for;
    a20_a_scheduled_execution_shows_its_distributor_and_where_to_look;
    a21_a_finished_attempt_shows_its_result_and_what_its_execution_left;
    a23_a_range_ends_before_its_end_and_shows_what_does_not_exist;
    a26_edges_and_the_attempts_at_their_ends_appear_together;
    a27_edges_are_shown_in_both_directions_and_empty_lists_too;
    a28_each_attempt_of_a_diamond_is_found_once_in_either_order;
    a29_a_list_without_numbers_shows_all_attempts_with_ids;
    what_can_never_be_right_and_what_is_not_implemented;
}

fn absent() -> dm::Attempt {
    dm::Attempt {
        dne: true,
        ..Default::default()
    }
}

fn first(name: &str) -> AttemptId {
    id_of(&desc(name)).attempt(1)
}

async fn a16_the_anonymous_caller_may_not_walk<W: Wire>(world: &World<W>) {
    world.executing(&desc("x")).await;
    let request = walk(list(&[first("x")]), 0, nothing());
    let answer = world.anonymous.walk_graph(request).await;
    assert_refused(answer, Code::PermissionDenied, "not authorized");
}

async fn a17_an_unknown_attempt_does_not_exist_and_of_its_quest_nothing_is_said<W: Wire>(
    world: &World<W>,
) {
    let graph = world.walk(walk(list(&[first("x")]), 0, nothing())).await;
    let quest = dm::Quest {
        attempts: [(1, absent())].into(),
        ..Default::default()
    };
    let expected = dm::GraphData {
        quests: [(first("x").quest.to_string(), quest)].into(),
        ..Default::default()
    };
    assert_eq!(graph, expected);
}

async fn a18_who_asks_for_nothing_gets_an_empty_attempt<W: Wire>(world: &World<W>) {
    world.finished(&desc("x"), "{}").await;
    let graph = world.walk(walk(list(&[first("x")]), 0, nothing())).await;
    let quest = dm::Quest {
        attempts: [(1, dm::Attempt::default())].into(),
        ..Default::default()
    };
    assert_eq!(graph.quests, [(first("x").quest.to_string(), quest)].into());
}

async fn a19_an_unknown_quest_does_not_exist_if_its_data_is_asked_for<W: Wire>(world: &World<W>) {
    let include = wire::Include {
        quest: Some(Options {
            data: true,
            ..Default::default()
        }),
        ..Default::default()
    };
    let graph = world.walk(walk(list(&[first("x")]), 0, include)).await;
    let quest = dm::Quest {
        dne: true,
        attempts: [(1, absent())].into(),
        ..Default::default()
    };
    assert_eq!(graph.quests, [(first("x").quest.to_string(), quest)].into());
}

async fn a20_a_scheduled_execution_shows_its_distributor_and_where_to_look<W: Wire>(
    world: &World<W>,
) {
    let attempt = world.executing(&desc("x")).await;
    let graph = world.walk(walk(list(&[attempt]), 0, everything())).await;
    let execution = &shown(&graph, attempt).executions[&1];
    let data = execution.data.as_ref().expect("data");
    let scheduling = ExecutionType::Scheduling(Scheduling {});
    assert_eq!(data.execution_type, Some(scheduling));
    let token = attempt.execution(1).to_string();
    let expected = dm::execution::data::DistributorInfo {
        config_name: CONFIG.to_owned(),
        config_version: TestingRegistry::VERSION.to_owned(),
        url: format!("fake://{token}"),
        token,
    };
    assert_eq!(data.distributor_info, Some(expected));
    // The secret of the execution is nowhere.
    let text = format!("{graph:?}");
    let secret = world.backend.activation_token(attempt.execution(1));
    assert!(!text.contains(&format!("{secret:?}")) && !execution.partial);
}

async fn a21_a_finished_attempt_shows_its_result_and_what_its_execution_left<W: Wire>(
    world: &World<W>,
) {
    let attempt = world.executing(&desc("x")).await;
    let object = r#"{"data":["very","yes"]}"#;
    let left = r#"{"distributorState":true}"#;
    world.finish_with(attempt, object, left).await;
    let graph = world.walk(walk(list(&[attempt]), 0, everything())).await;
    let shown = shown(&graph, attempt);
    assert_eq!(result(shown), (object, 23));
    let data = shown.executions[&1].data.as_ref().expect("data");
    let finished = ExecutionType::Finished(Finished {
        data: Some(dm::JsonResult {
            object: left.to_owned(),
            size: 25,
            expiration: None,
        }),
    });
    assert_eq!(data.execution_type, Some(finished));
    assert_eq!(shown.partial, None);
}

async fn a23_a_range_ends_before_its_end_and_shows_what_does_not_exist<W: Wire>(world: &World<W>) {
    world.executing_each(&desc("x"), &[1, 2, 3, 4]).await;
    let quest = id_of(&desc("x"));
    let numbers = |graph: &dm::GraphData| {
        let attempts = &graph.quests[&quest.to_string()].attempts;
        let dne = attempts.iter().map(|(number, it)| (*number, it.dne));
        let mut numbers: Vec<_> = dne.collect();
        numbers.sort_unstable();
        numbers
    };
    let graph = world.walk(walk(range(quest, 2, 4), 0, nothing())).await;
    assert_eq!(numbers(&graph), [(2, false), (3, false)]);
    let graph = world.walk(walk(range(quest, 2, 6), 0, nothing())).await;
    let expected = [(2, false), (3, false), (4, false), (5, true)];
    assert_eq!(numbers(&graph), expected);
}

/// `w` has asked for both attempts of `x`.
async fn two_edges<W: Wire>(world: &World<W>) -> (AttemptId, [AttemptId; 2]) {
    let job = world.job("w").await;
    let mut depend = request(&[desc("x")]);
    depend.quest_attempt = vec![nums(&[1, 2])];
    let halted = world.depend(&job, depend).await.expect("good");
    assert!(halted.should_halt);
    let x = id_of(&desc("x"));
    (job.attempt(), [x.attempt(1), x.attempt(2)])
}

async fn a26_edges_and_the_attempts_at_their_ends_appear_together<W: Wire>(world: &World<W>) {
    // What the original showed before its journal had run cannot be seen here: one batch stores all.
    // So there is no drain.
    let (w, [x1, x2]) = two_edges(world).await;
    let include = wire::Include {
        fwd_deps: true,
        ..Default::default()
    };
    let graph = world.walk(walk(list(&[w]), 1, include)).await;
    assert_eq!(shown(&graph, w).fwd_deps, Some(raw(&[x2, x1])));
    assert!(!shown(&graph, x1).dne && !shown(&graph, x2).dne);
    assert_eq!(names(&graph).len(), 3);
}

async fn a27_edges_are_shown_in_both_directions_and_empty_lists_too<W: Wire>(world: &World<W>) {
    let (w, [x1, x2]) = two_edges(world).await;
    world.drain().await;
    let include = wire::Include {
        fwd_deps: true,
        back_deps: true,
        ..Default::default()
    };
    let graph = world.walk(walk(list(&[w]), 1, include)).await;
    let none = Some(dm::AttemptList::default());
    assert_eq!(shown(&graph, w).fwd_deps, Some(raw(&[x2, x1])));
    assert_eq!(shown(&graph, w).back_deps, none);
    for x in [x1, x2] {
        assert_eq!(shown(&graph, x).fwd_deps, none);
        assert_eq!(shown(&graph, x).back_deps, Some(raw(&[w])));
    }
}

async fn a28_each_attempt_of_a_diamond_is_found_once_in_either_order<W: Wire>(world: &World<W>) {
    let (w, x) = two_edges(world).await;
    world.drain().await;
    for (dependent, need) in [(x[0], "z"), (x[1], "z"), (first("z"), "end")] {
        let job = world.running(dependent).await;
        let halted = world.depend(&job, request(&[desc(need)])).await;
        assert!(halted.expect("good").should_halt);
        world.drain().await;
    }
    let mut expected = vec![w, x[0], x[1], first("z")];
    expected.sort_unstable();
    for dfs in [false, true] {
        let mut request = walk(list(&[w]), 2, everything());
        request.mode.get_or_insert_default().dfs = dfs;
        let graph = world.walk(request).await;
        assert_eq!(names(&graph), expected);
        for id in &expected {
            let attempt = shown(&graph, *id);
            assert!(attempt.data.is_some() && attempt.partial.is_none());
        }
    }
}

async fn a29_a_list_without_numbers_shows_all_attempts_with_ids<W: Wire>(world: &World<W>) {
    let numbers = [1, 2, 700, u32::MAX];
    let all = world.executing_each(&desc("x"), &numbers).await;
    world.executing(&desc("y")).await;
    let ids = Some(Options {
        ids: true,
        ..Default::default()
    });
    let include = wire::Include {
        quest: ids,
        attempt: ids,
        ..Default::default()
    };
    let quest = id_of(&desc("x"));
    let graph = world.walk(walk(all_of(quest), 0, include)).await;
    assert_eq!(names(&graph), all);
    let found = &graph.quests[&quest.to_string()];
    assert_eq!(found.id, Some(quest.into()));
    for id in all {
        assert_eq!(shown(&graph, id).id, Some(id.into()));
    }
}

async fn what_can_never_be_right_and_what_is_not_implemented<W: Wire>(world: &World<W>) {
    let query = range(id_of(&desc("x")), 2, 2);
    let empty = world.reader.walk_graph(walk(query, 0, nothing())).await;
    let message = "query.attempt_range[0].high: is 2";
    assert_refused(empty, Code::InvalidArgument, message);
    let without = world.reader.walk_graph(dm::WalkGraphReq::default()).await;
    assert_refused(without, Code::InvalidArgument, "query: required");

    let time = dm::property_value::Value::Time(Default::default());
    let time = Some(dm::PropertyValue { value: Some(time) });
    let query = dm::GraphQuery {
        search: vec![dm::graph_query::Search {
            start: time.clone(),
            end: time,
            ..Default::default()
        }],
        ..Default::default()
    };
    let search = world.reader.walk_graph(walk(query, 0, nothing())).await;
    assert_refused(search, Code::Unimplemented, "query.search");
}
