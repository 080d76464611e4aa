//! Holds one entry's fields against the schema: names, repetitions, missing values. All that is
//! wrong is found, where the real parser would stop at the first.
//!
//! It refuses to judge values; that is the real parser's work.

use std::collections::HashMap;

use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MessageDescriptor};

use super::suggest::{advice, nearest};
use super::tree::{Tree, Value};
use crate::registry::{Registry, WELL_KNOWN, cargo_feature};

/// A field that the real parser must not see any more, because it was already reported.
#[derive(Debug)]
pub(super) struct Finding {
    pub(super) node: usize,
    pub(super) message: String,
    pub(super) help: Option<String>,
}

pub(super) struct Checker<'c, 't> {
    pub(super) registry: &'c Registry,
    pub(super) tree: &'c Tree<'t>,
    pub(super) line_of: &'c dyn Fn(usize) -> usize,
    pub(super) findings: Vec<Finding>,
    /// The fields that are known, for advice on their values.
    pub(super) fields: HashMap<usize, FieldDescriptor>,
}

impl Checker<'_, '_> {
    /// Checks what is between the braces of `node`, a `message`. The tree's depth is limited.
    pub(super) fn check(&mut self, node: usize, message: &MessageDescriptor) {
        let mut seen: HashMap<u32, usize> = HashMap::new();
        let mut oneofs: HashMap<String, usize> = HashMap::new();
        for &child in &self.tree.nodes[node].children {
            let name = self.tree.name(child);
            // Extensions and expanded `Any`s are left to the real parser.
            if name.starts_with('[') || name.is_empty() {
                continue;
            }
            let Some(field) = find_field(message, name) else {
                self.unknown(child, name, message);
                continue;
            };
            self.fields.insert(child, field.clone());
            if self.tree.nodes[child].value == Value::Missing {
                self.report(child, format!("`{name}` has no value"), value_form(&field));
                continue;
            }
            if !field.is_list() {
                if let Some(&first) = seen.get(&field.number()) {
                    self.report_twice(child, name, first);
                    continue;
                }
                if let Some(oneof) = field.containing_oneof() {
                    if let Some(&first) = oneofs.get(oneof.name()) {
                        self.report_second(child, name, first);
                        continue;
                    }
                    oneofs.insert(oneof.name().to_owned(), child);
                }
                seen.insert(field.number(), child);
            }
            self.descend(child, &field);
        }
        self.check_keys(node);
    }

    fn descend(&mut self, node: usize, field: &FieldDescriptor) {
        let Kind::Message(message) = field.kind() else {
            return;
        };
        match self.tree.nodes[node].value {
            Value::Message(_) => self.check(node, &message),
            Value::List => {
                for &element in &self.tree.nodes[node].children {
                    if matches!(self.tree.nodes[element].value, Value::Message(_)) {
                        self.check(element, &message);
                    }
                }
            }
            Value::Missing | Value::Scalar(_) => {}
        }
    }

    /// The keys of the map fields in `node` must differ.
    fn check_keys(&mut self, node: usize) {
        let mut seen: HashMap<(u32, String), usize> = HashMap::new();
        for &child in &self.tree.nodes[node].children {
            let Some(field) = self.fields.get(&child).cloned() else {
                continue;
            };
            let Kind::Message(entry) = field.kind() else {
                continue;
            };
            if !self.registry.schema().is_map_entry(&entry) {
                continue;
            }
            let number = field.number();
            let items = match self.tree.nodes[child].value {
                Value::List => self.tree.nodes[child].children.clone(),
                _ => vec![child],
            };
            for item in items {
                let Some(key) = key_text(self.tree, item, &entry) else {
                    continue;
                };
                if let Some(&first) = seen.get(&(number, key.clone())) {
                    let line = (self.line_of)(self.tree.nodes[first].span.start);
                    let message = format!("the key {key} is already on line {line}");
                    self.report(item, message, None);
                } else {
                    seen.insert((number, key), item);
                }
            }
        }
    }

    fn unknown(&mut self, node: usize, name: &str, message: &MessageDescriptor) {
        let fields: Vec<_> = message
            .fields()
            .map(|field| field.name().to_owned())
            .collect();
        let names = fields.iter().map(String::as_str);
        if message.full_name() == "distributor.Distributor" {
            return self.unknown_kind(node, name);
        }
        let is_kind = name == "alias" || self.registry.get(name).is_some();
        let help = if *message == self.registry.schema().entry && is_kind {
            format!("put it into `value {{ {name} {{ … }} }}`")
        } else if fields.is_empty() {
            "this message has no fields".to_owned()
        } else {
            advice(name, "fields", names)
        };
        self.report(node, format!("unknown field `{name}`"), Some(help));
    }

