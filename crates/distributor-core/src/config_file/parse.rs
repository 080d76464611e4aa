//! From the text of a configuration file to entries and problems.
//!
//! Each entry is parsed on its own, so that a bad one cannot take down a good one. After an error
//! the field it belongs to is blanked out and the entry is parsed again, so that an entry's errors
//! come all at once although the parser stops at the first.

use std::collections::BTreeMap;

use miette::Diagnostic;
use prost_reflect::text_format::ParseError;
use prost_reflect::{DynamicMessage, ReflectMessage, Value as ProtoValue};

use super::build::MAX_FAULTS;
use super::check::{Checker, key_value, value_form};
use super::lines::Lines;
use super::problem::Problem;
use super::suggest::{advice, nearest};
use super::tree::{Fault, Tree, Value};
use super::{Entry, Place, State, canonical};
use crate::registry::{CONFIG_FIELD, Registry};

/// No configuration is that large; what is has another purpose.
const MAX_BYTES: usize = 4 << 20;

/// How often one entry is parsed again.
const MAX_ROUNDS: usize = 20;

pub(super) struct Parsed {
    pub(super) entries: BTreeMap<String, Entry>,
    pub(super) problems: Vec<Problem>,
}

pub(super) fn parse(registry: &Registry, file: &str, text: &str) -> Parsed {
    if text.len() > MAX_BYTES {
        let size = text.len();
        let message = format!("the file has {size} bytes; at most {MAX_BYTES} are read");
        return Parsed {
            entries: BTreeMap::new(),
            problems: vec![of_file(file, message)],
        };
    }
    let lines = Lines::new(text);
    let tree = Tree::read(text, &lines);
    let mut parser = Parser {
        registry,
        faults_of_reading: tree.faults.len(),
        tree,
        lines,
        file,
        entries: BTreeMap::new(),
    };
    for entry in parser.entry_nodes() {
        parser.entry(entry);
    }
    parser.check_aliases();
    parser.finish()
}

struct Parser<'p> {
    registry: &'p Registry,
    tree: Tree<'p>,
    lines: Lines<'p>,
    file: &'p str,
    entries: BTreeMap<String, Found>,
    /// How many faults were found before the entries were looked at.
    faults_of_reading: usize,
}

/// An entry before its problems are rendered.
struct Found {
    node: usize,
    state: FoundState,
    /// The node of the kind, for problems that are found later.
    kind: usize,
}

enum FoundState {
    Alias(String),
    Backend(String, Vec<u8>),
    /// The index of the fault.
    Broken(usize),
    /// Where the entry is given again.
    Ambiguous(usize),
}

