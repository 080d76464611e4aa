//! The end of an attempt is told to those who wait for it: in bounded steps, each once, whatever
//! crashes. Where the original had mutations in a journal, these are rows of one commit; the tests
//! are of the promise behind its rows.

use distributor_core::dm::attempt::State;
use distributor_core::{AttemptId, TaskResult, TaskState};
use distributor_host::Settings;
use distributor_host::driver::GraphRequest;
use distributor_store::records::JournalKind;

use crate::support::{Gate, Method, Quest, Reply, World, job, permanent, run, secs, started};

fn done() -> TaskState {
    TaskState::Finished(TaskResult::data("{}"))
}

/// A need whose `run` waits for the gate, and so many who need it.
async fn crowd(world: &World, gate: &Gate, size: u32) -> Vec<AttemptId> {
    let backend = world.backend("b");
    let answer = Ok(started("need", secs(0), done()));
    backend.run.next(Reply::Behind(gate.clone(), answer));
    let need = Quest::simple("b", "need");
    let mut quests = vec![need.clone()];
    quests.extend((0..size).map(|n| Quest::simple("b", n).needs(&[need.attempt()])));
    let ids = world.ensure(&quests).await;
    backend.called(Method::Run, 1).await;
    world.engine.flush().await;
    ids
}

fn untold(world: &World, id: AttemptId) -> usize {
    let untold = world.inner.untold_dependents(id, 9999);
    untold.expect("untold").len()
}

#[test]
fn t45_an_end_that_nobody_waits_for_owes_nothing() {
    run(async {
        let world = World::new();
        world.backend("b");
        let id = world.ensure_one(&Quest::simple("b", "alone")).await;
        world.until_final(id).await;
        assert_eq!(world.inner.journal(0, 9).expect("the journal"), []);
        assert_eq!(world.inner.dependents(id, 9).expect("dependents"), []);
    });
}

#[test]
fn t46_one_pending_dependent_is_told_once() {
    run(async {
        let world = World::new();
        let backend = world.jobs("b");
        let by = world.new_job(&backend, &job("by")).await;
        let id = by.execution.attempt;
        world.halt(&by, &[job("x")]).await;
        assert_eq!(untold(&world, job("x").attempt()), 1);
        let x = world.job(&backend, job("x").attempt()).await;
        world.finish(&x, "{}").await;
        world.until_executing(id).await;
        assert_eq!(untold(&world, job("x").attempt()), 0);
        assert_eq!(world.get(id).current_execution, 2);
        // The end is told again to nobody.
        world.end(&x, "{}").await;
        world.settle().await;
        assert_eq!(world.get(id).current_execution, 2);
    });
}

#[test]
fn t47_ninety_six_dependents_are_told_in_steps_of_sixty_four() {
    run(async {
        let mut world = World::new();
        let backend = world.backend("b");
        let gate = Gate::closed();
        let ids = crowd(&world, &gate, 96).await;
        assert_eq!(untold(&world, ids[0]), 96);
        // One commit, and the host dies.
        world.store.die_after(world.store.commits() + 1);
        gate.open();
        world.store.failed(1).await;
        world.engine.stop().await;
        assert_eq!(world.get(ids[0]).state, State::Finished);
        assert_eq!(untold(&world, ids[0]), 32);
        let owed = world.inner.journal(0, 999).expect("the journal");
        let rest = owed.iter().filter(|row| row.kind == JournalKind::Propagate);
        assert_eq!(rest.map(|row| row.attempt).collect::<Vec<_>>(), [ids[0]]);
        world.start();
        world.settle().await;
        assert_eq!(untold(&world, ids[0]), 0);
        for id in &ids {
            let record = world.until_final(*id).await;
            assert_eq!(
                (record.state, record.current_execution),
                (State::Finished, 1)
            );
        }
        let tokens = backend.activation_tokens();
        assert_eq!(tokens.len(), 97);
        assert!(tokens.values().all(|tokens| *tokens == 1));
    });
}

#[test]
fn t29_a_dependency_on_what_is_over_needs_telling_nobody() {
    run(async {
        let world = World::new();
        let backend = world.jobs("b");
        world.finished(&backend, &job("over"), "{}").await;
        let by = world.new_job(&backend, &job("by")).await;
        let asked = world.depend(&by, &[job("over")]).await;
        assert!(!asked.expect("a right request").halted);
        let edges = world.dependencies(by.execution.attempt);
        assert!(edges.len() == 1 && edges[0].propagated, "{edges:?}");
        assert_eq!(world.inner.journal(0, 9).expect("the journal"), []);
    });
}