    fn unknown_kind(&mut self, node: usize, name: &str) {
        let compiled_in = self.registry.kind_list();
        let message = format!("unknown distributor kind `{name}`; compiled in: {compiled_in}");
        let known = self.registry.kinds().chain(["alias"]);
        let well_known = WELL_KNOWN.iter().map(|(kind, _)| *kind);
        let help = if well_known.clone().any(|kind| kind == name) {
            let feature = cargo_feature(name);
            format!("turn on cargo feature `{feature}` and build again")
        } else if let Some(near) = nearest(name, known) {
            format!("did you mean `{near}`?")
        } else if let Some(near) = nearest(name, well_known) {
            let feature = cargo_feature(near);
            format!("did you mean `{near}`? it needs cargo feature `{feature}`")
        } else {
            "a backend of your own must be a dependency of the program and named in it, \
             `use its_crate as _;`"
                .to_owned()
        };
        self.report(node, message, Some(help));
    }

    fn report_twice(&mut self, node: usize, name: &str, first: usize) {
        let line = (self.line_of)(self.tree.nodes[first].span.start);
        let message = format!("`{name}` is already set on line {line}");
        self.report(node, message, Some("remove one of them".to_owned()));
    }

    fn report_second(&mut self, node: usize, name: &str, first: usize) {
        let line = (self.line_of)(self.tree.nodes[first].span.start);
        let other = self.tree.name(first);
        let message = format!("`{name}` excludes `{other}`, which is set on line {line}");
        self.report(node, message, Some("remove one of them".to_owned()));
    }

    fn report(&mut self, node: usize, message: String, help: Option<String>) {
        self.findings.push(Finding {
            node,
            message,
            help,
        });
    }
}

/// As the real parser finds it: a group goes by the name of its message.
fn find_field(message: &MessageDescriptor, name: &str) -> Option<FieldDescriptor> {
    if let Some(field) = message.get_field_by_name(name).filter(|f| !f.is_group()) {
        return Some(field);
    }
    let group = message.get_field_by_name(&name.to_ascii_lowercase())?;
    let kind = group.kind();
    let legal = group.is_group() && kind.as_message().is_some_and(|group| group.name() == name);
    legal.then_some(group)
}

/// The key of a map entry, in text format; None if it has none or a wrong one.
pub(super) fn key_text(tree: &Tree<'_>, item: usize, entry: &MessageDescriptor) -> Option<String> {
    let key = key_value(tree, item, entry)?;
    Some(key.to_string())
}

/// The key of a map entry; None if it has none or a wrong one.
pub(super) fn key_value(
    tree: &Tree<'_>,
    item: usize,
    entry: &MessageDescriptor,
) -> Option<prost_reflect::Value> {
    let key = tree.child(item, "key")?;
    let text = &tree.text[tree.nodes[key].span.clone()];
    let entry = DynamicMessage::parse_text_format(entry.clone(), text).ok()?;
    Some(entry.get_field_by_name("key")?.into_owned())
}

/// How a value of this field is written, where people get it wrong.
pub(super) fn value_form(field: &FieldDescriptor) -> Option<String> {
    let name = field.name();
    if field.parent_message().full_name() == "google.protobuf.Duration" {
        let help = "a duration has whole `seconds` and `nanos`: 1.5 s is \
                    `seconds: 1 nanos: 500000000`";
        return Some(help.to_owned());
    }
    match field.kind() {
        Kind::Message(message) if message.full_name() == "google.protobuf.Duration" => {
            Some(format!("write a duration as `{name} {{ seconds: 5 }}`"))
        }
        Kind::Message(message) => {
            let fields: Vec<_> = message
                .fields()
                .map(|field| field.name().to_owned())
                .collect();
            let fields = super::suggest::list(fields.iter().map(String::as_str));
            Some(format!("write `{name} {{ … }}`; fields: {fields}"))
        }
        Kind::Enum(values) => {
            let names: Vec<_> = values
                .values()
                .map(|value| value.name().to_owned())
                .collect();
            let names = super::suggest::list(names.iter().map(String::as_str));
            Some(format!("write one of: {names}"))
        }
        Kind::String | Kind::Bytes => {
            Some(format!("write a string in quotes, as in `{name}: \"…\"`"))
        }
        Kind::Bool => Some(format!("write `{name}: true` or `{name}: false`")),
        _ => None,
    }
}
