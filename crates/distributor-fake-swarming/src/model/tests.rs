//! Tasks' lives, with time as a number.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Change, Filter, Model, Outcomes, Sort, State, StateQuery, Task, TaskId};
use crate::clock::{Micros, SECOND};
use crate::faults::Script;
use crate::settings::Bot;
use crate::wire::new_task;

const NOW: Micros = 1_700_000_000 * SECOND;

#[derive(Debug)]
struct World {
    model: Model,
    now: Micros,
    notices: Vec<TaskId>,
}

impl World {
    fn new(bots: usize) -> Self {
        Self::with(bots, None)
    }

    fn with(bots: usize, script: Option<Script>) -> Self {
        let dimensions = BTreeMap::from([
            ("pool".to_owned(), vec!["default".to_owned()]),
            (
                "os".to_owned(),
                vec!["Linux".to_owned(), "Ubuntu".to_owned()],
            ),
        ]);
        let bots: Vec<Bot> = (0..bots)
            .map(|number| Bot {
                id: format!("bot-{number}"),
                dimensions: dimensions.clone(),
            })
            .collect();
        let outcomes = Outcomes {
            script,
            task_seconds: 0.0,
            kill_seconds: 5.0,
            run_commands: false,
        };
        World {
            model: Model::new(&bots, &[], outcomes),
            now: NOW,
            notices: Vec::new(),
        }
    }

    fn apply(&mut self, change: Change) {
        self.notices.extend(&change.notices);
        self.model.apply(change);
    }

    fn new_task(&mut self, change: &[(&str, Value)]) -> TaskId {
        let mut request = json!({
            "name": "t", "priority": 100, "expiration_secs": 60,
            "properties": {
                "command": ["true"], "execution_timeout_secs": 100,
                "dimensions": [{"key": "pool", "value": "default"}], "env": [],
            },
        });
        for (place, value) in change {
            match place.strip_prefix("env:") {
                Some(key) => {
                    let env = request["properties"]["env"].as_array_mut().expect("a list");
                    env.push(json!({"key": key, "value": value}));
                }
                None => {
                    let (parent, name) = place.rsplit_once('/').expect("a pointer");
                    request.pointer_mut(parent).expect("a place")[name] = value.clone();
                }
            }
        }
        let request = new_task(&request, "user:me").expect("good").request;
        let answer = self.model.create(request, self.now);
        self.apply(answer.change);
        answer.id
    }

    fn settle(&mut self) {
        loop {
            let change = self.model.step(self.now);
            if change.is_empty() {
                return;
            }
            self.apply(change);
        }
    }

    fn after(&mut self, seconds: i64) {
        self.now += seconds * SECOND;
        self.settle();
    }

    fn task(&self, id: TaskId) -> &Task {
        self.model.task(id).expect("a task")
    }

    fn state(&self, id: TaskId) -> State {
        self.task(id).status.state
    }

    fn cancel(&mut self, id: TaskId, kill_running: bool) -> (bool, bool) {
        let answer = self
            .model
            .cancel(id, kill_running, self.now)
            .expect("known");
        self.apply(answer.change);
        (answer.ok, answer.was_running)
    }

    fn told(&self, id: TaskId) -> usize {
        self.notices.iter().filter(|one| **one == id).count()
    }
}

#[test]
fn a_task_waits_runs_and_completes_and_is_told_of_twice() {
    let mut world = World::new(1);
    let id = world.new_task(&[
        ("env:FAKE_SECONDS", json!("3")),
        ("env:FAKE_EXIT_CODE", json!("7")),
    ]);
    assert_eq!(world.state(id), State::Pending);
    assert_eq!(world.told(id), 0);
    world.settle();
    assert_eq!(world.state(id), State::Running);
    assert_eq!(world.told(id), 1);
    world.after(3);
    let task = world.task(id);
    assert_eq!(task.status.state, State::Completed);
    assert_eq!(task.status.exit_code, Some(7));
    assert!(task.failure());
    assert_eq!(task.duration(), Some(3.0));
    assert_eq!(world.told(id), 2);
    assert_eq!(world.model.next_timer(), None);
}

#[test]
fn every_state_can_be_asked_for() {
    for state in State::ALL {
        let mut world = World::new(1);
        let id = world.new_task(&[("env:FAKE_STATE", json!(state.name()))]);
        world.after(1);
        assert_eq!(world.state(id), state);
        let final_told = usize::from(state.is_final());
        assert!(world.told(id) >= final_told, "{state:?}");
    }
}

#[test]
fn a_state_that_does_not_exist_is_refused() {
    let world = World::new(1);
    let request = json!({
        "name": "t", "priority": 100, "expiration_secs": 60,
        "properties": {
            "command": ["true"], "execution_timeout_secs": 100,
            "dimensions": [{"key": "pool", "value": "default"}],
            "env": [{"key": "FAKE_STATE", "value": "HAPPY"}],
        },
    });
    let request = new_task(&request, "user:me").expect("good").request;
    assert!(world.model.examine(&request).is_err());
}