/// Each of several ends may be told to 64 at once, but one commit does not tell everybody.
#[test]
fn t47_many_ends_with_many_dependents_are_told_over_several_commits() {
    run(async {
        let world = World::with(Settings {
            batch: 4,
            ..Default::default()
        });
        let backend = world.backend("b");
        let gate = Gate::closed();
        let mut quests = Vec::new();
        for root in 0..4 {
            let broken = Err(permanent("broken"));
            backend.run.next(Reply::Behind(gate.clone(), broken));
            quests.push(Quest::simple("b", root));
        }
        for (root, name) in (0..4).cycle().zip(0..240) {
            let need = [quests[root].attempt()];
            quests.push(Quest::simple("b", format!("d{name}")).needs(&need));
        }
        let ids = world.ensure(&quests).await;
        backend.called(Method::Run, 4).await;
        world.engine.flush().await;
        world.store.largest_commit();
        // All four end in one batch.
        let hold = world.store.hold_next_commit();
        let other = [Quest::simple("b", "other")];
        let end = async {
            world.store.held().await;
            gate.open();
            backend.answered(4).await;
            drop(hold);
        };
        tokio::join!(world.ensure(&other), end);
        for id in &ids {
            let record = world.until_final(*id).await;
            assert_eq!(record.state, State::AbnormalFinished);
        }
        // What four events tell, and one step of the last end.
        let most = 4 + 4 * 8 + 64;
        let largest = world.store.largest_commit();
        assert!(largest <= most, "{largest} attempts in one commit");
        world.settle().await;
        for id in &ids {
            assert_eq!(untold(&world, *id), 0);
        }
    });
}

/// What follows at once from an end happens in its own commit, however long the chain is.
#[test]
fn t51_a_chain_of_forty_ends_in_one_commit() {
    run(async {
        let world = World::new();
        let backend = world.backend("b");
        let gate = Gate::closed();
        let broken = Err(permanent("broken"));
        backend.run.next(Reply::Behind(gate.clone(), broken));
        let mut quests = vec![Quest::simple("b", 0)];
        for at in 1..41 {
            let need = quests[at - 1].attempt();
            quests.push(Quest::simple("b", at).needs(&[need]));
        }
        let ids = world.ensure(&quests).await;
        backend.called(Method::Run, 1).await;
        world.engine.flush().await;
        let commits = world.store.commits();
        gate.open();
        world.until_final(ids[40]).await;
        assert_eq!(world.store.commits(), commits + 1);
        for id in ids {
            assert_eq!(world.get(id).state, State::AbnormalFinished);
        }
    });
}

#[test]
fn t52_a_request_for_nothing_commits_nothing_and_one_attempt_owes_one_call() {
    run(async {
        let world = World::new();
        let backend = world.backend("b");
        let answer = world.engine.ensure_graph(GraphRequest::default()).await;
        assert_eq!(answer.expect("nothing").attempts, []);
        assert_eq!(world.store.commits(), 0);
        let gate = Gate::closed();
        let answer = Ok(started("t", secs(0), done()));
        backend.run.next(Reply::Behind(gate.clone(), answer));
        let id = world.ensure_one(&Quest::simple("b", 1)).await;
        let owed = world.inner.journal(0, 9).expect("the journal");
        let owed: Vec<_> = owed.iter().map(|row| (row.kind, row.attempt)).collect();
        assert_eq!(owed, [(JournalKind::Run, id)]);
        gate.open();
        world.until_final(id).await;
    });
}

#[test]
fn t53_a_new_host_finds_what_is_owed_and_only_that() {
    run(async {
        let mut world = World::new();
        let backend = world.backend("b");
        world.restart().await;
        world.settle().await;
        assert_eq!(world.store.commits(), 0);
        let gate = Gate::closed();
        let answer = Ok(started("t", secs(0), done()));
        backend.run.next(Reply::Behind(gate.clone(), answer));
        let id = world.ensure_one(&Quest::simple("b", 1)).await;
        backend.called(Method::Run, 1).await;
        world.crash().await;
        world.until_final(id).await;
        assert_eq!(backend.count(Method::Run), 2);
        world.restart().await;
        world.settle().await;
        assert_eq!(backend.count(Method::Run), 2);
        assert_eq!(world.store.commits(), 0);
    });
}
