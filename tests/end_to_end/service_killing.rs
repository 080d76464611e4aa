//! kill -9 of a service at any moment, and another one at its address: nothing lost, nothing doubled.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use distributor_tests::{Connection, Ledger, Place, Random, Service};
use serde_json::{Value, json};

use crate::jobs::of_script;
use crate::serving::{wait_until_over, walk};
use crate::simulated::{result, whole_graph};

const ROUNDS: usize = 30;
const ROOT: usize = 60;
const FLAGS: [&str; 2] = ["--config", "all.cfg"];
const CONFIG: &str = r#"
distributor_configs { key: "noop" value { noop {} } }
distributor_configs { key: "simulation" value { jobsim { pool: "main" } } }
distributor_configs { key: "local-process" value { local_process {} } }
"#;

/// A job for the number `n`, which is the sum of those for a half and a third of it.
const SCRIPT: &str = r#"
n=$(sed -n 's/.*"n":\([0-9]*\).*/\1/p' "$DISTRIBUTOR_PARAMETERS")
echo "start $n $DISTRIBUTOR_EXECUTION" >>ledger
trap 'echo "end $n $DISTRIBUTOR_EXECUTION" >>ledger' EXIT
of() { sed 's/"parameters":"[^}]*}"/"parameters":"{\\"n\\":'$1'}"/' "$2"; }

"$1" job activate || stop
value=1
if [ "$n" -gt 1 ]; then
    parts=$({ of $((n / 2)) "$2"; of $((n / 3)) "$2"; } | "$1" job depend --quest -) || stop
    value=$(echo "$parts" | sed 's/[^0-9]//g' | awk '{ sum += $1 } END { print sum }')
fi
"$1" job finish "{\"value\":$value}" || stop
"#;

/// What the jobs compute, and which there are.
fn expected(n: usize, all: &mut BTreeMap<usize, usize>) -> usize {
    let value = match n {
        0 | 1 => 1,
        _ => expected(n / 2, all) + expected(n / 3, all),
    };
    all.insert(n, value);
    value
}

fn noop(number: usize) -> Value {
    json!({
        "quest": [{
            "distributorConfigName": "noop",
            "parameters": json!({"number": number}).to_string(),
            "distributorParameters": "{}",
            "meta": {"simple": {}},
        }],
        "questAttempt": [{"nums": [1]}],
    })
}

/// In each life of a service, submits until it is gone. Tells every quest that was accepted.
fn submit(address: &str, lives: &Receiver<()>, accepted: &Sender<String>) {
    let json = ("Content-Type", "application/json");
    let accept = ("Accept", "application/json");
    let mut connection = Connection::to(address);
    let mut number = 0;
    for () in lives {
        loop {
            number += 1;
            let request = noop(number).to_string();
            let path = "/prpc/dm.Deps/EnsureGraphData";
            let Ok(reply) = connection.post(path, &[json, accept], request.as_bytes()) else {
                break;
            };
            let answer = reply.understand().expect("a good request");
            let quest = answer["questIds"][0]["id"].as_str().expect("an id");
            if accepted.send(quest.to_owned()).is_err() {
                return;
            }
        }
    }
}

fn ask(service: &Service, request: &Value) -> String {
    let answer = service.call("dm.Deps/EnsureGraphData", request);
    let answer = answer.expect("it is accepted");
    answer["questIds"][0]["id"]
        .as_str()
        .expect("an id")
        .to_owned()
}

/// How many attempts are not over.
fn unfinished(service: &Service) -> u64 {
    let list = service.call("distributor.control.Control/List", &json!({}));
    let counts = list.expect("a list")["counts"].clone();
    let count = |state: &str| {
        counts[state]
            .as_str()
            .map_or(0, |it| it.parse().unwrap_or(1))
    };
    count("scheduling") + count("executing") + count("waiting")
}

#[test]
fn thirty_services_are_killed_and_nothing_is_lost_or_doubled() {
    let place = Place::new();
    place.write("all.cfg", CONFIG);
    place.copy("examples/j02", "j02");
    let mut service = place.serve(&FLAGS);
    let address = service.address().to_owned();
    let mut request = of_script(&place, SCRIPT);
    request["quest"][0]["parameters"] = json!({"n": ROOT}).to_string().into();
    let root = ask(&service, &request);
    let j02 = serde_json::from_str(&place.read("j02/request.json")).expect("JSON");
    let j02 = ask(&service, &j02);

    let (life, lives) = channel();
    let (sender, accepted) = channel();
    let at = address.clone();
    let client = thread::spawn(move || submit(&at, &lives, &sender));
    let mut random = Random::new(3);
    let mut quests = Vec::new();
    for _ in 0..ROUNDS {
        life.send(()).expect("the client listens");
        // So many answers are as good as a moment.
        for _ in 0..random.below(40) {
            quests.push(accepted.recv().expect("the client goes on"));
        }
        service.kill();
        service = place.serve_at(&address, &FLAGS);
    }
    drop(life);
    client.join().expect("the client ends");
    quests.extend(accepted);

    let end = wait_until_over(&service, &root, 1);
    let mut values = BTreeMap::new();
    assert_eq!(result(&end)["value"], expected(ROOT, &mut values), "{end}");
    check_ledger(&place, &whole_graph(&service, &root), &values);

    let end = wait_until_over(&service, &j02, 1);
    assert_eq!(result(&end)["value"], "115", "{end}");
    assert_eq!(whole_graph(&service, &j02).len(), 50);

    service.wait_for(|| (unfinished(&service) == 0).then_some(()));
    for quest in &quests {
        let end = walk(&service, quest, 1);
        assert!(!end["data"]["finished"].is_null(), "{quest}: {end}");
    }
    assert!(
        quests.len() > ROUNDS,
        "only {} were submitted",
        quests.len()
    );
}

/// Each job ended well, and its side effects happened as often as it says that it was executed.
fn check_ledger(place: &Place, graph: &[Value], values: &BTreeMap<usize, usize>) {
    let ledger = Ledger::parse(&place.read("ledger"));
    ledger.check_nothing_doubled();
    assert_eq!(graph.len(), values.len(), "{graph:?}");
    for quest in graph {
        let attempt = &quest["attempts"]["1"];
        let parameters = quest["data"]["desc"]["parameters"].as_str();
        let parameters: Value = serde_json::from_str(parameters.unwrap_or("")).expect("JSON");
        let n = parameters["n"].to_string();
        let value = values[&n.parse().expect("a number")];
        assert_eq!(result(attempt)["value"], value, "{quest}");
        let executions = attempt["data"]["numExecutions"].as_u64();
        let ends = ledger.ends(&n) as u64;
        assert_eq!(executions, Some(ends), "{n}: {ledger:#?}");
        assert!((1..=2).contains(&ends), "{n}: {quest}");
    }
}
