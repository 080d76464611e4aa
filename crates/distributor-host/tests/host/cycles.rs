//! A job that would wait for itself, through any number of others, is refused and may go on.

use std::sync::Arc;

use distributor_core::AttemptId;
use distributor_core::dm::attempt::State;
use distributor_core::dm::quest::desc::meta::Retry;
use distributor_host::Settings;
use distributor_host::driver::{CallError, Dependent, GraphAnswer};
use distributor_store::{MemoryStore, SqliteStore, Store};

use crate::support::{Quest, ScriptedBackend, World, job, run};

fn cycle(answer: Result<GraphAnswer, CallError>) -> Vec<AttemptId> {
    match answer {
        Err(CallError::Cycle(cycle)) => cycle,
        other => panic!("{other:?}"),
    }
}

/// Jobs `0`, `1`, …, each of which waits for the next; the last one runs.
async fn chain(world: &World, backend: &ScriptedBackend, length: usize) -> Vec<Dependent> {
    let mut jobs = vec![world.new_job(backend, &job(0)).await];
    for next in 1..length {
        let next = job(next);
        let last = &jobs[jobs.len() - 1];
        world.halt(last, std::slice::from_ref(&next)).await;
        jobs.push(world.job(backend, next.attempt()).await);
    }
    jobs
}

#[test]
fn an_attempt_that_depends_on_itself_is_refused() {
    run(async {
        let world = World::new();
        let backend = world.jobs("b");
        let by = world.new_job(&backend, &job("by")).await;
        let id = by.execution.attempt;
        let answer = world.depend(&by, &[job("x"), job("by")]).await;
        assert_eq!(cycle(answer), [id, id]);
        assert_eq!(world.find(job("x").attempt()), None);
    });
}

#[test]
fn a_cycle_of_any_length_is_refused_with_the_way_and_changes_nothing() {
    for length in [2, 3, 4, 9, 40] {
        run(async {
            let world = World::new();
            let backend = world.jobs("b");
            let jobs = chain(&world, &backend, length).await;
            let last = &jobs[length - 1];
            let counts = world.inner.counts().expect("counts");
            let commits = world.store.commits();
            let answer = world.depend(last, &[job("new"), job(0)]).await;
            let mut expected = vec![last.execution.attempt];
            expected.extend(jobs.iter().map(|job| job.execution.attempt));
            assert_eq!(cycle(answer), expected);
            assert_eq!(world.inner.counts().expect("counts"), counts);
            assert_eq!(world.store.commits(), commits);
            assert_eq!(world.dependencies(last.execution.attempt), []);
            // It may ask for something else, and all come to their end.
            world.finish(last, "{}").await;
            for at in (0..length - 1).rev() {
                let again = world.job(&backend, job(at).attempt()).await;
                world.finish(&again, "{}").await;
            }
            assert_eq!(world.get(job(0).attempt()).state, State::Finished);
        });
    }
}

#[test]
fn the_message_names_the_way_and_is_not_endless() {
    let id = |number| job(number).attempt();
    let short = CallError::Cycle(vec![id(1), id(2), id(1)]);
    let expected = format!("would wait for itself: {} -> {} -> {}", id(1), id(2), id(1));
    assert_eq!(short.to_string(), expected);
    let long = CallError::Cycle((0..1000).map(id).collect()).to_string();
    assert!(long.contains(" -> (984 more) -> "), "{long}");
    assert!(long.contains(&id(0).to_string()) && long.ends_with(&id(999).to_string()));
    assert_eq!(long.matches(" -> ").count(), 16);
}

#[test]
fn an_execution_that_still_stops_counts_as_waiting() {
    run(async {
        let world = World::new();
        let backend = world.jobs("b");
        let a = world.new_job(&backend, &job("a")).await;
        let b = world.new_job(&backend, &job("b")).await;
        assert!(world.depend(&a, &[job("b")]).await.expect("right").halted);
        let ids = [
            b.execution.attempt,
            a.execution.attempt,
            b.execution.attempt,
        ];
        assert_eq!(cycle(world.depend(&b, &[job("a")]).await), ids);
    });
}

