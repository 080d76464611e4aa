//! EnsureGraphData of writers.

use std::time::Duration;

use distributor_api::{Caller, Code};
use distributor_core::dm::attempt::data::{AttemptType, Executing};
use distributor_core::{QuestId, dm};

use crate::support::{
    CONFIG, OTHER_CONFIG, World, anonymous, assert_refused, desc, id_of, named, nums, raw, request,
    run, shown, state,
};

/// The quest as an answer shows it.
#[track_caller]
fn quest<'a>(response: &'a dm::EnsureGraphDataRsp, desc: &dm::quest::Desc) -> &'a dm::Quest {
    let result = response.result.as_ref().expect("a result");
    &result.quests[&id_of(desc).to_string()]
}

#[test]
fn a05_attempts_of_an_unknown_quest_are_refused_by_name() {
    run(async {
        let world = World::new();
        let unknown = QuestId::from_bytes([9; 32]);
        let mut list = request(&[desc("a")]);
        list.raw_attempts = Some(raw(&[unknown.attempt(1)]));
        let message = format!("cannot create attempts for absent quest \"{unknown}\"");
        assert_refused(world.ensure(list).await, Code::InvalidArgument, &message);

        let mut list = dm::AttemptList::default();
        list.to.insert("nowhere".to_owned(), nums(&[1]));
        let malformed = dm::EnsureGraphDataReq {
            raw_attempts: Some(list),
            ..Default::default()
        };
        let message = "cannot create attempts for absent quest \"nowhere\"";
        assert_refused(
            world.ensure(malformed).await,
            Code::InvalidArgument,
            message,
        );
        assert!(world.is_empty());
    });
}

#[test]
fn a06_parallel_lists_have_one_length() {
    run(async {
        let world = World::new();
        let without = dm::EnsureGraphDataReq {
            quest: vec![desc("a")],
            ..Default::default()
        };
        let message = "mismatched quest_attempt v. quest lengths";
        assert_refused(world.ensure(without).await, Code::InvalidArgument, message);
        let template = dm::EnsureGraphDataReq {
            template_attempt: vec![nums(&[1])],
            ..request(&[desc("a")])
        };
        let message = "mismatched template_attempt v. template_quest lengths";
        assert_refused(world.ensure(template).await, Code::InvalidArgument, message);
        let needs = dm::EnsureGraphDataReq {
            quest_needs: vec![dm::AttemptList::default(); 2],
            ..request(&[desc("a")])
        };
        let message = "mismatched quest_needs v. quest lengths: 2 v. 1";
        assert_refused(world.ensure(needs).await, Code::InvalidArgument, message);
        assert!(world.is_empty());
    });
}

#[test]
fn a07_only_writers_create() {
    run(async {
        let world = World::new();
        for caller in [anonymous(), named("readers"), named("nobodies")] {
            let answer = world.api.ensure_graph_data(&caller, request(&[desc("a")]));
            assert_refused(answer.await, Code::PermissionDenied, "not authorized");
            // Strangers do not learn which configurations there are.
            let mut unknown = desc("a");
            unknown.distributor_config_name = "nowhere".to_owned();
            let answer = world.api.ensure_graph_data(&caller, request(&[unknown]));
            assert_refused(answer.await, Code::PermissionDenied, "not authorized");
            // A request that is wrong is wrong whoever sends it.
            let empty = dm::EnsureGraphDataReq::default();
            let answer = world.api.ensure_graph_data(&caller, empty).await;
            assert_refused(answer, Code::InvalidArgument, "nothing is asked for");
        }
        assert!(world.is_empty());
        for caller in [named("writers"), Caller::Trusted] {
            let answer = world.api.ensure_graph_data(&caller, request(&[desc("a")]));
            assert!(answer.await.expect("a good request").accepted);
        }
    });
}

