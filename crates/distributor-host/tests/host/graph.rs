//! Making sure that quests and attempts exist, all of a request or nothing.

use std::collections::HashSet;

use distributor_core::dm::attempt::State;
use distributor_core::dm::quest::TemplateSpec;
use distributor_core::{AttemptId, QuestId};
use distributor_host::driver::{CallError, Ensured, GraphRequest, NewAttempt};
use distributor_store::StateCounts;
use distributor_store::records::QuestRecord;

use crate::support::{CommitFault, Method, Quest, World, job, run, secs};

fn spec(name: &str, version: &str) -> TemplateSpec {
    TemplateSpec {
        project: "p".to_owned(),
        r#ref: "r".to_owned(),
        version: version.to_owned(),
        name: name.to_owned(),
    }
}

fn stored(world: &World, id: QuestId) -> QuestRecord {
    let found = world.inner.quests(&[id]).expect("quests").remove(0);
    found.expect("the quest exists")
}

async fn built_by(world: &World, quest: &Quest, built_by: &[TemplateSpec]) -> HashSet<QuestId> {
    let mut request = world.request(std::slice::from_ref(quest));
    request.quests[0].built_by = built_by.to_vec();
    let answer = world.engine.ensure_graph(request).await;
    answer.expect("a right request").new_quests
}

fn numbers(ids: &[AttemptId]) -> Vec<u32> {
    ids.iter().map(|id| id.number).collect()
}

#[test]
fn t44_templates_are_united_and_created_stays() {
    run(async {
        let world = World::new();
        world.jobs("b");
        let quest = job("q");
        let first = built_by(&world, &quest, &[spec("a", "1")]).await;
        assert_eq!(first, HashSet::from([quest.id()]));
        let new = stored(&world, quest.id());
        assert_eq!(new.built_by, [spec("a", "1")]);
        assert_eq!(new.created, world.now());

        world.advance(secs(5)).await;
        let commits = world.store.commits();
        for same in [vec![], vec![spec("a", "1")], vec![spec("a", "1"); 2]] {
            assert_eq!(built_by(&world, &quest, &same).await, HashSet::new());
        }
        assert_eq!(world.store.commits(), commits);
        assert_eq!(stored(&world, quest.id()), new);

        assert_eq!(
            built_by(&world, &quest, &[spec("b", "1")]).await,
            HashSet::new()
        );
        let more = stored(&world, quest.id());
        assert_eq!(more.built_by, [spec("a", "1"), spec("b", "1")]);
        assert_eq!(more.created, new.created);
    });
}

#[test]
fn t44_a_failed_read_is_an_error_and_writes_nothing() {
    run(async {
        let world = World::new();
        world.jobs("b");
        world.store.fail_reads("quests", 1);
        let answer = world.engine.ensure_graph(world.request(&[job("q")])).await;
        assert!(matches!(answer, Err(CallError::NotStored(_))), "{answer:?}");
        assert_eq!(
            world.inner.quests(&[job("q").id()]).expect("quests"),
            [None]
        );
    });
}

#[test]
fn t54_templates_are_unique_and_sorted_by_all_of_their_parts() {
    run(async {
        let world = World::new();
        world.jobs("b");
        let other = TemplateSpec {
            project: "a".to_owned(),
            ..spec("z", "9")
        };
        let later = TemplateSpec {
            r#ref: "s".to_owned(),
            ..spec("a", "0")
        };
        let mixed = [
            later.clone(),
            spec("b", "1"),
            spec("a", "2"),
            spec("a", "1"),
            other.clone(),
        ];
        // Twice in one request too.
        let mut request = world.request(&[job("q"), job("q")]);
        request.quests[0].built_by = mixed.to_vec();
        request.quests[1].built_by = vec![spec("a", "1"), spec("c", "1")];
        let answer = world.engine.ensure_graph(request).await;
        let new = answer.expect("a right request").new_quests;
        assert_eq!(new, HashSet::from([job("q").id()]));
        let expected = [
            other,
            spec("a", "1"),
            spec("b", "1"),
            spec("c", "1"),
            spec("a", "2"),
            later,
        ];
        assert_eq!(stored(&world, job("q").id()).built_by, expected);
    });
}