#[test]
fn two_that_ask_for_each_other_in_one_batch_do_not_both_wait() {
    run(async {
        let world = World::new();
        let backend = world.jobs("b");
        let a = world.new_job(&backend, &job("a")).await;
        let b = world.new_job(&backend, &job("b")).await;
        let hold = world.store.hold_next_commit();
        let together = async {
            world.store.held().await;
            let release = async { drop(hold) };
            let (for_a, for_b) = ([job("b")], [job("a")]);
            tokio::join!(world.depend(&a, &for_a), world.depend(&b, &for_b), release)
        };
        let other = [job("other")];
        let (_, (first, second, ())) = tokio::join!(world.ensure(&other), together);
        assert!(first.expect("a right request").halted);
        let ids = [
            b.execution.attempt,
            a.execution.attempt,
            b.execution.attempt,
        ];
        assert_eq!(cycle(second), ids);
    });
}

#[test]
fn a_new_attempt_whose_needs_wait_for_the_asker_is_refused() {
    run(async {
        let world = World::new();
        let backend = world.jobs("b");
        let jobs = chain(&world, &backend, 2).await;
        let [parent, by] = [&jobs[0], &jobs[1]].map(|job| job.execution.attempt);
        for (need, way) in [(by, vec![]), (parent, vec![parent])] {
            let new = Quest::simple("b", "new").needs(&[need]);
            let answer = world.depend(&jobs[1], std::slice::from_ref(&new)).await;
            let expected = [vec![by, new.attempt()], way, vec![by]].concat();
            assert_eq!(cycle(answer), expected);
        }
    });
}

#[test]
fn declared_needs_are_part_of_a_cycle() {
    run(async {
        let world = World::new();
        let backend = world.jobs("b");
        let by = world.new_job(&backend, &job("by")).await;
        let id = by.execution.attempt;
        let middle = Quest::simple("b", "middle").needs(&[id]);
        let last = Quest::simple("b", "last").needs(&[middle.attempt()]);
        world.ensure(&[middle.clone(), last.clone()]).await;
        let answer = world.depend(&by, std::slice::from_ref(&last)).await;
        assert_eq!(cycle(answer), [id, last.attempt(), middle.attempt(), id]);
        // Without the wish they run after it.
        world.finish(&by, "{}").await;
        world.until_executing(middle.attempt()).await;
    });
}

#[test]
fn a_wish_of_an_earlier_execution_is_no_cycle() {
    run(async {
        let world = World::new();
        let backend = world.jobs("b");
        let retry = Retry {
            failed: 1,
            ..Default::default()
        };
        let quest = job("a").retry(retry);
        let a = world.new_job(&backend, &quest).await;
        let b = world.new_job(&backend, &job("b")).await;
        // The first execution of `a` asks for `b` and fails: nobody waits for `b` any more.
        assert!(world.depend(&a, &[job("b")]).await.expect("right").halted);
        world.end(&a, "FAILED oops").await;
        world.halt(&b, &[quest]).await;
        // Now the second execution must not wait for `b` again.
        let a = world.job(&backend, a.execution.attempt).await;
        assert_eq!(a.execution.number, 2);
        let ids = [
            a.execution.attempt,
            b.execution.attempt,
            a.execution.attempt,
        ];
        assert_eq!(cycle(world.depend(&a, &[job("b")]).await), ids);
        world.finish(&a, "{}").await;
        world.until_executing(job("b").attempt()).await;
    });
}

#[test]
fn what_is_over_is_no_cycle() {
    run(async {
        let world = World::new();
        let backend = world.jobs("b");
        let jobs = chain(&world, &backend, 2).await;
        let no = world.engine.cancel(job(0).attempt(), "no".to_owned());
        no.await.expect("it exists");
        let answer = world.depend(&jobs[1], &[job(0)]).await;
        assert!(!answer.expect("it is over").halted);
    });
}

#[test]
fn shared_dependencies_are_no_cycle() {
    run(async {
        let world = World::new();
        let backend = world.jobs("b");
        let left = world.new_job(&backend, &job("left")).await;
        let right = world.new_job(&backend, &job("right")).await;
        world.halt(&left, &[job("deep"), job("right")]).await;
        world.halt(&right, &[job("deep")]).await;
        let deep = world.job(&backend, job("deep").attempt()).await;
        world.finish(&deep, "{}").await;
        let right = world.job(&backend, job("right").attempt()).await;
        world.finish(&right, "{}").await;
        let left = world.job(&backend, job("left").attempt()).await;
        world.finish(&left, "{}").await;
    });
}

