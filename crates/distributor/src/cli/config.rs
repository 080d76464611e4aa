//! `config check`: all that is wrong with a configuration file, or what it configures.

use serde_json::json;

use super::args::{Config, ConfigCheck, ConfigCommand, Global};
use super::exit::{Exit, Failure};
use super::findings::{Finding, Findings};
use super::output;
use super::place::{self, Place};
use super::table::{Cell, Table};

pub(super) fn config(global: &Global, arguments: &Config) -> Result<Exit, Failure> {
    match &arguments.command {
        ConfigCommand::Check(check) => self::check(global, check),
    }
}

/// An entry that works.
struct Entry {
    name: String,
    stands_for: String,
    config_type: String,
}

fn check(global: &Global, arguments: &ConfigCheck) -> Result<Exit, Failure> {
    let registry = place::registry()?;
    let mut file = match place::configuration(&registry, Some(&arguments.file)) {
        Ok(file) => file,
        Err(finding) => return unreadable(arguments, &finding),
    };
    let entrance = Place::of(global)?.entrance()?;
    file.check(&registry, &entrance.host(), place::DM_HOST);

    let entries: Vec<Entry> = file
        .names()
        .filter_map(|name| {
            let snapshot = file.resolve(name, place::DM_HOST).ok()?;
            Some(Entry {
                name: name.to_owned(),
                stands_for: snapshot.name.clone(),
                config_type: snapshot.config_type.clone(),
            })
        })
        .collect();
    let mut findings = Findings::default();
    findings.add_config(file.problems());

    if arguments.json.json {
        let entries: Vec<_> = entries.iter().map(object).collect();
        output::json(&json!({
            "file": file.file_name(),
            "version": file.version(),
            "entries": entries,
            "problems": findings.problems,
        }))?;
    } else if findings.is_empty() {
        let text = text(&entries);
        output::data(|out| out.write_all(text.as_bytes()).or_else(output::noticed))?;
    } else {
        // Here the problems are the data.
        for finding in &findings.problems {
            output::line(finding)?;
        }
    }
    match findings.problems.len() {
        0 => Ok(Exit::Finished),
        1 => Err(Failure::Input(format!(
            "{} has a problem",
            file.file_name()
        ))),
        count => Err(Failure::Input(format!(
            "{} has {count} problems",
            file.file_name()
        ))),
    }
}

fn unreadable(arguments: &ConfigCheck, finding: &Finding) -> Result<Exit, Failure> {
    if arguments.json.json {
        output::json(&json!({
            "file": finding.file,
            "version": null,
            "entries": [],
            "problems": [finding],
        }))?;
    }
    Err(Failure::Input(finding.to_string()))
}

fn object(entry: &Entry) -> serde_json::Value {
    let alias_of = (entry.name != entry.stands_for).then_some(&entry.stands_for);
    json!({
        "name": entry.name,
        "alias_of": alias_of,
        "config_type": entry.config_type,
    })
}

fn text(entries: &[Entry]) -> String {
    let mut table = Table::new(&["NAME", "CONFIG TYPE", "ALIAS OF"]);
    for entry in entries {
        let alias_of = match entry.name == entry.stands_for {
            true => "",
            false => &entry.stands_for,
        };
        table.row([
            Cell::plain(&entry.name),
            Cell::plain(&entry.config_type),
            Cell::plain(alias_of),
        ]);
    }
    table.render(output::colours())
}
