//! Commands that work with a service instead of a state directory.

use distributor_tests::{Done, Gate, Place, Service};
use serde_json::json;

use crate::serving::{ask, wait_until_over};

/// A folder with a service, and one with a user who has no state of his own.
struct World {
    service: Service,
    _of_service: Place,
    user: Place,
}

impl World {
    fn new(config: Option<&str>) -> Self {
        let of_service = Place::new();
        let service = match config {
            Some(config) => {
                of_service.write("distributors.cfg", config);
                of_service.serve(&["--config", "distributors.cfg"])
            }
            None => of_service.serve(&[]),
        };
        World {
            service,
            _of_service: of_service,
            user: Place::new(),
        }
    }

    fn run(&self, arguments: &[&str]) -> Done {
        let done = self
            .user
            .run_with(("DISTRIBUTOR_SERVER", &self.service.url), arguments);
        assert!(!self.user.state().exists(), "{done}");
        done
    }
}

const GRAPH: &str = r#"
[jobs.second]
needs = ["first"]
run.shell = "cat $DISTRIBUTOR_RESULTS; echo said >&2"
[jobs.first]
run.shell = "echo one"
"#;

#[test]
fn a_graph_runs_at_a_service_and_is_looked_at_from_afar() {
    let world = World::new(None);
    world.user.write("graph.toml", GRAPH);
    let done = world.run(&["run", "graph.toml", "--json"]).expect(0);
    let second = done.job("second");
    assert_eq!(second["state"], "FINISHED", "{done}");
    assert!(done.json()["server"].is_string(), "{done}");
    assert!(done.json()["state_directory"].is_null(), "{done}");
    let tail = second["result"]["stdout_tail"].as_str().expect("a tail");
    assert!(tail.contains("one"), "{tail}");

    let again = world.run(&["run", "graph.toml", "--json"]).expect(0);
    assert_eq!(again.json()["reused"], 2, "{again}");

    let attempt = second["attempt"].as_str().expect("an id").to_owned();
    let status = world.run(&["status", "--all", "--json"]).expect(0);
    assert_eq!(status.json()["counts"]["FINISHED"], 2, "{status}");
    world.run(&["status", "--all"]).expect(0).says(&attempt);
    let show = world.run(&["show", &attempt, "--json"]).expect(0);
    assert_eq!(show.json()["needs"][0]["state"], "FINISHED", "{show}");
    assert_eq!(show.json()["executions"][0]["state"], "FINISHED", "{show}");
    world
        .run(&["show", &attempt[..6]])
        .expect(0)
        .says("attempts");
    world.run(&["logs", &attempt]).expect(0).complains("said");
    let graph = world.run(&["graph", &attempt, "--json"]).expect(0);
    assert_eq!(graph.json()["edges"], json!([[0, 1]]), "{graph}");
    world.run(&["graph", "graph.toml"]).expect(0).says("second");
    let explained = world.run(&["explain", &attempt, "--json"]).expect(0);
    assert_eq!(explained.json()["state"], "FINISHED", "{explained}");
    world
        .run(&["gc", "--older-than", "0s"])
        .expect(0)
        .says("removed 2 attempts");
    world.run(&["show", &attempt]).expect(2);
}

#[test]
fn a_failure_at_a_service_is_told_like_one_at_home() {
    let world = World::new(None);
    world.user.write(
        "graph.toml",
        r#"
[jobs.bad]
run.shell = "echo because >&2; exit 3"
[jobs.dependent]
needs = ["bad"]
run.shell = "true"
"#,
    );
    let done = world.run(&["run", "graph.toml", "--json"]).expect(1);
    assert_eq!(done.job("bad")["status"], "FAILED", "{done}");
    assert_eq!(done.job("dependent")["status"], "CANCELLED", "{done}");
    done.complains("because");
}

#[test]
fn an_interrupt_cancels_what_runs_at_the_service() {
    let world = World::new(None);
    let gate = Gate::new(&world.user, "gate");
    world.user.write(
        "graph.toml",
        &format!("[jobs.long]\nrun.shell = '{}'\n", gate.stop("long")),
    );
    let running = world.user.start([
        "run",
        "graph.toml",
        "--json",
        "--server",
        &world.service.url,
    ]);
    gate.arrived();
    running.signal(distributor_tests::Signal::INT);
    let done = running.end().expect(130);
    assert_eq!(done.job("long")["status"], "CANCELLED", "{done}");
}

