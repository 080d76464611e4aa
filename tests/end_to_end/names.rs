//! Ids as users type them, and drawings of what they name.

use std::collections::BTreeSet;

use distributor_tests::{Done, Place};

/// Two jobs whose quests have the same first four characters, in a folder that is always called alike.
const ALIKE: &str = r#"
distributor = "noop"
[defaults]
directory = "/"
[jobs.one]
parameters = { n = 1609 }
[jobs.two]
parameters = { n = 5322 }
needs = []
"#;

#[test]
fn a_beginning_that_several_quests_have_is_refused_with_all_of_them() {
    let place = Place::new();
    place.write("graph.toml", ALIKE);
    let done = place.run(["run", "graph.toml", "--json"]).expect(0);
    let ids = ["one", "two"].map(|name| attempt(&done, name));
    assert_eq!(
        ids[0][..4],
        ids[1][..4],
        "identities have changed: find another pair of parameters"
    );
    let refused = place.run(["show", &ids[0][..4]]).expect(2);
    refused
        .complains("several quests begin with")
        .complains("type more of the id");
    for id in &ids {
        refused.complains(&id[..43]);
        place.run(["show", &id[..8]]).expect(0).says(id);
    }
    for command in [["logs", &ids[0][..4]], ["graph", &ids[0][..4]]] {
        place.run(command).expect(2).complains("several quests");
    }
}

#[track_caller]
fn attempt(done: &Done, name: &str) -> String {
    let job = done.job(name);
    job["attempt"].as_str().expect("an attempt").to_owned()
}

#[test]
fn what_is_no_id_and_what_does_not_exist_is_told_apart() {
    let place = Place::new();
    place.write("graph.toml", "[jobs.a]\nrun.shell = \"true\"\n");
    let done = place.run(["run", "graph.toml", "--json"]).expect(0);
    let id = attempt(&done, "a");
    let quest = &id[..43];
    let absent = "z".repeat(12);
    for command in ["show", "logs", "graph"] {
        for wrong in [
            "abc",
            "with blank",
            &format!("{quest}|0"),
            &format!("{quest}|1|1|1"),
        ] {
            place.run([command, wrong]).expect(2).complains("is no id");
        }
        for missing in [absent.clone(), format!("{quest}|2"), format!("{quest}|1|2")] {
            place
                .run([command, &missing])
                .expect(2)
                .complains("there is no ")
                .complains("distributor status --all");
        }
    }
}

/// Pairs of names.
type Pairs = BTreeSet<(String, String)>;

/// Nodes with their states, and edges, of a drawing in DOT.
#[track_caller]
fn dot(text: &str) -> (Pairs, Pairs) {
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("digraph jobs {"), "{text}");
    assert!(text.ends_with("}\n"), "{text}");
    let (mut nodes, mut edges) = (Vec::new(), Vec::new());
    for line in lines.map(str::trim).filter(|line| line.starts_with('n')) {
        if let Some((from, to)) = line.split_once(" -> ") {
            edges.push((from.to_owned(), to.trim_end_matches(';').to_owned()));
        } else if let Some((node, rest)) = line.split_once(" [label=\"") {
            let label = rest.split('"').next().unwrap_or_default();
            let state = rest.split_once("tooltip=\"").map(|(_, rest)| rest);
            let state = state.and_then(|it| it.split('"').next()).unwrap_or("");
            nodes.push((node.to_owned(), label.to_owned(), state.to_owned()));
        }
    }
    // Nodes by what they are called.
    let name = |node: &str| {
        let found = nodes.iter().find(|(it, ..)| it == node);
        found.map(|(_, label, _)| label.clone()).expect("a node")
    };
    let edges = edges.iter().map(|(from, to)| (name(from), name(to)));
    let edges = edges.collect();
    let nodes = nodes.into_iter().map(|(_, label, state)| (label, state));
    (nodes.collect(), edges)
}

fn pairs<const N: usize>(pairs: [(&str, &str); N]) -> BTreeSet<(String, String)> {
    let owned = pairs.map(|(one, two)| (one.to_owned(), two.to_owned()));
    owned.into_iter().collect()
}

const EDGES: [(&str, &str); 4] = [
    ("double", "number"),
    ("square", "number"),
    ("sum", "double"),
    ("sum", "square"),
];

#[test]
fn a_drawing_has_all_jobs_their_states_and_what_they_need() {
    let place = Place::new();
    place.copy("examples/diamond.toml", "diamond.toml");
    let before = place.run(["graph", "diamond.toml"]).expect(0);
    let (nodes, edges) = dot(&before.stdout);
    assert_eq!(edges, pairs(EDGES), "{before}");
    let stateless = ["number", "double", "square", "sum"].map(|name| (name, ""));
    assert_eq!(nodes, pairs(stateless), "{before}");
    assert!(!place.state().exists(), "drawing makes no state");

    let done = place.run(["run", "diamond.toml", "--json"]).expect(0);
    let after = place.run(["graph", "diamond.toml"]).expect(0);
    let (nodes, edges) = dot(&after.stdout);
    assert_eq!(edges, pairs(EDGES), "{after}");
    let states = ["number", "double", "square", "sum"].map(|name| (name, "FINISHED"));
    assert_eq!(nodes, pairs(states), "{after}");

    // Of what is stored: the same shape, with ids.
    let sum = attempt(&done, "sum");
    let stored = place.run(["graph", &sum]).expect(0);
    let (nodes, edges) = dot(&stored.stdout);
    assert_eq!((nodes.len(), edges.len()), (4, 4), "{stored}");
    let number = attempt(&done, "number");
    let alone = place.run(["graph", &number]).expect(0);
    assert_eq!(dot(&alone.stdout).0.len(), 1, "{alone}");
}

#[test]
fn the_same_drawing_in_mermaid_and_json() {
    let place = Place::new();
    place.copy("examples/diamond.toml", "diamond.toml");
    let mermaid = place
        .run(["graph", "diamond.toml", "--format", "mermaid"])
        .expect(0);
    assert!(mermaid.stdout.starts_with("flowchart "), "{mermaid}");
    assert_eq!(mermaid.stdout.matches(" --> ").count(), 4, "{mermaid}");
    let json = place
        .run(["graph", "diamond.toml", "--json"])
        .expect(0)
        .json();
    let name = |node: &serde_json::Value| {
        let index = node.as_u64().and_then(|it| usize::try_from(it).ok());
        let name = json["nodes"][index.expect("an index")]["name"].as_str();
        name.expect("a name").to_owned()
    };
    let edges = json["edges"].as_array().expect("edges").iter();
    let edges: BTreeSet<_> = edges.map(|edge| (name(&edge[0]), name(&edge[1]))).collect();
    assert_eq!(edges, pairs(EDGES), "{json}");
    assert_eq!(json["complete"], true, "{json}");
}
