//! Jobs that ask for others while they run: they stop, wait, and run again (`dm-lifecycle.md`,
//! section 7). Where the original ran one mutation after the other, one commit does it all here; the
//! tests are of the promise behind its rows.

use distributor_core::dm::attempt::State;
use distributor_core::dm::quest::desc::meta::Retry;
use distributor_core::dm::{abnormal_finish, execution};
use distributor_core::{AttemptId, TaskResult, TaskState};
use distributor_host::driver::{CallError, GraphRequest};
use distributor_store::records::DependencyRecord;

use crate::support::{
    CommitFault, Gate, Method, Quest, Reply, World, abnormal_end, job, run, secs, started,
};

fn edge(dependent: AttemptId, dependency: AttemptId, bit: u32) -> DependencyRecord {
    DependencyRecord {
        dependent,
        dependency,
        bit,
        for_execution: 1,
        propagated: false,
    }
}

fn failing(budget: u32) -> Retry {
    Retry {
        failed: budget,
        ..Default::default()
    }
}

#[test]
fn t12_bits_follow_quest_ids_and_then_attempts_from_the_highest() {
    run(async {
        let world = World::new();
        let backend = world.jobs("b");
        let by = world.new_job(&backend, &job("by")).await;
        let mut quests = [job("a"), job("b"), job("c")];
        quests.sort_by_key(Quest::id);
        let [a, b, c] = &quests;
        world.ensure(&[a.clone(), c.clone()]).await;
        let request = GraphRequest {
            quests: vec![world.part(c, &[1]), world.part(b, &[1, 2])],
            attempts: vec![a.attempt()],
            dependent: Some(by.clone()),
        };
        let answer = world.engine.ensure_graph(request).await;
        assert!(answer.expect("a right request").halted);
        let dependent = by.execution.attempt;
        let expected = [
            edge(dependent, a.attempt(), 0),
            edge(dependent, b.id().attempt(2), 1),
            edge(dependent, b.attempt(), 2),
            edge(dependent, c.attempt(), 3),
        ];
        assert_eq!(world.dependencies(dependent), expected);
    });
}

#[test]
fn t30_what_is_over_counts_at_once_and_t31_the_rest_when_it_ends() {
    run(async {
        let world = World::new();
        let backend = world.jobs("b");
        world.finished(&backend, &job("over"), "{}").await;
        let by = world.new_job(&backend, &job("by")).await;
        let id = by.execution.attempt;
        world.halt(&by, &[job("over"), job("open")]).await;
        let told: Vec<_> = world.dependencies(id);
        let told = |quest: Quest| {
            let edge = told.iter().find(|it| it.dependency == quest.attempt());
            edge.expect("it was asked for").propagated
        };
        assert!(told(job("over")) && !told(job("open")));
        let record = world.get(id);
        assert_eq!(record.state, State::Waiting);
        assert_eq!(record.dependencies.size(), 2);
        assert_eq!(record.dependencies.unset(), 1);
        let open = world.job(&backend, job("open").attempt()).await;
        world.finish(&open, "{}").await;
        world.until_executing(id).await;
        assert!(world.dependencies(id).iter().all(|edge| edge.propagated));
    });
}

#[test]
fn t32_t23_a_failed_write_is_an_error_and_the_same_call_succeeds_later() {
    for fault in [CommitFault::Lost, CommitFault::Doubtful] {
        run(async {
            let world = World::new();
            let backend = world.jobs("b");
            let by = world.new_job(&backend, &job("by")).await;
            let id = by.execution.attempt;
            let before = world.get(id);
            world.store.fail_next_commit(fault);
            let answer = world.depend(&by, &[job("x")]).await;
            assert!(matches!(answer, Err(CallError::NotStored(_))), "{answer:?}");
            if fault == CommitFault::Doubtful {
                // It has happened all the same, and will be found.
                world.advance(secs(1)).await;
                let state = world.get(id).execution.map(|execution| execution.state);
                assert_eq!(state, Some(execution::State::Stopping));
                return;
            }
            assert_eq!(world.get(id), before);
            assert_eq!(world.dependencies(id), []);
            assert_eq!(world.find(job("x").attempt()), None);
            world.advance(secs(1)).await;
            let answer = world.depend(&by, &[job("x")]).await;
            assert!(answer.expect("the same call").halted);
            let answer = world.depend(&by, &[job("x")]).await;
            assert!(matches!(answer, Err(CallError::Refused(_))), "{answer:?}");
        });
    }
}