#[test]
fn groups_that_cannot_be_read_keep_callers_waiting_and_let_nobody_in() {
    run(async {
        let world = World::new();
        let access = &world.api.parts().access;
        access.replace(Err("acls.cfg cannot be read".to_owned()));
        let answer = world.ensure(request(&[desc("a")])).await;
        assert_refused(answer, Code::Unavailable, "acls.cfg cannot be read");
        assert!(world.is_empty());
    });
}

#[test]
fn a08_a_new_quest_and_its_attempt_exist_afterwards() {
    run(async {
        let world = World::new();
        let response = world.ensure(request(&[desc("a")])).await;
        let response = response.expect("a good request");
        assert!(response.accepted && !response.should_halt);
        assert_eq!(response.quest_ids, vec![id_of(&desc("a")).into()]);
        assert_eq!(response.template_error, Vec::<String>::new());
        world.drain().await;
        assert!(world.find(id_of(&desc("a")).attempt(1)).is_some());
    });
}

#[test]
fn a09_new_quests_do_not_exist_before_the_call_and_execute_after_it() {
    run(async {
        let world = World::new();
        let quests = [desc("a"), desc("b")];
        let first = world.ensure(request(&quests)).await.expect("good");
        for desc in &quests {
            let mut expected = dm::Quest {
                dne: true,
                ..Default::default()
            };
            let attempt = dm::Attempt {
                dne: true,
                ..Default::default()
            };
            expected.attempts.insert(1, attempt);
            assert_eq!(quest(&first, desc), &expected);
        }
        world.drain().await;

        let second = world.ensure(request(&quests)).await.expect("good");
        assert!(second.accepted);
        for desc in &quests {
            let quest = quest(&second, desc);
            assert!(!quest.dne && !quest.partial);
            let data = quest.data.as_ref().expect("data");
            let stored = data.desc.as_ref().expect("a description");
            assert_eq!(stored.parameters, desc.parameters);
            assert!(stored.meta.is_some());
            let attempt = shown(&second, id_of(desc).attempt(1));
            let executing = AttemptType::Executing(Executing {
                cur_execution_id: 1,
            });
            assert_eq!(state(attempt), &executing);
            assert_eq!(attempt.data.as_ref().map(|it| it.num_executions), Some(1));
            assert!(!attempt.dne && attempt.partial.is_none());
        }
    });
}

#[test]
fn a10_what_exists_is_shown_and_left_alone_beside_what_is_new() {
    run(async {
        let world = World::new();
        let (old, new) = (desc("old"), desc("new"));
        world.executing(&old).await;
        let created = world.now().to_proto();
        world.clock.advance(Duration::from_micros(60_000_001));
        let request_time = world.now();

        let mut both = request(&[old.clone(), new.clone()]);
        both.quest_attempt = vec![nums(&[2]), nums(&[1])];
        let response = world.ensure(both).await.expect("good");
        let shown_old = quest(&response, &old);
        let data = shown_old.data.as_ref().expect("data");
        assert_eq!(data.created, Some(created));
        assert!(shown_old.attempts[&2].dne);
        assert!(quest(&response, &new).dne);
        assert!(shown(&response, id_of(&new).attempt(1)).dne);

        world.drain().await;
        let old = world.quest(&old).expect("the old quest");
        assert_eq!(old.created.to_proto(), created);
        let new = world.quest(&new).expect("the new quest");
        assert_eq!(new.created, request_time);
        assert_eq!(new.created.as_micros() % 1_000_000, 123_457);
    });
}

#[test]
fn a11_new_attempts_of_known_quests_do_not_exist_before_the_call() {
    run(async {
        let world = World::new();
        let quests = [desc("a"), desc("b")];
        for desc in &quests {
            world.executing(desc).await;
        }
        let mut second = request(&quests);
        second.quest_attempt = vec![nums(&[2]), nums(&[2])];
        let response = world.ensure(second).await.expect("good");
        for desc in &quests {
            assert!(quest(&response, desc).data.is_some());
            assert!(shown(&response, id_of(desc).attempt(2)).dne);
        }
    });
}

