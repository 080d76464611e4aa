//! `graph`: draws a graph file, or what is stored around an attempt.

use std::collections::HashMap;
use std::path::Path;

use distributor_core::AttemptId;
use distributor_store::StoreError;
use serde_json::json;

use super::args::{DrawingFormat, Global, Graph};
use super::exit::{Exit, Failure};
use super::findings::Findings;
use super::ids::{self, Id};
use super::output;
use super::place::Place;
use super::records::Records;
use super::run::quests;
use crate::graph_file::{self, render};

/// Most stored attempts in one drawing.
const MOST_NODES: usize = 10_000;
/// Attempts that are read at once.
const PAGE: usize = 500;

/// A drawing before it has a language.
#[derive(Debug, Default)]
struct Drawing {
    nodes: Vec<Node>,
    /// From who needs to what is needed.
    edges: Vec<(usize, usize)>,
    /// Something is left out.
    cut: bool,
}

#[derive(Debug)]
struct Node {
    name: String,
    attempt: Option<AttemptId>,
    state: Option<&'static str>,
}

pub(super) fn graph(global: &Global, arguments: &Graph) -> Result<Exit, Failure> {
    let place = Place::of_service(global)?;
    let path = Path::new(&arguments.what);
    let drawing = match path.exists() || arguments.what.ends_with(".toml") {
        true => of_file(&place, path)?,
        false => of_store(&place, &arguments.what)?,
    };
    if arguments.json.json {
        output::json(&object(&drawing))?;
    } else {
        let nodes: Vec<render::Node<'_>> = drawing.nodes.iter().map(Node::render).collect();
        let text = match arguments.format {
            DrawingFormat::Dot => render::dot(&nodes, &drawing.edges),
            DrawingFormat::Mermaid => render::mermaid(&nodes, &drawing.edges),
        };
        output::data(|out| out.write_all(text.as_bytes()).or_else(output::noticed))?;
    }
    if drawing.cut {
        output::note(format_args!(
            "only the nearest {MOST_NODES} attempts are drawn"
        ));
    }
    Ok(Exit::Finished)
}

impl Node {
    fn render(&self) -> render::Node<'_> {
        render::Node {
            name: &self.name,
            state: self.state,
        }
    }
}

fn object(drawing: &Drawing) -> serde_json::Value {
    let nodes: Vec<_> = drawing
        .nodes
        .iter()
        .map(|node| {
            json!({
                "name": node.name,
                "attempt": node.attempt.map(|id| id.to_string()),
                "state": node.state,
            })
        })
        .collect();
    json!({ "nodes": nodes, "edges": drawing.edges, "complete": !drawing.cut })
}

/// The jobs of a file; where there is a state, with the newest attempt of each.
fn of_file(place: &Place, path: &Path) -> Result<Drawing, Failure> {
    let reading = graph_file::read(path);
    if !reading.problems.is_empty() {
        let mut findings = Findings::default();
        findings.add_graph(&reading.problems);
        return Err(Failure::Findings(findings));
    }
    let jobs = reading.graph.jobs;
    let mut drawing = Drawing::default();
    let store = match place.records() {
        Ok(store) => Some(store),
        Err(Failure::Store(StoreError::Absent { .. })) => None,
        Err(failure) => return Err(failure),
    };
    let mut known = Vec::with_capacity(jobs.len());
    for job in &jobs {
        let (_, quest) = quests::describe(&jobs, &known, job)
            .map_err(|error| Failure::Input(format!("job {}: {error}", job.name)))?;
        known.push(quest);
    }
    for (index, job) in jobs.iter().enumerate() {
        drawing
            .edges
            .extend(job.needs.iter().map(|need| (index, *need)));
        let mut node = Node {
            name: job.name.clone(),
            attempt: None,
            state: None,
        };
        if let Some(store) = &store
            && let Some(number) = store.attempt_numbers(known[index])?.pop()
        {
            let id = known[index].attempt(number);
            node.attempt = Some(id);
            node.state = state(store.as_ref(), id)?;
        }
        drawing.nodes.push(node);
    }
    Ok(drawing)
}

fn state(store: &dyn Records, id: AttemptId) -> Result<Option<&'static str>, Failure> {
    let record = store.attempts(&[id])?.pop().flatten();
    Ok(record.map(|record| record.state.as_str_name()))
}

/// An attempt and all that it needs, breadth first.
fn of_store(place: &Place, id: &str) -> Result<Drawing, Failure> {
    let store = place.records()?;
    let store = store.as_ref();
    let root = match ids::find(store, place, id)? {
        Id::Quest(quest) => ids::newest_attempt(store, place, quest)?,
        Id::Attempt(attempt) => attempt,
        Id::Execution(execution) => execution.attempt,
    };
    let mut drawing = Drawing::default();
    let mut places = HashMap::from([(root, 0)]);
    let mut found = vec![root];
    // What jobs call what they need; the first name that is met stays.
    let mut names: HashMap<AttemptId, String> = HashMap::new();
    let mut next = 0;
    while next < found.len() {
        let id = found[next];
        let called = need_names(store, id)?;
        for dependency in store.dependencies(id)? {
            let needed = dependency.dependency;
            if let Some(name) = called.get(&needed.quest.to_string()) {
                names.entry(needed).or_insert_with(|| name.clone());
            }
            let to = match places.get(&needed) {
                Some(to) => *to,
                None if found.len() == MOST_NODES => {
                    drawing.cut = true;
                    continue;
                }
                None => {
                    places.insert(needed, found.len());
                    found.push(needed);
                    found.len() - 1
                }
            };
            drawing.edges.push((next, to));
        }
        next += 1;
    }
    for ids in found.chunks(PAGE) {
        for (id, record) in ids.iter().zip(store.attempts(ids)?) {
            let short: String = id.quest.to_string().chars().take(8).collect();
            let name = match names.remove(id) {
                Some(name) => format!("{name} {short}|{}", id.number),
                None => format!("{short}|{}", id.number),
            };
            drawing.nodes.push(Node {
                name,
                attempt: Some(*id),
                state: record.map(|record| record.state.as_str_name()),
            });
        }
    }
    Ok(drawing)
}

/// By quest id, what the description of a simple quest calls it.
fn need_names(store: &dyn Records, id: AttemptId) -> Result<HashMap<String, String>, Failure> {
    let Some(quest) = store.quests(&[id.quest])?.pop().flatten() else {
        return Ok(HashMap::new());
    };
    let simple = quest
        .desc
        .meta
        .as_ref()
        .and_then(|meta| meta.simple.as_ref());
    let needs = simple
        .map(|simple| simple.needs.as_slice())
        .unwrap_or_default();
    Ok(needs
        .iter()
        .map(|need| (need.quest.clone(), need.name.clone()))
        .collect())
}