#[test]
fn timeouts_end_what_runs_or_is_silent_for_too_long() {
    let mut world = World::new(3);
    let long = world.new_task(&[("env:FAKE_SECONDS", json!("101"))]);
    let silent = world.new_task(&[
        ("env:FAKE_SECONDS", json!("50")),
        ("/properties/io_timeout_secs", json!(30)),
    ]);
    let endless = world.new_task(&[("env:FAKE_STATE", json!("RUNNING"))]);
    world.settle();
    world.after(30);
    assert_eq!(world.state(silent), State::TimedOut);
    assert_eq!(world.state(long), State::Running);
    world.after(70);
    assert_eq!(world.state(long), State::TimedOut);
    assert_eq!(world.state(endless), State::TimedOut);
    assert!(world.task(long).failure());
}

#[test]
fn without_a_free_bot_a_task_expires() {
    let mut world = World::new(1);
    let busy = world.new_task(&[("env:FAKE_STATE", json!("RUNNING"))]);
    world.settle();
    let waits = world.new_task(&[]);
    world.after(59);
    assert_eq!(world.state(waits), State::Pending);
    world.after(1);
    assert_eq!(world.state(waits), State::Expired);
    assert_eq!(world.state(busy), State::Running);
    assert_eq!(world.told(waits), 1);
}

#[test]
fn without_any_such_bot_there_is_no_resource() {
    let pool = json!({"key": "pool", "value": "default"});
    let dimensions = |os: &str| json!([pool.clone(), {"key": "os", "value": os}]);
    let mut world = World::new(1);
    let never = world.new_task(&[("/properties/dimensions", dimensions("Windows"))]);
    assert_eq!(world.state(never), State::NoResource);
    assert_eq!(world.told(never), 1);
    let either = world.new_task(&[("/properties/dimensions", dimensions("Windows|Ubuntu"))]);
    world.settle();
    assert_eq!(world.state(either), State::Completed);
}

#[test]
fn a_missing_package_is_a_client_error() {
    let mut world = World::new(1);
    let packages = json!([{"package_name": "a", "version": "missing", "path": "."}]);
    let id = world.new_task(&[("/properties/cipd_input", json!({ "packages": packages }))]);
    world.settle();
    assert_eq!(world.state(id), State::ClientError);
}

#[test]
fn lower_numbers_and_older_tasks_come_first() {
    let mut world = World::new(1);
    let busy = world.new_task(&[("env:FAKE_SECONDS", json!("1"))]);
    world.settle();
    let later = world.new_task(&[("env:FAKE_SECONDS", json!("1"))]);
    let sooner = world.new_task(&[("/priority", json!(50)), ("env:FAKE_SECONDS", json!("1"))]);
    world.after(1);
    assert_eq!(world.state(busy), State::Completed);
    assert_eq!(world.state(sooner), State::Running);
    assert_eq!(world.state(later), State::Pending);
}

#[test]
fn the_same_request_of_the_same_caller_is_the_same_task_for_a_week() {
    let mut world = World::new(1);
    let uuid = [("/request_uuid", json!("u"))];
    let first = world.new_task(&uuid);
    // The rest of the request is not compared.
    let again = world.new_task(&[("/request_uuid", json!("u")), ("/name", json!("other"))]);
    assert_eq!(first, again);
    assert_eq!(world.task(first).status.asked, 2);
    world.after(7 * 24 * 3600);
    assert_eq!(world.new_task(&uuid), first);
    world.after(1);
    assert_ne!(world.new_task(&uuid), first);
    assert_ne!(world.new_task(&[]), world.new_task(&[]));
}

#[test]
fn a_waiting_task_is_cancelled_at_once_and_a_running_one_when_its_bot_confirms() {
    let mut world = World::new(1);
    let runs = world.new_task(&[("env:FAKE_STATE", json!("RUNNING"))]);
    world.settle();
    let waits = world.new_task(&[]);
    assert_eq!(world.cancel(waits, false), (true, false));
    assert_eq!(world.state(waits), State::Canceled);
    assert_eq!(world.cancel(waits, true), (false, false));
    assert_eq!(world.cancel(runs, false), (false, true));
    let told = world.told(runs);
    assert_eq!(world.cancel(runs, true), (true, true));
    assert_eq!(world.told(runs), told + 1);
    assert_eq!(world.cancel(runs, true), (false, true));
    world.after(4);
    assert_eq!(world.state(runs), State::Running);
    world.after(1);
    assert_eq!(world.state(runs), State::Killed);
    assert_eq!(world.told(runs), told + 2);
    assert_eq!(world.cancel(runs, true), (false, false));
    let unknown = TaskId::numbered(99);
    assert!(world.model.cancel(unknown, true, world.now).is_none());
}

#[test]
fn children_are_cancelled_with_their_parents() {
    let mut world = World::new(1);
    let parent = world.new_task(&[("env:FAKE_STATE", json!("RUNNING"))]);
    world.settle();
    let child = world.new_task(&[("/parent_task_id", json!(parent.run()))]);
    let grandchild = world.new_task(&[("/parent_task_id", json!(child.to_string()))]);
    world.cancel(parent, true);
    assert_eq!(world.state(child), State::Canceled);
    assert_eq!(world.state(grandchild), State::Canceled);
}