#[test]
fn dc_01_the_configuration_name_is_part_of_the_identity() {
    run(async {
        let world = World::new();
        let mut other = desc("a");
        other.distributor_config_name = OTHER_CONFIG.to_owned();
        let response = world.ensure(request(&[desc("a"), other.clone()])).await;
        let ids = response.expect("good").quest_ids;
        assert_ne!(ids[0], ids[1]);
        let stored = world.quest(&other).expect("the quest");
        assert_eq!(stored.desc.distributor_config_name, OTHER_CONFIG);
        assert_ne!(CONFIG, OTHER_CONFIG);
    });
}

#[test]
fn dc_53_parameters_that_the_backend_refuses_create_nothing() {
    run(async {
        let world = World::new();
        let mut bad = desc("b");
        bad.distributor_parameters = r#"{"x":"bad"}"#.to_owned();
        let answer = world.ensure(request(&[desc("a"), bad])).await;
        let message = "quest[1].distributor_parameters: `bad` is not for this backend";
        assert_refused(answer, Code::InvalidArgument, message);
        // It is asked about the distributor parameters, and about nothing else.
        let mut named_bad = desc("bad");
        named_bad.distributor_parameters = r#"{ "b": 1, "a": 2 }"#.to_owned();
        assert!(world.is_empty());
        assert!(world.ensure(request(&[named_bad])).await.is_ok());
        let validated = world.backend.validated();
        assert_eq!(
            validated.last().map(String::as_str),
            Some(r#"{"a":2,"b":1}"#)
        );
    });
}

#[test]
fn dc_54_only_one_object_reaches_the_backend() {
    run(async {
        let world = World::new();
        for text in [
            "null",
            "[]",
            "1",
            "\"\"",
            "{} junk",
            "",
            "{\"a\":\"\u{0}\"}",
        ] {
            let mut bad = desc("a");
            bad.distributor_parameters = text.to_owned();
            let answer = world.ensure(request(&[desc("b"), bad])).await;
            let message = "quest[1].distributor_parameters: ";
            assert_refused(answer, Code::InvalidArgument, message);
        }
        assert_eq!(world.backend.validated(), Vec::<String>::new());
        assert!(world.is_empty());
    });
}

#[test]
fn an_unknown_configuration_name_is_refused_and_creates_nothing() {
    run(async {
        let world = World::new();
        let mut unknown = desc("a");
        unknown.distributor_config_name = "nowhere".to_owned();
        let answer = world.ensure(request(&[desc("a"), unknown])).await;
        let message = "quest[1].distributor_config_name: unknown distributor configuration";
        assert_refused(answer, Code::InvalidArgument, message);
        assert!(world.is_empty());
    });
}

#[test]
fn ids_come_in_the_order_of_the_request_with_duplicates() {
    run(async {
        let world = World::new();
        let quests = [desc("b"), desc("a"), desc("b")];
        let mut list = request(&quests);
        list.quest_attempt = vec![nums(&[2, 1]), nums(&[1]), nums(&[3, 1])];
        list.raw_attempts = Some(raw(&[id_of(&desc("a")).attempt(7)]));
        let response = world.ensure(list).await.expect("good");
        let ids: Vec<dm::quest::Id> = quests.iter().map(|it| id_of(it).into()).collect();
        assert_eq!(response.quest_ids, ids);
        let numbers = |desc| quest(&response, desc).attempts.keys().copied();
        assert!(numbers(&quests[0]).eq([1, 2, 3]));
        assert!(numbers(&quests[1]).eq([1, 7]));
        for (desc, number) in [(&quests[0], 3), (&quests[1], 7)] {
            assert!(world.find(id_of(desc).attempt(number)).is_some());
        }
    });
}

#[test]
fn requests_that_can_never_be_right_name_their_field() {
    run(async {
        let world = World::new();
        let numbers = |numbers: &[u32]| dm::EnsureGraphDataReq {
            quest_attempt: vec![nums(&[1]), nums(numbers)],
            ..request(&[desc("a"), desc("b")])
        };
        let raw_numbers = |numbers: &[u32]| {
            let mut list = dm::AttemptList::default();
            list.to.insert(id_of(&desc("a")).to_string(), nums(numbers));
            dm::EnsureGraphDataReq {
                raw_attempts: Some(list),
                ..request(&[desc("a")])
            }
        };
        let mut malformed = desc("b");
        malformed.parameters = "{".to_owned();
        let mut negative = desc("b");
        let meta = negative.meta.get_or_insert_default();
        meta.timeouts.get_or_insert_default().run = Some(prost_types::Duration {
            seconds: -1,
            nanos: 0,
        });
        let mut needs_all = request(&[desc("a")]);
        let mut needs = dm::AttemptList::default();
        needs.to.insert(id_of(&desc("b")).to_string(), nums(&[0]));
        needs_all.quest_needs = vec![needs];
        for (request, message) in [
            (dm::EnsureGraphDataReq::default(), "nothing is asked for"),
            (numbers(&[]), "quest_attempt[1].nums: is empty"),
            (numbers(&[0]), "quest_attempt[1].nums: is empty"),
            (numbers(&[0, 1]), "quest_attempt[1].nums: 0 means all"),
            (raw_numbers(&[0]), "\"].nums: is empty"),
            (raw_numbers(&[]), "raw_attempts.to[\""),
            (
                request(&[desc("a"), malformed]),
                "quest[1].parameters: unexpected end of JSON input",
            ),
            (
                request(&[desc("a"), negative]),
                "quest[1].meta.timeouts.run: ",
            ),
            (needs_all, "quest_needs[0].to[\""),
            (
                dm::EnsureGraphDataReq {
                    for_execution: Some(dm::execution::Auth::default()),
                    ..request(&[desc("a")])
                },
                "for_execution.id: id is missing",
            ),
        ] {
            assert_refused(world.ensure(request).await, Code::InvalidArgument, message);
        }
        assert!(world.is_empty());
    });
}

#[test]
fn quest_needs_hold_new_attempts_back_until_these_have_ended() {
    run(async {
        let world = World::new();
        let need = id_of(&desc("need")).attempt(1);
        let user = id_of(&desc("user")).attempt(1);
        let list = dm::EnsureGraphDataReq {
            quest_needs: vec![dm::AttemptList::default(), raw(&[need])],
            ..request(&[desc("need"), desc("user")])
        };
        world.ensure(list).await.expect("good");
        world.drain().await;
        assert_eq!(world.get(user).state, dm::attempt::State::Waiting);
        assert_eq!(world.get(need).state, dm::attempt::State::Executing);
        world.finished(&desc("need"), "{}").await;
        assert_eq!(world.get(user).state, dm::attempt::State::Executing);

        let unknown = dm::EnsureGraphDataReq {
            quest_needs: vec![raw(&[need.quest.attempt(5)])],
            ..request(&[desc("x")])
        };
        let answer = world.ensure(unknown).await;
        assert_refused(answer, Code::InvalidArgument, "quest_needs[0]: ");
        assert!(world.quest(&desc("x")).is_none());
    });
}

#[test]
fn as_account_is_part_of_the_identity_and_nothing_else() {
    run(async {
        let world = World::new();
        let mut other = desc("a");
        other.meta.get_or_insert_default().as_account = "user:a@example.com".to_owned();
        let response = world.ensure(request(&[desc("a"), other])).await;
        let ids = response.expect("good").quest_ids;
        assert_ne!(ids[0], ids[1]);
    });
}

#[test]
fn a_stopped_host_asks_to_try_again() {
    run(async {
        let world = World::new();
        world.engine.stop().await;
        let answer = world.ensure(request(&[desc("a")])).await;
        assert_refused(answer, Code::Unavailable, "stopped");
    });
}