#[test]
fn t39_an_attempt_that_exists_stays_as_it_is() {
    run(async {
        let world = World::new();
        let backend = world.jobs("b");
        let quest = job("q");
        let request = || world.request(&[job("q")]);
        let answer = world.engine.ensure_graph(request()).await.expect("right");
        let new = Ensured {
            id: quest.attempt(),
            existed: false,
            state: State::Scheduling,
        };
        assert_eq!(answer.attempts, [new]);
        assert!(!answer.halted);
        let executing = world.until_executing(quest.attempt()).await;
        let answer = world.engine.ensure_graph(request()).await.expect("right");
        let known = Ensured {
            existed: true,
            state: State::Executing,
            ..new
        };
        assert_eq!(answer.attempts, [known]);
        assert_eq!(world.get(quest.attempt()), executing);
        assert_eq!(backend.count(Method::Run), 1);
    });
}

#[test]
fn t39_a_failed_read_writes_nothing_and_a_failed_write_is_an_error() {
    run(async {
        let world = World::new();
        world.jobs("b");
        world.store.fail_reads("attempts", 1);
        let answer = world.engine.ensure_graph(world.request(&[job("q")])).await;
        assert!(matches!(answer, Err(CallError::NotStored(_))), "{answer:?}");
        world.advance(secs(1)).await;
        world.store.fail_next_commit(CommitFault::Lost);
        let answer = world.engine.ensure_graph(world.request(&[job("q")])).await;
        assert!(matches!(answer, Err(CallError::NotStored(_))), "{answer:?}");
        assert_eq!(
            world.inner.counts().expect("counts"),
            StateCounts::default()
        );
    });
}

/// Twelve took the original two steps; here it is one, however many there are.
#[test]
fn t40_t41_all_numbers_of_a_request_are_created_in_order_in_one_commit() {
    for count in [4, 12, 1000] {
        run(async {
            let world = World::new();
            let backend = world.jobs("b");
            backend.set_capacity(1);
            let all: Vec<u32> = (1..=count).collect();
            let request = GraphRequest {
                quests: vec![world.part(&job("q"), &all)],
                ..Default::default()
            };
            let commits = world.store.commits();
            let hold = world.store.hold_next_commit();
            let (answer, ()) = tokio::join!(world.engine.ensure_graph(request), async {
                world.store.held().await;
                assert_eq!(world.store.commits(), commits);
                let numbers = world.inner.attempt_numbers(job("q").id());
                assert_eq!(numbers.expect("numbers"), [0; 0]);
                drop(hold);
            });
            let ids: Vec<AttemptId> = answer
                .expect("right")
                .attempts
                .iter()
                .map(|it| it.id)
                .collect();
            assert_eq!(numbers(&ids), all);
            let numbers_stored = world.inner.attempt_numbers(job("q").id());
            assert_eq!(numbers_stored.expect("numbers"), all);
            // Whom there was no room for, in the order of the request.
            let waiting = world.inner.ready("b", 2000).expect("ready");
            assert_eq!(numbers(&waiting), all[1..]);
        });
    }
}

#[test]
fn t36_new_dependencies_are_created_with_their_edges_in_one_commit() {
    run(async {
        let world = World::new();
        let backend = world.jobs("b");
        let by = world.new_job(&backend, &job("by")).await;
        let id = by.execution.attempt;
        world.ensure(&[job("old")]).await;
        let request = GraphRequest {
            quests: vec![world.part(&job("to"), &[1, 3, 2])],
            attempts: vec![job("old").attempt()],
            dependent: Some(by.clone()),
        };
        let hold = world.store.hold_next_commit();
        let (answer, ()) = tokio::join!(world.engine.ensure_graph(request), async {
            world.store.held().await;
            assert_eq!(world.dependencies(id), []);
            drop(hold);
        });
        assert!(answer.expect("a right request").halted);
        // The higher number first, within its quest.
        let edges = world.dependencies(id);
        let new = edges.iter().map(|edge| edge.dependency);
        let new: Vec<AttemptId> = new.filter(|it| it.quest == job("to").id()).collect();
        assert_eq!(numbers(&new), [3, 2, 1]);
        assert_eq!(edges.len(), 4);
        for edge in edges {
            assert!(world.find(edge.dependency).is_some());
        }
    });
}

#[test]
fn raw_attempts_are_created_for_quests_that_are_stored_or_in_the_request() {
    run(async {
        let mut world = World::new();
        let backend = world.jobs("b");
        world.ensure(&[job("stored")]).await;
        // The description is not in memory any more.
        world.restart().await;
        let request = GraphRequest {
            quests: vec![world.part(&job("new"), &[])],
            attempts: vec![
                job("stored").id().attempt(7),
                job("new").id().attempt(2),
                job("stored").attempt(),
                job("stored").id().attempt(7),
            ],
            dependent: None,
        };
        let answer = world.engine.ensure_graph(request).await.expect("right");
        assert_eq!(answer.new_quests, HashSet::from([job("new").id()]));
        let mut expected = vec![
            (job("new").id().attempt(2), false),
            (job("stored").attempt(), true),
            (job("stored").id().attempt(7), false),
        ];
        expected.sort();
        let ensured = answer.attempts.iter().map(|it| (it.id, it.existed));
        assert_eq!(ensured.collect::<Vec<_>>(), expected);
        for (id, _) in expected {
            let record = world.until_executing(id).await;
            assert_eq!(&*record.config_name, "b");
            assert!(!record.policy.simple);
        }
        assert_eq!(backend.count(Method::Run), 3);
    });
}

