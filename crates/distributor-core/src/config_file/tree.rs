//! The fields of a configuration file and where they are: enough to cut the file into entries
//! that are parsed one by one, and to say which field a position belongs to.
//!
//! It refuses to judge names and values: it knows no schema. How it comes into being is in
//! [`super::build`].

use std::collections::HashMap;
use std::ops::Range;

use crate::registry::CONFIG_FIELD;

/// Something wrong, before its path is known.
#[derive(Debug, Clone)]
pub(super) struct Fault {
    pub(super) node: Option<usize>,
    pub(super) offset: usize,
    pub(super) message: String,
    pub(super) help: Option<String>,
}

/// What follows a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    Missing,
    Scalar(Range<usize>),
    /// What is between the braces.
    Message(Range<usize>),
    List,
}

/// A field, or an element of a list, which has no name.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) parent: Option<usize>,
    pub(super) children: Vec<usize>,
    pub(super) name: Range<usize>,
    pub(super) span: Range<usize>,
    pub(super) value: Value,
    pub(super) broken: bool,
}

pub(super) struct Tree<'t> {
    pub(super) text: &'t str,
    pub(super) nodes: Vec<Node>,
    pub(super) roots: Vec<usize>,
    pub(super) faults: Vec<Fault>,
    /// Keys of the entries, as far as they are legal; whoever knows the schema fills them in.
    pub(super) keys: HashMap<usize, String>,
}

impl<'t> Tree<'t> {
    pub(super) fn name(&self, node: usize) -> &'t str {
        &self.text[self.nodes[node].name.clone()]
    }

    /// The first child of that name.
    pub(super) fn child(&self, node: usize, name: &str) -> Option<usize> {
        let mut children = self.nodes[node].children.iter().copied();
        children.find(|&child| self.name(child) == name)
    }

    /// The innermost node in `node` that `offset` belongs to.
    pub(super) fn deepest(&self, mut node: usize, offset: usize) -> usize {
        loop {
            let mut children = self.nodes[node].children.iter().copied();
            match children.find(|&child| self.nodes[child].span.contains(&offset)) {
                Some(child) => node = child,
                None => return node,
            }
        }
    }

    /// The nearest node outwards that is a field.
    pub(super) fn named(&self, mut node: usize) -> usize {
        while self.nodes[node].name.is_empty() {
            match self.nodes[node].parent {
                Some(parent) => node = parent,
                None => break,
            }
        }
        node
    }

    /// For people: `distributor_configs["sim"].noop.delay`.
    pub(super) fn path(&self, node: usize) -> String {
        let mut parts = Vec::new();
        let mut next = Some(node);
        while let Some(node) = next {
            next = self.nodes[node].parent;
            // An entry is named by its key, and `value` only says that this is a map.
            let key = self.keys.get(&node).map(|key| format!("[{key:?}]"));
            let in_entry = next.is_some_and(|parent| self.is_entry(parent));
            parts.push(match key {
                Some(key) if self.nodes[node].name.is_empty() => key,
                Some(key) => format!("{}{key}", self.name(node)),
                None if in_entry && self.name(node) == "value" => continue,
                None => self.step(node),
            });
        }
        let mut path = String::new();
        for part in parts.iter().rev() {
            // An element of a list with a key replaces the index.
            if !path.is_empty() && !part.starts_with('[') {
                path.push('.');
            }
            path.push_str(part);
        }
        path
    }

    fn is_entry(&self, node: usize) -> bool {
        let top = self.named(node);
        self.nodes[top].parent.is_none() && self.name(top) == CONFIG_FIELD
    }

    /// The name, and an index if the field occurs more than once.
    fn step(&self, node: usize) -> String {
        let name = self.name(node);
        let siblings = match self.nodes[node].parent {
            Some(parent) => &self.nodes[parent].children,
            None => &self.roots,
        };
        let same: Vec<_> = siblings
            .iter()
            .filter(|&&sibling| self.name(sibling) == name)
            .collect();
        match same.iter().position(|&&sibling| sibling == node) {
            Some(index) if same.len() > 1 || name.is_empty() => format!("{name}[{index}]"),
            _ => name.to_owned(),
        }
    }
}
