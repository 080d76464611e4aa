//! Room that several configurations share: one backend under two names, and the host's own limit.

use distributor_core::dm::attempt::State;
use distributor_core::{AttemptId, TaskResult, TaskState};
use distributor_host::Settings;

use crate::support::{Gate, Method, Quest, Reply, World, ensure_all, run, secs, started};

fn done() -> TaskState {
    TaskState::Finished(TaskResult::data("{}"))
}

fn quests(config: &str, count: usize) -> Vec<Quest> {
    (0..count).map(|n| Quest::simple(config, n)).collect()
}

/// Each needs the one before it.
fn chain(config: &str, length: usize) -> Vec<Quest> {
    let mut quests: Vec<Quest> = Vec::new();
    for at in 0..length {
        let needs: Vec<AttemptId> = quests.last().map(Quest::attempt).into_iter().collect();
        quests.push(Quest::simple(config, format!("chain {at}")).needs(&needs));
    }
    quests
}

fn runs(world: &World, config: &str) -> usize {
    world.backend(config).count(Method::Run)
}

#[test]
fn aliases_of_one_configuration_share_its_room() {
    run(async {
        let world = World::new();
        let backend = world.backend("real");
        backend.set_capacity(3);
        world.source.alias("one", "real");
        world.source.alias("two", "real");
        let mut ids = Vec::new();
        for name in ["real", "one", "two"] {
            ids.extend(world.ensure(&quests(name, 100)).await);
        }
        for id in ids {
            world.until_final(id).await;
        }
        assert!(backend.most_open() <= 3, "{}", backend.most_open());
        assert_eq!(runs(&world, "real"), 300);
    });
}

#[test]
fn max_unfinished_holds_for_all_configurations_together() {
    run(async {
        let world = World::with(Settings {
            max_unfinished: Some(3),
            ..Default::default()
        });
        let mut ids = Vec::new();
        for name in ["a", "b", "c"] {
            world.backend(name).starts(secs(1000), TaskState::Running);
            world.backend(name).status.always(done());
            ids.extend(world.ensure(&quests(name, 4)).await);
        }
        while !ids.iter().all(|id| world.get(*id).is_final()) {
            world.settle().await;
            let counts = world.inner.counts().expect("counts");
            assert!(counts.executing <= 3, "{counts:?}");
            let open = ["a", "b", "c"].map(|name| world.backend(name).most_open());
            assert!(open.iter().all(|open| *open <= 3));
            world.advance(secs(1000)).await;
        }
    });
}

#[test]
fn no_configuration_starves_under_max_unfinished() {
    run(async {
        let world = World::with(Settings {
            max_unfinished: Some(1),
            ..Default::default()
        });
        for name in ["a", "b", "c"] {
            world.backend(name);
        }
        let gate = Gate::closed();
        let answer = started("t", secs(0), done());
        world
            .backend("a")
            .run
            .next(Reply::Behind(gate.clone(), Ok(answer)));
        let mut all = quests("a", 200);
        all.extend(quests("b", 5));
        all.extend(quests("c", 5));
        let ids = world.ensure(&all).await;
        world.backend("a").called(Method::Run, 1).await;
        gate.open();
        world.until_final(ids[204]).await;
        world.until_final(ids[209]).await;
        assert!(
            runs(&world, "a") < 50,
            "{} of a were run first",
            runs(&world, "a")
        );
        for id in ids {
            world.until_final(id).await;
        }
    });
}

/// Those who become ready only now go behind those who wait already, under whatever name.
#[test]
fn a_chain_does_not_starve_another_name_of_the_same_backend() {
    run(async {
        let world = World::new();
        let backend = world.backend("real");
        backend.set_capacity(1);
        world.source.alias("alias", "real");
        let waiting = Quest::simple("real", "waiting");
        let mut all = chain("alias", 50);
        all.insert(1, waiting.clone());
        let ensured = world.engine.ensure(ensure_all(&all)).await;
        ensured.expect("a request that is right");
        world.until_final(waiting.attempt()).await;
        let chain_end = all[50].attempt();
        assert_ne!(world.get(chain_end).state, State::Finished);
        world.until_final(chain_end).await;
        let runs = backend.calls_of(Method::Run);
        let place = runs.iter().position(|run| {
            run.execution
                .is_some_and(|id| id.attempt == waiting.attempt())
        });
        assert!(
            place.is_some_and(|place| place <= 2),
            "started as number {place:?}"
        );
    });
}

#[test]
fn a_chain_does_not_starve_others_under_max_unfinished() {
    run(async {
        let world = World::with(Settings {
            max_unfinished: Some(1),
            ..Default::default()
        });
        world.backend("a");
        world.backend("b");
        let waiting = Quest::simple("a", "waiting");
        let mut all = chain("b", 50);
        all.insert(1, waiting.clone());
        let ensured = world.engine.ensure(ensure_all(&all)).await;
        ensured.expect("a request that is right");
        world.until_final(waiting.attempt()).await;
        assert!(
            runs(&world, "b") <= 3,
            "{} of the chain were first",
            runs(&world, "b")
        );
        world.until_final(all[50].attempt()).await;
    });
}

/// Those that could not start because their backend vanished must not make the host forget the
/// others that became ready in the same batch.
#[test]
fn names_that_wait_are_not_forgotten_when_others_cannot_start() {
    run(async {
        let world = World::new();
        let backend = world.backend("b");
        backend.set_capacity(1);
        world.backend("gone");
        let gate = Gate::closed();
        backend.run.next(Reply::Behind(
            gate.clone(),
            Ok(started("t", secs(0), done())),
        ));
        let need = Quest::simple("b", "need");
        let needs = [need.attempt()];
        let waiting = Quest::simple("b", "waiting");
        let mut all = vec![need, waiting, Quest::simple("gone", 1).needs(&needs)];
        all.extend((0..5).map(|n| Quest::simple("b", n).needs(&needs)));
        let ids = world.ensure(&all).await;
        backend.called(Method::Run, 1).await;
        world.source.remove("gone");
        backend.set_capacity(5);
        gate.open();
        for id in ids {
            world.until_final(id).await;
        }
    });
}