#[test]
fn an_attempt_is_explained_and_cancelled_by_name() {
    let config =
        r#"distributor_configs { key: "farm" value { noop { delay { seconds: 100000 } } } }"#;
    let world = World::new(Some(config));
    let quest = ask(&world.service, "farm", &json!({}));
    let explained = world.run(&["explain", &quest, "--json"]).expect(0);
    assert!(explained.json()["sentence"].is_string(), "{explained}");
    world
        .run(&["cancel", &quest, "--reason", "not needed"])
        .expect(0);
    let end = wait_until_over(&world.service, &quest, 1);
    assert_eq!(
        end["data"]["abnormalFinish"]["status"], "CANCELLED",
        "{end}"
    );
    world.run(&["explain", &quest]).expect(0).says("not needed");
    let unknown = format!("{quest}|1|7");
    world.run(&["cancel", &unknown]).expect(2);
}

#[test]
fn a_service_that_is_not_there_is_said_with_what_to_do() {
    let user = Place::new();
    user.run(["status", "--server", "http://127.0.0.1:1"])
        .expect(3)
        .complains("cannot be reached");
    user.run(["status", "--server", "nonsense://"])
        .expect(2)
        .complains("http://HOST:PORT");
    user.run(["cancel", "abcd"]).expect(2).complains("--server");
}

#[test]
fn a_run_goes_on_when_its_service_is_restarted() {
    let world = World::new(None);
    let gate = Gate::new(&world.user, "gate");
    world.user.write(
        "graph.toml",
        &format!(
            "[jobs.second]\nneeds = [\"first\"]\nrun.shell = \"true\"\n\
             [jobs.first]\nrun.shell = '{}'\n",
            gate.stop("first")
        ),
    );
    let World {
        service,
        _of_service: of_service,
        user,
    } = world;
    let address = service.address().to_owned();
    let running = user.start(["run", "graph.toml", "--json", "--server", &service.url]);
    gate.arrived();
    service.kill();
    let _service = of_service.serve_at(&address, &[]);
    gate.open();
    let done = running.end().expect(0);
    assert_eq!(done.json()["finished"], 2, "{done}");
    assert_eq!(done.job("first")["executions"], 1, "{done}");
}

#[test]
fn a_listing_that_takes_several_answers_is_whole() {
    let world = World::new(None);
    let quests: Vec<_> = (0..600)
        .map(|number| {
            json!({
                "distributorConfigName": "noop",
                "parameters": json!({"number": number}).to_string(),
                "distributorParameters": "{}",
                "meta": {"simple": {}},
            })
        })
        .collect();
    let attempts: Vec<_> = quests.iter().map(|_| json!({"nums": [1]})).collect();
    let request = json!({"quest": quests, "questAttempt": attempts});
    world
        .service
        .call("dm.Deps/EnsureGraphData", &request)
        .expect("the quests are accepted");
    let listed = |limit: &str| {
        let status = world.run(&["status", "--all", "--json", "-n", limit]);
        let status = status.expect(0).json();
        let attempts = status["attempts"].as_array().expect("a list");
        let ids = attempts.iter().map(|it| it["attempt"].to_string());
        let different: std::collections::BTreeSet<String> = ids.collect();
        (different.len(), status["more"].clone())
    };
    assert_eq!(listed("1000"), (600, json!(false)));
    assert_eq!(listed("599"), (599, json!(true)));
}

#[test]
fn large_graphs_go_in_parts_and_large_results_come_whole() {
    let world = World::new(None);
    // Together more than one request may have, and more than one answer holds.
    let text = "r".repeat(250_000);
    let mut graph = "distributor = \"noop\"\n".to_owned();
    for number in 0..150 {
        graph.push_str(&format!(
            "[jobs.j{number}]\nrun.result = {{ n = {number}, text = \"{text}\" }}\n"
        ));
    }
    world.user.write("graph.toml", &graph);
    let done = world
        .run(&["run", "graph.toml", "--json", "--quiet"])
        .expect(0);
    let done = done.json();
    assert_eq!(done["finished"], 150);
    for (number, job) in (0..).zip(done["jobs"].as_array().expect("jobs")) {
        assert_eq!(job["result"]["n"], number, "{}", job["name"]);
        assert_eq!(job["result"]["text"].as_str().map(str::len), Some(250_000));
    }
}
