//! Declared dependencies: who waits for whom, and what a failed one does (architecture, "Ours").

use std::collections::HashMap;

use distributor_core::dm::abnormal_finish::Status;
use distributor_core::dm::attempt::State;
use distributor_core::{AttemptId, TaskResult, TaskState};
use distributor_host::driver::{CallError, NewAttempt};
use distributor_store::StateCounts;

use crate::support::{
    Gate, Method, Quest, Reply, World, abnormal_end, ensure_all, permanent, run, secs, started,
};

fn done() -> TaskState {
    TaskState::Finished(TaskResult::data("{}"))
}

/// The order in which attempts were run.
fn order(world: &World) -> HashMap<AttemptId, usize> {
    let runs = world.backend("b").calls_of(Method::Run);
    let ids = runs.iter().filter_map(|run| run.execution);
    ids.enumerate().map(|(at, id)| (id.attempt, at)).collect()
}

#[test]
fn a_chain_runs_in_order_and_passes_results_on() {
    run(async {
        let world = World::new();
        let backend = world.backend("b");
        backend.run.rule(|seen| {
            let name = format!(r#"{{"of":"{}"}}"#, seen.task());
            let state = TaskState::Finished(TaskResult::data(name));
            Reply::Now(Ok(started(&seen.task(), secs(0), state)))
        });
        let mut quests: Vec<Quest> = vec![Quest::simple("b", 0)];
        for at in 1..50 {
            let needs = [quests[at - 1].attempt()];
            quests.push(Quest::simple("b", at).needs(&needs));
        }
        let ids = world.ensure(&quests).await;
        world.until_final(ids[49]).await;
        let runs = backend.calls_of(Method::Run);
        assert_eq!(runs.len(), 50);
        for (at, run) in runs.iter().enumerate() {
            assert_eq!(run.execution, Some(ids[at].execution(1)));
            assert_eq!(run.needs.len(), usize::from(at > 0));
            for need in &run.needs {
                assert_eq!(need.name, "n0");
                assert_eq!(need.attempt, ids[at - 1]);
                let expected = format!(r#"{{"of":"task of {}"}}"#, ids[at - 1].execution(1));
                let TaskResult::Data(data) = &need.result else {
                    panic!("{need:?}");
                };
                assert_eq!(data.object, expected);
            }
        }
    });
}

#[test]
fn a_diamond_runs_its_end_last_and_once() {
    run(async {
        let world = World::new();
        let backend = world.backend("b");
        let top = Quest::simple("b", "top");
        let left = Quest::simple("b", "left").needs(&[top.attempt()]);
        let right = Quest::simple("b", "right").needs(&[top.attempt()]);
        let end = Quest::simple("b", "end").needs(&[left.attempt(), right.attempt()]);
        let ids = world.ensure(&[top, left, right, end]).await;
        world.until_final(ids[3]).await;
        let order = order(&world);
        assert_eq!(order[&ids[0]], 0);
        assert_eq!(order[&ids[3]], 3);
        assert_eq!(backend.count(Method::Run), 4);
        let runs = backend.calls_of(Method::Run);
        let needs: Vec<_> = runs[3].needs.iter().map(|need| need.attempt).collect();
        assert_eq!(needs, [ids[1], ids[2]]);
    });
}

#[test]
fn a_thousand_dependents_are_told_in_steps() {
    run(async {
        let mut world = World::new();
        let backend = world.backend("b");
        let gate = Gate::closed();
        backend.run.next(Reply::Behind(
            gate.clone(),
            Ok(started("t", secs(0), done())),
        ));
        let need = Quest::simple("b", "need");
        let mut quests = vec![need.clone()];
        quests.extend((0..1000).map(|n| Quest::simple("b", n).needs(&[need.attempt()])));
        let ids = world.ensure(&quests).await;
        backend.called(Method::Run, 1).await;
        gate.open();
        world.until_final(ids[0]).await;
        // In the middle of it, if the host is slow enough.
        world.crash().await;
        world.settle().await;
        for id in &ids {
            assert_eq!(world.get(*id).state, State::Finished);
        }
        let untold = world.inner.untold_dependents(ids[0], 9).expect("untold");
        assert_eq!(untold, []);
    });
}

#[test]
fn a_thousand_dependents_of_one_failure_all_fail() {
    run(async {
        let world = World::new();
        let backend = world.backend("b");
        let gate = Gate::closed();
        backend
            .run
            .next(Reply::Behind(gate.clone(), Err(permanent("broken"))));
        let need = Quest::simple("b", "need");
        let mut quests = vec![need.clone()];
        quests.extend((0..1000).map(|n| Quest::simple("b", n).needs(&[need.attempt()])));
        let ids = world.ensure(&quests).await;
        gate.open();
        world.settle().await;
        for id in &ids[1..] {
            world.until_final(*id).await;
        }
        assert_eq!(backend.count(Method::Run), 1);
    });
}

#[test]
fn a_failed_need_ends_its_dependents_with_the_culprit() {
    run(async {
        let world = World::new();
        let backend = world.backend("b");
        let gate = Gate::closed();
        backend
            .run
            .next(Reply::Behind(gate.clone(), Err(permanent("broken"))));
        let need = Quest::simple("b", "need");
        let middle = Quest::simple("b", "middle").needs(&[need.attempt()]);
        let last = Quest::simple("b", "last").needs(&[middle.attempt()]);
        let ids = world.ensure(&[need, middle, last]).await;
        gate.open();
        for (dependent, culprit) in [(ids[1], ids[0]), (ids[2], ids[1])] {
            let record = world.until_final(dependent).await;
            assert_eq!(record.state, State::AbnormalFinished);
            let (_, reason) = abnormal_end(&record);
            assert!(reason.contains(&culprit.to_string()), "{reason}");
            assert!(reason.contains("broken"), "{reason}");
        }
        assert_eq!(backend.count(Method::Run), 1);
    });
}

#[test]
fn a_quest_may_run_anyway_and_sees_the_failure() {
    run(async {
        let world = World::new();
        let backend = world.backend("b");
        let gate = Gate::closed();
        backend
            .run
            .next(Reply::Behind(gate.clone(), Err(permanent("broken"))));
        let need = Quest::simple("b", "need");
        let quest = Quest::simple("b", "anyway")
            .needs(&[need.attempt()])
            .run_anyway();
        let ids = world.ensure(&[need, quest]).await;
        gate.open();
        assert_eq!(world.until_final(ids[1]).await.state, State::Finished);
        let runs = backend.calls_of(Method::Run);
        let TaskResult::Abnormal(finish) = &runs[1].needs[0].result else {
            panic!("{:?}", runs[1].needs);
        };
        assert_eq!(finish.status(), Status::Rejected);
    });
}

#[test]
fn needs_that_are_over_already_count_at_once() {
    run(async {
        let world = World::new();
        let backend = world.backend("b");
        backend
            .run
            .next(Reply::Now(Ok(started("t", secs(0), done()))));
        backend.run.next(Reply::Now(Err(permanent("broken"))));
        let good = Quest::simple("b", "good");
        let bad = Quest::simple("b", "bad");
        world.until_final(world.ensure_one(&good).await).await;
        world.until_final(world.ensure_one(&bad).await).await;
        let both = [good.attempt(), bad.attempt()];
        let happy = Quest::simple("b", "happy").needs(&both[..1]);
        let sad = Quest::simple("b", "sad").needs(&both);
        let stubborn = Quest::simple("b", "stubborn").needs(&both).run_anyway();
        let after_sad = Quest::simple("b", "after sad").needs(&[sad.attempt()]);
        let ids = world.ensure(&[happy, sad, stubborn, after_sad]).await;
        assert_eq!(world.until_final(ids[0]).await.state, State::Finished);
        assert_eq!(
            world.until_final(ids[1]).await.state,
            State::AbnormalFinished
        );
        assert_eq!(world.until_final(ids[2]).await.state, State::Finished);
        assert_eq!(
            world.until_final(ids[3]).await.state,
            State::AbnormalFinished
        );
    });
}

#[test]
fn an_unknown_need_is_refused_and_nothing_is_created() {
    run(async {
        let world = World::new();
        world.backend("b");
        let unknown = Quest::simple("b", "unknown").attempt();
        let good = Quest::simple("b", "good");
        let bad = Quest::simple("b", "bad").needs(&[unknown]);
        let answer = world.engine.ensure(ensure_all(&[good.clone(), bad])).await;
        let Err(CallError::Invalid { field, message }) = answer else {
            panic!("{answer:?}");
        };
        assert_eq!(field, "quest[1].needs");
        assert!(message.contains(&unknown.to_string()), "{message}");
        assert_eq!(
            world.inner.counts().expect("counts"),
            StateCounts::default()
        );
        assert_eq!(world.inner.quests(&[good.id()]).expect("quests"), [None]);
        // Not later either: what was refused left nothing behind.
        let id = world.ensure_one(&good).await;
        world.until_final(id).await;
    });
}

#[test]
fn a_need_later_in_the_request_or_itself_is_refused() {
    run(async {
        let world = World::new();
        world.backend("b");
        let late = Quest::simple("b", "late");
        let early = Quest::simple("b", "early").needs(&[late.attempt()]);
        let answer = world
            .engine
            .ensure(ensure_all(&[early, late.clone()]))
            .await;
        assert!(
            matches!(answer, Err(CallError::Invalid { .. })),
            "{answer:?}"
        );
        let mut selfish = late.ensure();
        selfish.attempts = vec![NewAttempt {
            number: 1,
            needs: vec![late.attempt()],
        }];
        let answer = world.engine.ensure(vec![selfish]).await;
        assert!(
            matches!(answer, Err(CallError::Invalid { .. })),
            "{answer:?}"
        );
        let mut zero = late.ensure();
        zero.attempts[0].number = 0;
        let answer = world.engine.ensure(vec![zero]).await;
        assert!(
            matches!(answer, Err(CallError::Invalid { .. })),
            "{answer:?}"
        );
    });
}

#[test]
fn the_same_need_twice_is_one_need() {
    run(async {
        let world = World::new();
        let backend = world.backend("b");
        let gate = Gate::closed();
        backend.run.next(Reply::Behind(
            gate.clone(),
            Ok(started("t", secs(0), done())),
        ));
        let need = Quest::simple("b", "need");
        let quest = Quest::simple("b", "quest");
        let mut request = quest.ensure();
        request.attempts[0].needs = vec![need.attempt(), need.attempt(), need.attempt()];
        let ensured = world.engine.ensure(vec![need.ensure(), request]).await;
        ensured.expect("a request that is right");
        gate.open();
        assert_eq!(
            world.until_final(quest.attempt()).await.state,
            State::Finished
        );
    });
}

#[test]
fn the_same_attempt_twice_is_one_attempt() {
    run(async {
        let world = World::new();
        let backend = world.backend("b");
        let quest = Quest::simple("b", 1);
        let request = vec![
            quest.ensure(),
            quest.ensure(),
            quest.ensure_attempts(&[1, 2, 2]),
        ];
        let ensured = world
            .engine
            .ensure(request)
            .await
            .expect("a request that is right");
        let existed: Vec<bool> = ensured.iter().map(|it| it.existed).collect();
        assert_eq!(existed, [false, true, true, false, true]);
        world.until_final(quest.attempt()).await;
        world.until_final(quest.id().attempt(2)).await;
        let again = world
            .engine
            .ensure(vec![quest.ensure()])
            .await
            .expect("it exists");
        assert!(again[0].existed);
        assert_eq!(again[0].state, State::Finished);
        assert_eq!(backend.count(Method::Run), 2);
    });
}

#[test]
fn a_need_that_ends_while_its_dependent_is_created_is_not_missed() {
    run(async {
        for round in 0..50 {
            let world = World::new();
            let backend = world.backend("b");
            let gate = Gate::closed();
            backend.run.next(Reply::Behind(
                gate.clone(),
                Ok(started("t", secs(0), done())),
            ));
            let need = Quest::simple("b", "need");
            world.ensure_one(&need).await;
            backend.called(Method::Run, 1).await;
            gate.open();
            let needs = [need.attempt()];
            for n in 0..round {
                world.ensure_one(&Quest::simple("b", n).needs(&needs)).await;
            }
            for n in 0..round {
                world
                    .until_final(Quest::simple("b", n).needs(&needs).attempt())
                    .await;
            }
        }
    });
}