impl Parser<'_> {
    /// The nodes whose bodies are entries; reports what is none.
    fn entry_nodes(&mut self) -> Vec<usize> {
        let mut entries = Vec::new();
        for root in self.tree.roots.clone() {
            let name = self.tree.name(root);
            let list = self.tree.nodes[root].value == Value::List;
            let candidates = match list {
                true => self.tree.nodes[root].children.clone(),
                false => vec![root],
            };
            if name != CONFIG_FIELD {
                let help = advice(name, "fields", [CONFIG_FIELD]);
                if !name.is_empty() {
                    self.fault(root, format!("unknown field `{name}`"), Some(help));
                }
                continue;
            }
            for candidate in candidates {
                if matches!(self.tree.nodes[candidate].value, Value::Message(_)) {
                    entries.push(candidate);
                } else if !self.tree.nodes[candidate].broken {
                    let help = format!(
                        "write `{CONFIG_FIELD} {{ key: \"NAME\" value {{ KIND {{ … }} }} }}`"
                    );
                    self.fault(candidate, "expected an entry".to_owned(), Some(help));
                }
            }
        }
        entries
    }

    fn entry(&mut self, node: usize) {
        let schema = self.registry.schema();
        let key = match key_value(&self.tree, node, &schema.entry) {
            Some(ProtoValue::String(key)) => Some(key),
            _ => None,
        };
        if let Some(key) = &key {
            self.tree.keys.insert(node, key.clone());
        }
        let before = self.tree.faults.len();
        let outcome = if self.tree.nodes[node].broken {
            None
        } else {
            self.parse_entry(node)
        };
        if outcome.is_some() && key.is_none() {
            let help = format!("write `{CONFIG_FIELD} {{ key: \"NAME\" value {{ … }} }}`");
            self.fault(node, "the entry has no key".to_owned(), Some(help));
        }
        let Some(key) = key else { return };
        if let Some(first) = self.entries.get_mut(&key) {
            let line = self.lines.line(self.tree.nodes[first.node].span.start);
            first.state = FoundState::Ambiguous(node);
            let message = format!("configuration {key:?} is already on line {line}");
            let help = "neither works until one is removed or renamed".to_owned();
            return self.fault(node, message, Some(help));
        }
        let (state, kind) = outcome.unwrap_or_else(|| {
            let mut read = self.tree.faults.iter().take(self.faults_of_reading);
            let within = |fault: &Fault| fault.node.is_some_and(|at| self.is_within(at, node));
            let broken = read.position(within).unwrap_or(before);
            (FoundState::Broken(broken), node)
        });
        self.entries.insert(key, Found { node, state, kind });
    }

    /// The entry's content and the node of its kind; None if there are faults.
    fn parse_entry(&mut self, node: usize) -> Option<(FoundState, usize)> {
        let schema = self.registry.schema();
        let before = self.tree.faults.len();
        let line_of = |offset| self.lines.line(offset);
        let mut checker = Checker {
            registry: self.registry,
            tree: &self.tree,
            line_of: &line_of,
            findings: Vec::new(),
            fields: Default::default(),
        };
        checker.check(node, &schema.entry);
        let (findings, fields) = (checker.findings, checker.fields);

        let Value::Message(body) = self.tree.nodes[node].value.clone() else {
            return None;
        };
        let mut text = self.tree.text.as_bytes()[body.clone()].to_vec();
        for finding in findings {
            self.blank(&mut text, body.start, finding.node);
            self.fault(finding.node, finding.message, finding.help);
        }
        let mut message = None;
        for _ in 0..MAX_ROUNDS {
            // Whole fields are blanked, so this is always UTF-8.
            let current = String::from_utf8_lossy(&text);
            let error = match DynamicMessage::parse_text_format(schema.entry.clone(), &current) {
                Ok(parsed) => {
                    message = Some(parsed);
                    break;
                }
                Err(error) => error,
            };
            let offset = body.start + offset_of(&error).unwrap_or(body.len());
            let at = self.tree.deepest(node, offset);
            let field = fields.get(&self.tree.named(at));
            let (message, name) = (error.to_string(), self.tree.name(self.tree.named(at)));
            let help = match message.as_str() {
                "invalid string escape" => Some("write a backslash as `\\\\`".to_owned()),
                text if text.starts_with("expected ':'") => {
                    Some(format!("write a colon after the name: `{name}: …`"))
                }
                _ => error.help().map(|help| help.to_string()),
            };
            self.tree.faults.push(Fault {
                node: Some(at),
                offset,
                message,
                help: help.or_else(|| field.and_then(value_form)),
            });
            let in_field = self.tree.named(at) != self.tree.named(node);
            if !in_field || !self.blank(&mut text, body.start, at) {
                break;
            }
        }
        if self.tree.faults.len() > before {
            return None;
        }
        self.content(node, message?)
    }

    /// Overwrites the field of a node with blanks; false if it was blank already.
    fn blank(&self, text: &mut [u8], start: usize, node: usize) -> bool {
        let span = &self.tree.nodes[self.tree.named(node)].span;
        let Some(field) = text.get_mut(span.start - start..span.end - start) else {
            return false;
        };
        let blank = field.iter().all(|byte| *byte == b' ');
        field.fill(b' ');
        !blank
    }

    /// Unpacks a `Distributor` that parsed without error (L05).
    fn content(&mut self, node: usize, entry: DynamicMessage) -> Option<(FoundState, usize)> {
        let value = entry.get_field_by_name("value")?.into_owned();
        let set = match &value {
            ProtoValue::Message(distributor) => distributor
                .fields()
                .next()
                .map(|(field, content)| (field.name().to_owned(), content.clone())),
            _ => None,
        };
        let Some((kind, ProtoValue::Message(content))) = set else {
            let kinds = self.registry.kinds().chain(["alias"]);
            let help = format!("set one of: {}", kinds.collect::<Vec<_>>().join(", "));
            let message = "blank or unrecognized type: no distributor kind is set";
            self.fault(node, message.to_owned(), Some(help));
            return None;
        };
        let value = self.tree.child(node, "value");
        let at = value.and_then(|value| self.tree.child(value, &kind));
        let config_type = content.descriptor().full_name().to_owned();
        let state = if config_type == "distributor.Alias" {
            let target = content.get_field_by_name("other_config")?;
            FoundState::Alias(target.as_str()?.to_owned())
        } else {
            FoundState::Backend(
                config_type,
                canonical::encode(content, self.registry.schema()),
            )
        };
        Some((state, at.unwrap_or(node)))
    }

    /// L03 and L04, so that they are seen before somebody asks for the name.
    fn check_aliases(&mut self) {
        let mut faults = Vec::new();
        for (name, entry) in &self.entries {
            let FoundState::Alias(target) = &entry.state else {
                continue;
            };
            let field = self.tree.child(entry.kind, "other_config");
            let at = field.unwrap_or(entry.kind);
            match self.entries.get(target).map(|target| &target.state) {
                None => {
                    let message = super::unknown_via_alias(name, target);
                    let known = || self.entries.keys().map(String::as_str);
                    let near = match faults.len() {
                        ..MAX_FAULTS => nearest(target, known().filter(|known| known != name)),
                        // Comparing each with all takes long, and nobody will read it.
                        _ => None,
                    };
                    let help = match (near, target.is_empty()) {
                        (Some(near), _) => Some(format!("did you mean `{near}`?")),
                        (None, true) => Some("write `other_config: \"NAME\"`".to_owned()),
                        (None, false) => None,
                    };
                    faults.push((at, message, help));
                }
                Some(FoundState::Alias(next)) => {
                    let help = if next != name && next != target {
                        format!("name the other one directly: `other_config: {next:?}`")
                    } else {
                        "name a configuration that is no alias".to_owned()
                    };
                    let help = Some(help);
                    faults.push((at, super::too_many_levels(name, target), help));
                }
                Some(_) => {}
            }
        }
        for (at, message, help) in faults {
            self.fault(at, message, help);
        }
    }

    fn fault(&mut self, node: usize, message: String, help: Option<String>) {
        let offset = self.tree.nodes[node].span.start;
        self.tree.faults.push(Fault {
            node: Some(node),
            offset,
            message,
            help,
        });
    }

    fn is_within(&self, mut node: usize, outer: usize) -> bool {
        while node != outer {
            match self.tree.nodes[node].parent {
                Some(parent) => node = parent,
                None => return false,
            }
        }
        true
    }

    fn finish(self) -> Parsed {
        let place = |node: usize, offset: usize| {
            let (line, column) = self.lines.position(offset);
            let path = self.tree.path(node);
            Place { line, column, path }
        };
        let problem = |fault: &Fault| {
            let (line, column) = self.lines.position(fault.offset);
            let path = fault.node.map(|node| self.tree.path(node));
            Problem {
                file: self.file.to_owned(),
                line,
                column,
                path: path.unwrap_or_default(),
                message: fault.message.clone(),
                help: fault.help.clone(),
            }
        };
        let start = |node: usize| self.tree.nodes[node].span.start;
        let entries = self.entries.iter().map(|(name, found)| {
            let state = match &found.state {
                FoundState::Alias(target) => State::Alias(target.clone()),
                FoundState::Backend(config_type, content) => State::Backend {
                    config_type: config_type.clone(),
                    content: content.clone(),
                },
                FoundState::Ambiguous(second) => State::Ambiguous {
                    lines: (
                        self.lines.line(start(found.node)),
                        self.lines.line(start(*second)),
                    ),
                },
                FoundState::Broken(index) => match self.tree.faults.get(*index) {
                    Some(fault) => State::Broken(problem(fault)),
                    None => State::Broken(of_file(self.file, "the entry is broken".to_owned())),
                },
            };
            let place = place(found.kind, start(found.kind));
            (name.clone(), Entry { state, place })
        });
        let entries = entries.collect();

        let mut faults: Vec<&Fault> = self.tree.faults.iter().collect();
        faults.sort_by_key(|fault| fault.offset);
        let shown = faults.iter().take(MAX_FAULTS);
        let mut problems: Vec<Problem> = shown.map(|fault| problem(fault)).collect();
        problems.sort();
        if faults.len() > MAX_FAULTS {
            let message =
                format!("there are more than {MAX_FAULTS} problems; the rest is not shown");
            problems.push(of_file(self.file, message));
        }
        Parsed { entries, problems }
    }
}

fn offset_of(error: &ParseError) -> Option<usize> {
    Some(error.labels()?.next()?.offset())
}

fn of_file(file: &str, message: String) -> Problem {
    Problem {
        file: file.to_owned(),
        line: 0,
        column: 0,
        path: String::new(),
        message,
        help: None,
    }
}
