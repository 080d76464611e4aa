//! The same small graph, with a crash or a store failure at every single point: it ends the same.

use std::collections::HashMap;
use std::sync::Arc;

use distributor_core::dm::abnormal_finish::Status;
use distributor_core::dm::attempt::State;
use distributor_core::dm::quest::desc::meta::Retry;
use distributor_core::dm::{JsonResult, execution};
use distributor_core::{AttemptId, ExecutionId, Secret, TaskResult, TaskState};
use distributor_host::Settings;
use distributor_host::driver::{Dependent, RetryPolicy};
use distributor_store::records::AttemptRecord;
use distributor_store::{MemoryStore, SqliteStore, Store};

use crate::support::{
    CommitFault, Method, Quest, Reply, World, abnormal_end, ensure_all, run, secs, started,
    transient,
};

fn done() -> TaskState {
    TaskState::Finished(TaskResult::data("{}"))
}

struct Scenario {
    quests: Vec<Quest>,
    flaky: AttemptId,
    polled: AttemptId,
    cancelled: AttemptId,
    anyway: AttemptId,
    job: AttemptId,
    /// What the job asks for while it runs.
    asked: Quest,
}

impl Scenario {
    /// A flaky quest; one that is polled; one that is cancelled while it runs; one that runs all
    /// the same; and a job that calls the API, waits for another quest, and runs again.
    fn new() -> Self {
        let retry = Retry {
            failed: 1,
            ..Default::default()
        };
        let flaky = Quest::simple("b", "flaky").retry(retry);
        let polled = Quest::simple("b", "polled").needs(&[flaky.attempt()]);
        let needs = [flaky.attempt(), polled.attempt()];
        let cancelled = Quest::simple("b", "cancelled").needs(&needs);
        let anyway = Quest::simple("b", "anyway")
            .needs(&[cancelled.attempt()])
            .run_anyway();
        let job = Quest::speaking("b", "job").timeouts(1000, 1000, 10);
        Scenario {
            flaky: flaky.attempt(),
            polled: polled.attempt(),
            cancelled: cancelled.attempt(),
            anyway: anyway.attempt(),
            job: job.attempt(),
            asked: Quest::simple("b", "asked"),
            quests: vec![flaky, polled, cancelled, anyway, job],
        }
    }

    fn ids(&self) -> [AttemptId; 6] {
        [
            self.flaky,
            self.polled,
            self.cancelled,
            self.anyway,
            self.job,
            self.asked.attempt(),
        ]
    }

    fn is_over(&self, world: &World) -> bool {
        let records = self.ids().map(|id| world.find(id));
        let mut records = records.iter();
        let all = records.all(|record| record.as_ref().is_some_and(AttemptRecord::is_final));
        all && world.is_quiet()
    }

    fn prepare(&self, world: &World) {
        let backend = world.backend("b");
        backend.set_capacity(2);
        let (flaky, anyway) = (self.flaky, self.anyway);
        let mut tries: HashMap<ExecutionId, u32> = HashMap::new();
        backend.run.rule(move |seen| {
            let id = seen.execution.expect("run has an execution");
            let tries = tries.entry(id).or_default();
            *tries += 1;
            if *tries == 1 && (id.attempt == anyway || id == flaky.execution(2)) {
                return Reply::Now(Err(transient("lost reply")));
            }
            let state = if id == flaky.execution(1) {
                TaskState::Finished(TaskResult::abnormal(Status::Failed, "once"))
            } else if id.attempt == flaky {
                done()
            } else {
                TaskState::Running
            };
            Reply::Now(Ok(started(&seen.task(), secs(10), state)))
        });
        // A task runs for 12 s, or until it is cancelled.
        let mut ends = HashMap::new();
        let cancelled = Arc::new(std::sync::Mutex::new(std::collections::HashSet::new()));
        let seen_cancel = cancelled.clone();
        backend.status.rule(move |seen| {
            let end = *ends.entry(seen.task()).or_insert(seen.at.after(secs(12)));
            let cancelled = cancelled.lock().expect("cancelled").contains(&seen.task());
            let over = cancelled || seen.at >= end;
            Reply::Now(Ok(if over { done() } else { TaskState::Running }))
        });
        backend.cancel.rule(move |seen| {
            seen_cancel.lock().expect("cancelled").insert(seen.task());
            Reply::Now(Ok(()))
        });
    }