#[test]
fn requests_of_one_batch_see_each_other() {
    run(async {
        let world = World::new();
        world.jobs("b");
        let mut first = world.request(&[job("q")]);
        first.quests[0].built_by = vec![spec("b", "1")];
        let raw = GraphRequest {
            attempts: vec![job("q").id().attempt(2)],
            ..Default::default()
        };
        let mut again = world.request(&[job("q")]);
        again.quests[0].built_by = vec![spec("a", "1")];

        let hold = world.store.hold_next_commit();
        let together = async {
            world.store.held().await;
            let release = async { drop(hold) };
            let engine = &world.engine;
            tokio::join!(
                engine.ensure_graph(first),
                engine.ensure_graph(raw),
                engine.ensure_graph(again),
                release
            )
        };
        let other = [job("other")];
        let (_, (first, raw, again, ())) = tokio::join!(world.ensure(&other), together);
        assert_eq!(first.expect("right").new_quests.len(), 1);
        assert!(!raw.expect("right").attempts[0].existed);
        let again = again.expect("right");
        assert!(again.new_quests.is_empty() && again.attempts[0].existed);
        let built_by = stored(&world, job("q").id()).built_by;
        assert_eq!(built_by, [spec("a", "1"), spec("b", "1")]);
        let numbers = world.inner.attempt_numbers(job("q").id());
        assert_eq!(numbers.expect("numbers"), [1, 2]);
    });
}

#[test]
fn attempts_of_an_absent_quest_are_refused_and_nothing_is_created() {
    run(async {
        let world = World::new();
        let backend = world.jobs("b");
        let by = world.new_job(&backend, &job("by")).await;
        let counts = world.inner.counts().expect("counts");
        for dependent in [None, Some(by.clone())] {
            let request = GraphRequest {
                attempts: vec![job("absent").attempt()],
                dependent,
                ..world.request(&[job("new")])
            };
            let error = world
                .engine
                .ensure_graph(request)
                .await
                .expect_err("absent");
            let expected = format!(
                "cannot create attempts for absent quest \"{}\"",
                job("absent").id()
            );
            assert_eq!(error.to_string(), expected);
        }
        assert_eq!(world.inner.counts().expect("counts"), counts);
        assert_eq!(
            world.inner.quests(&[job("new").id()]).expect("quests"),
            [None]
        );
        world.finish(&by, "{}").await;
    });
}

#[test]
fn attempt_zero_is_refused_wherever_it_is() {
    run(async {
        let world = World::new();
        world.jobs("b");
        let mut quest = world.request(&[job("q")]);
        quest.quests[0].attempts.push(NewAttempt {
            number: 0,
            needs: Vec::new(),
        });
        let mut raw = world.request(&[job("q")]);
        raw.attempts.push(job("q").id().attempt(0));
        for (request, path) in [(quest, "quest[0].attempts"), (raw, "raw_attempts")] {
            let answer = world.engine.ensure_graph(request).await;
            let Err(CallError::Invalid { field, .. }) = answer else {
                panic!("{answer:?}");
            };
            assert_eq!(field, path);
        }
        assert_eq!(
            world.inner.counts().expect("counts"),
            StateCounts::default()
        );
    });
}

/// The name as it is written is part of the identity: an alias stays an alias.
#[test]
fn dc_01_the_configuration_name_is_part_of_the_identity() {
    run(async {
        let world = World::new();
        world.jobs("b");
        world.source.alias("alias of b", "b");
        let ids = ["b", "alias of b"].map(|name| Quest::speaking(name, "q").id());
        assert_ne!(ids[0], ids[1]);
        world.ensure(&[Quest::speaking("alias of b", "q")]).await;
        let record = world.until_executing(ids[1].attempt(1)).await;
        assert_eq!(&*record.config_name, "alias of b");
        let desc = stored(&world, ids[1]).desc;
        assert_eq!(desc.distributor_config_name, "alias of b");
    });
}