#[test]
fn t35_six_new_dependencies_stop_the_execution_and_its_end_makes_the_attempt_wait() {
    run(async {
        let world = World::new();
        let backend = world.jobs("b");
        let quests: Vec<Quest> = (0..6).map(job).collect();
        let by = world.new_job(&backend, &job("by")).await;
        let id = by.execution.attempt;
        let answer = world.depend(&by, &quests).await.expect("a right request");
        assert!(answer.halted);
        let record = world.get(id);
        assert_eq!(record.state, State::Executing);
        assert_eq!(record.dependencies.size(), 6);
        assert_eq!(record.dependencies.unset(), 6);
        let execution = record.execution.expect("an execution");
        assert_eq!(execution.state, execution::State::Stopping);
        assert!(execution.auth_token.0.is_empty());
        let edges = world.dependencies(id);
        assert_eq!(edges.len(), 6);
        assert!(
            edges
                .iter()
                .all(|it| it.for_execution == 1 && !it.propagated)
        );
        world.end(&by, r#"{"half":true}"#).await;
        assert_eq!(world.get(id).state, State::Waiting);

        for quest in &quests {
            assert_eq!(world.get(id).state, State::Waiting);
            let dependency = world.job(&backend, quest.attempt()).await;
            world.finish(&dependency, "{}").await;
        }
        let again = world.job(&backend, id).await;
        assert_eq!(again.execution.number, 2);
        let answer = world
            .depend(&again, &quests)
            .await
            .expect("the same request");
        assert!(!answer.halted);
        assert!(answer.attempts.iter().all(|it| it.state == State::Finished));
        world.finish(&again, r#"{"all":6}"#).await;
        assert_eq!(world.get(id).state, State::Finished);
        assert_eq!(world.get(id).current_execution, 2);
    });
}

#[test]
fn t34_asking_again_after_a_failure_waits_again_for_what_has_not_ended() {
    run(async {
        let world = World::new();
        let backend = world.jobs("b");
        world.finished(&backend, &job("over"), "{}").await;
        let both = [job("over"), job("open")];
        let by = world.new_job(&backend, &job("by").retry(failing(1))).await;
        let id = by.execution.attempt;
        // The first execution asks, is halted, and then its task fails.
        assert!(world.depend(&by, &both).await.expect("right").halted);
        world.end(&by, "FAILED oops").await;
        let again = world.job(&backend, id).await;
        assert_eq!(again.execution.number, 2);
        // All dependencies are known already, and yet one of them is open.
        assert!(world.depend(&again, &both).await.expect("right").halted);
        let edges = world.dependencies(id);
        assert!(edges.iter().all(|it| it.for_execution == 2), "{edges:?}");
        world.end(&again, "{}").await;
        assert_eq!(world.get(id).state, State::Waiting);
        let open = world.job(&backend, job("open").attempt()).await;
        world.finish(&open, "{}").await;
        let third = world.job(&backend, id).await;
        assert_eq!(third.execution.number, 3);
        assert!(!world.depend(&third, &both).await.expect("right").halted);
        world.finish(&third, "{}").await;
        assert_eq!(world.get(id).state, State::Finished);
    });
}

#[test]
fn t37_what_is_over_adds_the_missing_dependencies_and_stops_nobody() {
    run(async {
        let world = World::new();
        let backend = world.jobs("b");
        let all = [job(1), job(2), job(3)];
        let by = world.new_job(&backend, &job("by")).await;
        let id = by.execution.attempt;
        world.halt(&by, &all[..1]).await;
        let first = world.job(&backend, job(1).attempt()).await;
        world.finish(&first, "{}").await;
        for quest in &all[1..] {
            world.finished(&backend, quest, "{}").await;
        }
        let again = world.job(&backend, id).await;
        let answer = world.depend(&again, &all).await.expect("a right request");
        assert!(!answer.halted);
        let edges = world.dependencies(id);
        let asked_by = |quest: &Quest| {
            let edge = edges.iter().find(|it| it.dependency == quest.attempt());
            let edge = edge.expect("it was asked for");
            assert!(edge.propagated);
            edge.for_execution
        };
        assert_eq!(all.each_ref().map(asked_by), [1, 2, 2]);
        // The token stays good, and saying it again changes nothing.
        let commits = world.store.commits();
        let answer = world.depend(&again, &all).await.expect("the same request");
        assert!(!answer.halted);
        assert_eq!(world.store.commits(), commits);
        assert_eq!(world.dependencies(id), edges);
        world.finish(&again, "{}").await;
        assert_eq!(world.get(id).state, State::Finished);
    });
}

#[test]
fn finished_dependencies_of_the_same_execution_do_not_disturb_a_later_halt() {
    run(async {
        let world = World::new();
        let backend = world.jobs("b");
        world.finished(&backend, &job("over"), "{}").await;
        let by = world.new_job(&backend, &job("by")).await;
        let over = world.depend(&by, &[job("over")]).await.expect("right");
        assert!(!over.halted);
        world.halt(&by, &[job("open")]).await;
        let record = world.get(by.execution.attempt);
        assert_eq!(record.state, State::Waiting);
        assert_eq!(record.dependencies.size(), 1);
        let open = world.job(&backend, job("open").attempt()).await;
        world.finish(&open, "{}").await;
        world.until_executing(by.execution.attempt).await;
    });
}

#[test]
fn a_failed_dependency_wakes_its_dependent_which_sees_it() {
    run(async {
        let world = World::new();
        let backend = world.jobs("b");
        let by = world.new_job(&backend, &job("by")).await;
        let id = by.execution.attempt;
        world.halt(&by, &[job("bad"), job("cancelled")]).await;
        let bad = world.job(&backend, job("bad").attempt()).await;
        world.end(&bad, "FAILED broken").await;
        assert_eq!(abnormal_end(&world.get(job("bad").attempt())).1, "broken");
        assert_eq!(world.get(id).state, State::Waiting);
        let cancelled = job("cancelled").attempt();
        world.until_executing(cancelled).await;
        let no = world.engine.cancel(cancelled, "no".to_owned());
        no.await.expect("it exists");
        world.end_current(cancelled, "{}").await;
        let again = world.job(&backend, id).await;
        let answer = world.depend(&again, &[job("bad"), job("cancelled")]).await;
        let answer = answer.expect("a right request");
        assert!(!answer.halted);
        let states: Vec<State> = answer.attempts.iter().map(|it| it.state).collect();
        assert_eq!(states, [State::AbnormalFinished; 2]);
    });
}

#[test]
fn dependencies_that_end_while_the_execution_stops_start_the_next_at_once() {
    run(async {
        let world = World::new();
        let backend = world.jobs("b");
        let by = world.new_job(&backend, &job("by")).await;
        let id = by.execution.attempt;
        assert!(world.depend(&by, &[job("x")]).await.expect("right").halted);
        let x = world.job(&backend, job("x").attempt()).await;
        world.finish(&x, "{}").await;
        world.until(id, |it| it.dependencies.all_set()).await;
        assert_eq!(world.get(id).current_execution, 1);
        world.end(&by, "{}").await;
        let again = world.job(&backend, id).await;
        assert_eq!(again.execution.number, 2);
    });
}

#[test]
fn an_execution_that_fails_after_a_halt_without_retries_ends_its_attempt() {
    run(async {
        let world = World::new();
        let backend = world.jobs("b");
        let by = world.new_job(&backend, &job("by")).await;
        let id = by.execution.attempt;
        assert!(world.depend(&by, &[job("x")]).await.expect("right").halted);
        world.end(&by, "FAILED oops").await;
        let end = abnormal_end(&world.get(id));
        assert_eq!(end, (abnormal_finish::Status::Failed, "oops".to_owned()));
        // The end of what it wanted concerns nobody any more.
        let x = world.job(&backend, job("x").attempt()).await;
        world.finish(&x, "{}").await;
        world.settle().await;
        assert_eq!(world.get(id).current_execution, 1);
        assert_eq!(backend.count(Method::Run), 2);
    });
}

#[test]
fn a_job_that_waits_for_others_is_cancelled_at_once_and_they_go_on() {
    run(async {
        let world = World::new();
        let backend = world.jobs("b");
        let top = world.new_job(&backend, &job("top")).await;
        world.halt(&top, &[job("by")]).await;
        let by = world.job(&backend, job("by").attempt()).await;
        world.halt(&by, &[job("x")]).await;
        let id = by.execution.attempt;
        let cancelled = world.engine.cancel(id, "not wanted".to_owned());
        cancelled.await.expect("taken");
        let end = (abnormal_finish::Status::Cancelled, "not wanted".to_owned());
        assert_eq!(abnormal_end(&world.get(id)), end);
        // Whoever waits for it is told, and what it waited for tells it nothing.
        let top = world.job(&backend, top.execution.attempt).await;
        assert_eq!(top.execution.number, 2);
        let x = world.job(&backend, job("x").attempt()).await;
        world.finish(&x, "{}").await;
        world.settle().await;
        assert_eq!(abnormal_end(&world.get(id)), end);
        assert_eq!(world.get(id).current_execution, 1);
    });
}

#[test]
fn a_job_that_stops_for_others_is_cancelled_when_its_task_is_over() {
    run(async {
        let world = World::new();
        let backend = world.jobs("b");
        let by = world.new_job(&backend, &job("by")).await;
        assert!(world.depend(&by, &[job("x")]).await.expect("right").halted);
        let id = by.execution.attempt;
        let cancelled = world.engine.cancel(id, "not wanted".to_owned());
        cancelled.await.expect("taken");
        backend.called(Method::Cancel, 1).await;
        // The end of what it asked for does not wake it.
        let x = world.job(&backend, job("x").attempt()).await;
        world.finish(&x, "{}").await;
        assert_eq!(world.get(id).state, State::Executing);
        world.end(&by, "{}").await;
        let end = (abnormal_finish::Status::Cancelled, "not wanted".to_owned());
        assert_eq!(abnormal_end(&world.get(id)), end);
    });
}

/// One batch holds both the end and the request, in either order; also if an earlier execution has
/// asked for the same, so that what is stored speaks of that one.
#[test]
fn an_end_in_the_batch_of_the_request_is_not_missed() {
    for (ends_first, asked_before) in [(true, false), (false, false), (true, true), (false, true)] {
        run(async {
            let world = World::new();
            let backend = world.jobs("b");
            let mut by = world.new_job(&backend, &job("by").retry(failing(1))).await;
            let gate = Gate::closed();
            let over = TaskState::Finished(TaskResult::data("{}"));
            let answer = Ok(started("x", secs(0), over));
            backend.run.next(Reply::Behind(gate.clone(), answer));
            let x = [Quest::simple("b", "x")];
            world.ensure(&x).await;
            backend.called(Method::Run, 2).await;
            // Calls that are answered once `x` is over.
            let mut answers = 2;
            if asked_before {
                assert!(world.depend(&by, &x).await.expect("right").halted);
                world.end(&by, "FAILED oops").await;
                by = world.job(&backend, by.execution.attempt).await;
                answers += 2;
            }

            let hold = world.store.hold_next_commit();
            let end = async {
                gate.open();
                backend.answered(answers).await;
                // The answer is on its way to the host, which holds still.
                for _ in 0..16 {
                    tokio::task::yield_now().await;
                }
            };
            let both = async {
                world.store.held().await;
                if ends_first {
                    end.await;
                    let release = async { drop(hold) };
                    tokio::join!(world.depend(&by, &x), release).0
                } else {
                    let end = async {
                        end.await;
                        drop(hold);
                    };
                    tokio::join!(world.depend(&by, &x), end).0
                }
            };
            let other = [job("other")];
            let (_, asked) = tokio::join!(world.ensure(&other), both);
            let halted = asked.expect("a right request").halted;
            assert_eq!(halted, !ends_first);
            let asker = by.execution.number;
            let edge = &world.dependencies(by.execution.attempt)[0];
            let expected = if halted { asker } else { 1 };
            assert_eq!((edge.for_execution, edge.propagated), (expected, true));
            if halted {
                world.end(&by, "{}").await;
                let again = world.job(&backend, by.execution.attempt).await;
                assert_eq!(again.execution.number, asker + 1);
            } else {
                world.finish(&by, "{}").await;
            }
        });
    }
}

#[test]
fn many_jobs_that_wait_for_one_wake_once_each() {
    run(async {
        let world = World::new();
        let backend = world.jobs("b");
        let quests: Vec<Quest> = (0..200).map(job).collect();
        let ids = world.ensure(&quests).await;
        for id in &ids {
            let by = world.job(&backend, *id).await;
            world.halt(&by, &[job("x")]).await;
        }
        let x = world.job(&backend, job("x").attempt()).await;
        world.finish(&x, "{}").await;
        for id in &ids {
            world.until_executing(*id).await;
        }
        world.settle().await;
        assert_eq!(backend.count(Method::Run), 200 + 1 + 200);
        let untold = world.inner.untold_dependents(job("x").attempt(), 9);
        assert_eq!(untold.expect("untold"), []);
    });
}

#[test]
fn a_new_dependency_that_can_never_run_stops_nobody() {
    run(async {
        let world = World::new();
        let backend = world.jobs("b");
        let bad = world.new_job(&backend, &job("bad")).await;
        world.end(&bad, "FAILED broken").await;
        let by = world.new_job(&backend, &job("by")).await;
        // Ends in the very batch that creates it, because what it needs has failed.
        let hopeless = Quest::simple("b", "hopeless").needs(&[job("bad").attempt()]);
        let answer = world.depend(&by, &[hopeless]).await.expect("right");
        assert!(!answer.halted);
        assert_eq!(answer.attempts[0].state, State::AbnormalFinished);
        assert!(!answer.attempts[0].existed);
        assert!(world.dependencies(by.execution.attempt)[0].propagated);
        world.finish(&by, "{}").await;
    });
}

#[test]
fn a_task_that_is_over_when_run_answers_is_no_job() {
    run(async {
        let world = World::new();
        let backend = world.jobs("b");
        backend.starts(secs(0), TaskState::Finished(TaskResult::data("{}")));
        let id = world.ensure_one(&job("by")).await;
        let (status, _) = abnormal_end(&world.until_final(id).await);
        assert_eq!(status, abnormal_finish::Status::Failed);
    });
}
