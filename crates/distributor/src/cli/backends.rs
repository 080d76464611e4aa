//! `backends`: the kinds that are compiled in, from their registrations.

use std::fmt::Write;

use distributor_core::registry::config_name;
use distributor_core::{BackendDescriptor, Capabilities, Registry};
use serde_json::json;

use super::args::Backends;
use super::exit::{Exit, Failure};
use super::table::{Cell, Facts};
use super::{output, place};

pub(super) fn backends(arguments: &Backends) -> Result<Exit, Failure> {
    let registry = place::registry()?;
    if arguments.json.json {
        let kinds: Vec<_> = registry.descriptors().iter().map(object).collect();
        output::json(&json!({ "backends": kinds }))?;
    } else {
        let text = text(&registry, output::colours());
        output::data(|out| out.write_all(text.as_bytes()).or_else(output::noticed))?;
    }
    Ok(Exit::Finished)
}

fn text(registry: &Registry, colours: bool) -> String {
    let mut out = String::new();
    for (index, kind) in registry.descriptors().iter().enumerate() {
        if index > 0 {
            out.push('\n');
        }
        let mut facts = Facts::default();
        facts.add("number", Cell::plain(kind.number.to_string()));
        facts.add("config type", Cell::plain(kind.config_type));
        facts.add(
            "can",
            Cell::plain(capabilities(kind.capabilities).join(", ")),
        );
        let name = match kind.works_unconfigured {
            true => format!("yes, as \"{}\"", config_name(kind.kind)),
            false => "no".to_owned(),
        };
        facts.add("works without a file", Cell::plain(name));
        facts.add("from", Cell::plain(kind.crate_name));
        // Writing to a string cannot fail.
        let _infallible = writeln!(out, "{}: {}", kind.kind, kind.summary);
        out.push_str(&facts.render("  ", colours));
        out.push_str("  example:\n");
        for line in example(kind).lines() {
            let _infallible = writeln!(out, "    {line}");
        }
    }
    if registry.descriptors().is_empty() {
        out.push_str("no backend is compiled in; turn on cargo features such as `backend-noop`\n");
    }
    out
}

/// A whole entry of a configuration file.
fn example(kind: &BackendDescriptor) -> String {
    let mut out = format!(
        "distributor_configs {{\n  key: \"my-{}\"\n  value {{ {} {{",
        config_name(kind.kind),
        kind.kind
    );
    let inside = kind.example.trim();
    match inside.lines().count() {
        0 => out.push_str("} }"),
        1 => {
            let _infallible = write!(out, " {inside} }} }}");
        }
        _ => {
            for line in inside.lines() {
                let _infallible = write!(out, "\n    {}", line.trim_end());
            }
            out.push_str("\n  } }");
        }
    }
    out.push_str("\n}");
    out
}

fn object(kind: &BackendDescriptor) -> serde_json::Value {
    json!({
        "kind": kind.kind,
        "number": kind.number,
        "config_type": kind.config_type,
        "summary": kind.summary,
        "capabilities": capabilities(kind.capabilities),
        "works_unconfigured": kind.works_unconfigured,
        "example": kind.example,
        "crate": kind.crate_name,
    })
}

fn capabilities(capabilities: Capabilities) -> Vec<&'static str> {
    let Capabilities {
        idempotent_run,
        notifications,
        cancel,
        logs,
    } = capabilities;
    [
        (idempotent_run, "idempotent_run"),
        (notifications, "notifications"),
        (cancel, "cancel"),
        (logs, "logs"),
    ]
    .into_iter()
    .filter_map(|(can, name)| can.then_some(name))
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is shown must be right when it is copied.
    #[test]
    fn every_example_is_a_configuration_without_problems() {
        let registry = place::registry().unwrap();
        for kind in registry.descriptors() {
            let file = registry.parse("example.cfg", &example(kind), "1");
            assert!(file.problems().is_empty(), "{:?}", file.problems());
            let name = format!("my-{}", config_name(kind.kind));
            assert_eq!(file.config_type(&name), Some(kind.config_type));
        }
    }
}