/// The search goes on over pages of edges, on both sides.
#[test]
fn a_cycle_among_hundreds_of_others_is_found() {
    let directory = tempfile::tempdir().expect("a directory");
    let stores: [Arc<dyn Store>; 2] = [
        Arc::new(MemoryStore::new()),
        Arc::new(SqliteStore::open(directory.path()).expect("a store")),
    ];
    for store in stores {
        find_among_hundreds(store);
    }
}

fn find_among_hundreds(store: Arc<dyn Store>) {
    run(async {
        let world = World::on(store, Settings::default(), 1);
        let backend = world.jobs("b");
        let by = world.new_job(&backend, &job("by")).await;
        let crowd: Vec<Quest> = (0..300).map(job).collect();
        // Hundreds wait for `by`, …
        let id = by.execution.attempt;
        let waiting: Vec<Quest> = crowd
            .iter()
            .map(|quest| Quest::simple("b", quest.id()).needs(&[id]))
            .collect();
        world.ensure(&waiting).await;
        // … and what it asks for waits for hundreds, one of which is the last of those.
        let mut needed: Vec<Quest> = crowd;
        needed.push(waiting[299].clone());
        let middle = world.new_job(&backend, &job("middle")).await;
        world.halt(&middle, &needed).await;
        let answer = world.depend(&by, &[job("middle")]).await;
        let expected = [id, job("middle").attempt(), waiting[299].attempt(), id];
        assert_eq!(cycle(answer), expected);
    });
}

#[test]
fn usual_questions_cost_no_search() {
    run(async {
        let world = World::new();
        let backend = world.jobs("b");
        let reads = || {
            world.store.reads("untold_dependencies_of") + world.store.reads("untold_dependents_of")
        };
        // New attempts wait for nobody, and so do those that run.
        let a = world.new_job(&backend, &job("a")).await;
        let b = world.new_job(&backend, &job("b")).await;
        assert!(
            world
                .depend(&a, &[job("new"), job("b")])
                .await
                .expect("right")
                .halted
        );
        assert_eq!(reads(), 0);
        // Nobody waits for a root: one look, however deep its dependencies are.
        world.halt(&b, &[job("deep")]).await;
        let root = world.new_job(&backend, &job("root")).await;
        assert!(
            world
                .depend(&root, &[job("a")])
                .await
                .expect("right")
                .halted
        );
        assert_eq!(reads(), 1);
    });
}

/// Whoever has a whole page of dependencies is read once for it.
#[test]
fn a_search_reads_each_attempt_once() {
    run(async {
        let few = Settings {
            cached: 1,
            ..Default::default()
        };
        let world = World::with(few);
        let backend = world.jobs("b");
        let by = world.new_job(&backend, &job("by")).await;
        let crowd: Vec<Quest> = (0..60).map(job).collect();
        let middle = world.new_job(&backend, &job("middle")).await;
        world.halt(&middle, &crowd).await;
        for parent in 0..3 {
            let parent = world
                .new_job(&backend, &job(format!("parent {parent}")))
                .await;
            world.halt(&parent, &[job("by")]).await;
        }
        world.settle().await;
        world.store.count_attempts();
        let answer = world.depend(&by, &[job("middle")]).await;
        assert!(answer.expect("no cycle").halted);
        let read = world.store.count_attempts();
        assert!(read < 20, "{read} records");
    });
}

#[test]
fn a_search_that_takes_too_long_is_refused_and_never_says_that_there_is_no_cycle() {
    let mut refused = 0;
    for cycle_steps in [0, 1, 10, 40, 80, 160] {
        run(async {
            let limited = Settings {
                cycle_steps,
                ..Default::default()
            };
            let world = World::with(limited);
            let backend = world.jobs("b");
            let jobs = chain(&world, &backend, 40).await;
            let last = &jobs[39];
            let commits = world.store.commits();
            match world.depend(last, &[job(0)]).await {
                Err(CallError::Cycle(cycle)) => assert_eq!(cycle.len(), 41),
                Err(CallError::TooEntangled(id)) => {
                    refused += 1;
                    assert_eq!(id, last.execution.attempt);
                }
                other => panic!("{other:?}"),
            }
            assert_eq!(world.store.commits(), commits);
            // It may go on, and usual questions are answered.
            world.halt(last, &[job("new")]).await;
        });
    }
    assert!((1..6).contains(&refused), "{refused}");
}