    /// Clients and the job at work until all is done; false if the store failed meanwhile.
    async fn drive(&self, world: &World) -> bool {
        if world.engine.ensure(ensure_all(&self.quests)).await.is_err() {
            return false;
        }
        loop {
            world.engine.flush().await;
            tokio::task::yield_now().await;
            if world.store.failures() > 0 {
                return false;
            }
            if self.is_over(world) {
                return true;
            }
            if world.get(self.cancelled).state == State::Executing {
                let _failed = world
                    .engine
                    .cancel(self.cancelled, "not wanted".to_owned())
                    .await;
            }
            self.job(world).await;
            if world.is_quiet() {
                world.clock.advance(secs(5));
            }
        }
    }

    /// The job that calls the API does its next step; one that is refused tries again later.
    async fn job(&self, world: &World) {
        let record = world.get(self.job);
        let Some(execution) = record.execution else {
            return;
        };
        let id = self.job.execution(execution.number);
        let token = || Secret::new(vec![9; 32]);
        match execution.state {
            execution::State::Scheduling => {
                let runs = world.backend("b").calls_of(Method::Run);
                let run = runs
                    .iter()
                    .find(|run| run.execution == Some(id))
                    .expect("run was called");
                let activation = Secret::new(run.activation_token.clone());
                let _refused = world.engine.activate(id, activation, token()).await;
            }
            execution::State::Running => {
                let caller = Dependent {
                    execution: id,
                    token: token(),
                };
                let asked = world.depend(&caller, std::slice::from_ref(&self.asked));
                if asked.await.is_ok_and(|answer| !answer.halted) {
                    let result = JsonResult {
                        object: r#"{"x":1}"#.to_owned(),
                        ..Default::default()
                    };
                    let _refused = world.engine.finish_attempt(id, token(), result).await;
                }
            }
            _ => {}
        }
    }

    fn check(&self, world: &World, at: u64) {
        let expected = [
            (self.flaky, State::Finished, 2),
            (self.polled, State::Finished, 1),
            (self.cancelled, State::AbnormalFinished, 1),
            (self.anyway, State::Finished, 1),
            (self.job, State::Finished, 2),
            (self.asked.attempt(), State::Finished, 1),
        ];
        for (id, state, executions) in expected {
            let record = world.get(id);
            assert_eq!(record.state, state, "{at}: {record:?}");
            assert_eq!(record.current_execution, executions, "{at}: {record:?}");
            let stored = world.inner.executions(id, 9).expect("executions");
            let numbers: Vec<u32> = stored.iter().rev().map(|it| it.number).collect();
            assert_eq!(numbers, (1..=executions).collect::<Vec<_>>(), "{at}");
        }
        let end = abnormal_end(&world.get(self.cancelled));
        assert_eq!(end, (Status::Cancelled, "not wanted".to_owned()), "{at}");
        let tokens = world.backend("b").activation_tokens();
        assert_eq!(
            tokens.len(),
            8,
            "{at}: no execution but these was ever started"
        );
        assert!(
            tokens.values().all(|tokens| *tokens == 1),
            "{at}: {tokens:?}"
        );
        let edges = world.dependencies(self.job);
        let [edge] = edges.as_slice() else {
            panic!("{at}: {edges:?}");
        };
        assert!(edge.for_execution == 1 && edge.propagated, "{at}: {edge:?}");
        assert_eq!(world.inner.next_due().expect("due"), None, "{at}");
    }
}

fn settings() -> Settings {
    Settings {
        retry: RetryPolicy {
            limit: 20,
            ..Default::default()
        },
        ..Default::default()
    }
}