#[test]
fn tasks_are_cancelled_by_tags_a_moment_later() {
    let mut world = World::new(1);
    let tagged = |state: &str| [("/tags", json!(["a:b"])), ("env:FAKE_STATE", json!(state))];
    let runs = world.new_task(&tagged("RUNNING"));
    world.settle();
    let waits = world.new_task(&tagged("PENDING"));
    let other = world.new_task(&[("env:FAKE_STATE", json!("PENDING"))]);
    let filter = Filter {
        tags: vec!["a:b".to_owned()],
        ..Filter::default()
    };
    let change = world.model.cancel_later(&filter, 100, false, world.now);
    assert_eq!(change.tasks.len(), 1);
    world.apply(change);
    assert_eq!(world.state(waits), State::Pending);
    world.settle();
    assert_eq!(world.state(waits), State::Canceled);
    assert_eq!(world.state(runs), State::Running);
    let change = world.model.cancel_later(&filter, 100, true, world.now);
    world.apply(change);
    world.settle();
    assert_eq!(world.state(runs), State::Running);
    world.after(5);
    assert_eq!(world.state(runs), State::Killed);
    assert_eq!(world.state(other), State::Pending);
}

#[test]
fn the_next_slice_has_its_turn_when_one_expires() {
    let properties = |os: &str, timeout: i64| {
        json!({
            "command": ["true"], "execution_timeout_secs": timeout,
            "dimensions": [{"key": "pool", "value": "default"}, {"key": "os", "value": os}],
        })
    };
    let slices = json!([
        {"properties": properties("Windows", 30), "expiration_secs": 30},
        {"properties": properties("Windows", 40), "expiration_secs": 30, "wait_for_capacity": true},
        {"properties": properties("Linux", 30), "expiration_secs": 30},
    ]);
    let mut world = World::new(1);
    let request = json!({"name": "t", "priority": 1, "task_slices": slices});
    let request = new_task(&request, "user:me").expect("good").request;
    let answer = world.model.create(request, world.now);
    world.apply(answer.change);
    let id = answer.id;
    world.settle();
    assert_eq!(world.task(id).status.slice, 1);
    world.after(30);
    assert_eq!(world.task(id).status.slice, 2);
    assert_eq!(world.state(id), State::Completed);
}

#[test]
fn bots_die_with_the_farm() {
    let mut world = World::new(1);
    let runs = world.new_task(&[("env:FAKE_STATE", json!("RUNNING"))]);
    world.settle();
    let waits = world.new_task(&[]);
    let change = world.model.after_restart(world.now);
    world.apply(change);
    assert_eq!(world.state(runs), State::BotDied);
    assert!(world.task(runs).status.internal_failure);
    assert_eq!(world.state(waits), State::Pending);
    world.settle();
    assert_eq!(world.state(waits), State::Completed);
}

#[test]
fn lists_have_filters_orders_and_pages() {
    let mut world = World::new(1);
    let mut ids = Vec::new();
    for number in 0..5 {
        ids.push(world.new_task(&[("env:FAKE_EXIT_CODE", json!((number % 2).to_string()))]));
        world.after(1);
    }
    let filter = |state| Filter {
        state,
        ..Filter::default()
    };
    assert_eq!(world.model.count(&filter(StateQuery::Success)), 3);
    assert_eq!(world.model.count(&filter(StateQuery::Failure)), 2);
    assert_eq!(world.model.count(&filter(StateQuery::PendingRunning)), 0);
    assert_eq!(world.model.count(&filter(StateQuery::Deduped)), 0);
    let mut found = Vec::new();
    let mut from = None;
    loop {
        let page = world.model.list(&Filter::default(), Sort::Started, from, 2);
        found.extend(page.tasks.iter().map(|task| task.id));
        from = page.next;
        if from.is_none() {
            break;
        }
    }
    ids.reverse();
    assert_eq!(found, ids);
    let early = Filter {
        start: Some(NOW + SECOND),
        end: Some(NOW + 3 * SECOND),
        ..Filter::default()
    };
    assert_eq!(world.model.count(&early), 2);
}

#[test]
fn a_script_decides_ends_and_deaths_by_the_seed() {
    let script = |seed: u64| {
        let text = format!(
            "seed = {seed}\nexit_codes = [0, 5]\nbots.die = 0.2\n[ends]\nCOMPLETED = 2\nKILLED = 1"
        );
        Script::parse(&text).expect("good")
    };
    let ends = |seed: u64| {
        let mut world = World::with(50, Some(script(seed)));
        let ids: Vec<TaskId> = (0..50).map(|_| world.new_task(&[])).collect();
        world.settle();
        let end = |id: &TaskId| (world.state(*id), world.task(*id).status.exit_code);
        ids.iter().map(end).collect::<Vec<_>>()
    };
    let first = ends(1);
    assert_eq!(first, ends(1));
    assert_ne!(first, ends(2));
    let states: std::collections::BTreeSet<State> = first.iter().map(|(state, _)| *state).collect();
    let wanted = [State::BotDied, State::Completed, State::Killed];
    assert_eq!(states, wanted.into_iter().collect());
}
