//! Draws a graph of jobs as a Graphviz or a Mermaid text.
//!
//! Takes names and edges, not a [`Graph`](super::Graph): a stored graph is drawn by the same code. Arrows
//! lead from a job to what it needs, and states are coloured, as in `dmtool vis` (`dm-api.md` section 10).

use std::fmt::Write;

/// One job of the drawing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Node<'n> {
    /// Its label: any text.
    pub name: &'n str,
    /// The state of its attempt, spelled as in the API; absent if it has none.
    pub state: Option<&'n str>,
}

impl<'n> Node<'n> {
    /// A job that was not submitted.
    pub fn named(name: &'n str) -> Self {
        Self { name, state: None }
    }
}

/// The states of an attempt with their colours: for Graphviz by name, for Mermaid by value.
const COLOURS: [(&str, &str, &str); 5] = [
    ("SCHEDULING", "cadetblue1", "#98f5ff"),
    ("EXECUTING", "darkorchid", "#9932cc"),
    ("WAITING", "gold", "#ffd700"),
    ("FINISHED", "chartreuse", "#7fff00"),
    ("ABNORMAL_FINISHED", "crimson", "#dc143c"),
];

/// The graph in the language of Graphviz. Each edge leads from a node to one that it needs; edges to nodes
/// that do not exist are left out.
pub fn dot(nodes: &[Node<'_>], edges: &[(usize, usize)]) -> String {
    let mut out = String::from(
        "digraph jobs {\n  rankdir=LR;\n  node [shape=box, style=\"rounded,filled\", fillcolor=white];\n",
    );
    for (index, node) in nodes.iter().enumerate() {
        let mut label = String::with_capacity(node.name.len());
        for c in node.name.chars() {
            match c {
                // A backslash begins an escape of labels (`\N` is the name of the node).
                '"' | '\\' => label.extend(['\\', c]),
                '\n' => label.push_str("\\n"),
                c if c.is_control() => label.push('\u{fffd}'),
                c => label.push(c),
            }
        }
        let _ = write!(out, "  n{index} [label=\"{label}\"");
        if let Some((state, colour, _)) = colours(node.state) {
            let _ = write!(out, ", fillcolor={colour}, tooltip=\"{state}\"");
        }
        out.push_str("];\n");
    }
    for (from, to) in existing(nodes, edges) {
        let _ = writeln!(out, "  n{from} -> n{to};");
    }
    out.push_str("}\n");
    out
}

/// The graph in the language of Mermaid. Edges as for [`dot`].
pub fn mermaid(nodes: &[Node<'_>], edges: &[(usize, usize)]) -> String {
    let mut out = String::from("flowchart LR\n");
    for (index, node) in nodes.iter().enumerate() {
        let mut label = String::with_capacity(node.name.len());
        for c in node.name.chars() {
            match c {
                // Letters, digits and the harmless rest of job names; anything else may be Markdown, HTML or
                // an entity to Mermaid.
                c if c.is_alphanumeric() || " ._-/".contains(c) => label.push(c),
                c => {
                    let _ = write!(label, "#{};", u32::from(c));
                }
            }
        }
        let _ = write!(out, "  n{index}[\"{label}\"]");
        if let Some((state, ..)) = colours(node.state) {
            let _ = write!(out, ":::{state}");
        }
        out.push('\n');
    }
    for (from, to) in existing(nodes, edges) {
        let _ = writeln!(out, "  n{from} --> n{to}");
    }
    for (state, _, colour) in COLOURS {
        if nodes.iter().any(|node| node.state == Some(state)) {
            let _ = writeln!(out, "  classDef {state} fill:{colour},color:#000");
        }
    }
    out
}

fn colours(state: Option<&str>) -> Option<(&'static str, &'static str, &'static str)> {
    COLOURS.into_iter().find(|&(name, ..)| Some(name) == state)
}

fn existing(nodes: &[Node<'_>], edges: &[(usize, usize)]) -> impl Iterator<Item = (usize, usize)> {
    let count = nodes.len();
    edges
        .iter()
        .copied()
        .filter(move |&(from, to)| from < count && to < count)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NODES: [Node<'_>; 3] = [
        Node {
            name: "a/b",
            state: Some("FINISHED"),
        },
        Node {
            name: "say \"hi\"\\\n",
            state: None,
        },
        Node {
            name: "<b>",
            state: Some("WAITING"),
        },
    ];

    #[test]
    fn dot_escapes_labels_and_colours_states() {
        let expected = "digraph jobs {
  rankdir=LR;
  node [shape=box, style=\"rounded,filled\", fillcolor=white];
  n0 [label=\"a/b\", fillcolor=chartreuse, tooltip=\"FINISHED\"];
  n1 [label=\"say \\\"hi\\\"\\\\\\n\"];
  n2 [label=\"<b>\", fillcolor=gold, tooltip=\"WAITING\"];
  n1 -> n0;
  n2 -> n1;
}
";
        assert_eq!(dot(&NODES, &[(1, 0), (2, 1), (2, 9)]), expected);
    }

    #[test]
    fn mermaid_escapes_labels_and_colours_states() {
        let expected = "flowchart LR
  n0[\"a/b\"]:::FINISHED
  n1[\"say #34;hi#34;#92;#10;\"]
  n2[\"#60;b#62;\"]:::WAITING
  n1 --> n0
  n2 --> n1
  classDef WAITING fill:#ffd700,color:#000
  classDef FINISHED fill:#7fff00,color:#000
";
        assert_eq!(mermaid(&NODES, &[(1, 0), (2, 1), (9, 0)]), expected);
    }
}