/// Dies after each commit in turn, until one run gets through. Returns the commits that it took.
async fn die_everywhere(make_store: impl Fn() -> Arc<dyn Store>) -> u64 {
    let scenario = Scenario::new();
    for at in 0.. {
        let mut world = World::on(make_store(), settings(), at);
        scenario.prepare(&world);
        world.store.die_after(at);
        let survived = scenario.drive(&world).await;
        if !survived {
            world.crash().await;
            assert!(scenario.drive(&world).await, "{at}: nothing fails any more");
        }
        scenario.check(&world, at);
        world.engine.stop().await;
        if survived {
            return at;
        }
    }
    unreachable!("the numbers do not end")
}

#[test]
fn a_crash_after_any_commit_changes_nothing() {
    run(async {
        let commits = die_everywhere(|| Arc::new(MemoryStore::new())).await;
        assert!(commits > 10, "{commits}");
    });
}

#[test]
fn a_crash_after_any_commit_changes_nothing_on_disk() {
    run(async {
        let directory = tempfile::tempdir().expect("a directory");
        let next = std::cell::Cell::new(0);
        die_everywhere(|| {
            next.set(next.get() + 1);
            let path = directory.path().join(next.get().to_string());
            Arc::new(SqliteStore::open(&path).expect("a store"))
        })
        .await;
    });
}

#[test]
fn a_new_process_reads_everything_from_the_file() {
    run(async {
        let directory = tempfile::tempdir().expect("a directory");
        let open = || Arc::new(SqliteStore::open(directory.path()).expect("a store"));
        let scenario = Scenario::new();
        let store = open();
        let old = Arc::downgrade(&store);
        let world = World::on(store, settings(), 1);
        scenario.prepare(&world);
        let ensured = world.engine.ensure(ensure_all(&scenario.quests)).await;
        ensured.expect("a request that is right");
        world.until_executing(scenario.job).await;
        world.engine.stop().await;
        let source = world.source.clone();
        let clock = world.clock.clone();
        drop(world);
        let mut world = World::new();
        world.engine.stop().await;
        // A call that is under way may still read what it needs.
        while old.strong_count() > 0 {
            tokio::task::yield_now().await;
        }
        (world.source, world.clock) = (source, clock);
        world.inner = open();
        world.settings = settings();
        world.start();
        assert!(scenario.drive(&world).await);
        scenario.check(&world, 0);
    });
}

/// Goes on through failures of the store: clients ask again, and the host recovers on its own.
async fn get_through(scenario: &Scenario, world: &World) {
    let mut known = false;
    let mut turns = 0;
    loop {
        world.engine.flush().await;
        tokio::task::yield_now().await;
        if !known {
            known = world
                .engine
                .ensure(ensure_all(&scenario.quests))
                .await
                .is_ok();
        }
        if let Some(record) = world.find(scenario.cancelled)
            && record.state == State::Executing
        {
            let _failed = world
                .engine
                .cancel(record.id, "not wanted".to_owned())
                .await;
        }
        if known {
            scenario.job(world).await;
            if scenario.is_over(world) {
                return;
            }
        }
        // A host that has failed waits for its time to begin again.
        turns += 1;
        if world.is_quiet() || turns % 50 == 0 {
            world.clock.advance(secs(1));
        }
    }
}

#[test]
fn any_commit_may_fail_and_the_host_recovers() {
    for fault in [CommitFault::Lost, CommitFault::Doubtful] {
        run(async {
            let scenario = Scenario::new();
            for at in 1.. {
                let world = World::on(Arc::new(MemoryStore::new()), settings(), at);
                scenario.prepare(&world);
                world.store.fail_commit(at, fault);
                get_through(&scenario, &world).await;
                scenario.check(&world, at);
                world.engine.stop().await;
                if world.store.failures() == 0 {
                    assert!(at > 10, "{at}");
                    break;
                }
            }
        });
    }
}

#[test]
fn any_read_may_fail_and_the_host_recovers() {
    run(async {
        let scenario = Scenario::new();
        for at in 0.. {
            let world = World::on(Arc::new(MemoryStore::new()), settings(), at);
            scenario.prepare(&world);
            world.store.fail_read_after(at);
            get_through(&scenario, &world).await;
            scenario.check(&world, at);
            world.engine.stop().await;
            if world.store.failures() == 0 {
                assert!(at > 10, "{at}");
                break;
            }
        }
    });
}
