//! `show`: all that is known of a quest, an attempt or an execution.

use distributor_core::{AttemptId, DistributorSource, ExecutionId, QuestId};
use distributor_store::records::{AttemptRecord, DependencyRecord, ExecutionRecord, QuestRecord};
use serde_json::json;
use serde_json::value::RawValue;

use super::args::{Global, Show};
use super::exit::{Exit, Failure};
use super::ids::{self, Id};
use super::place::Place;
use super::records::Records;
use super::table::{Cell, Facts, Table};
use super::{output, view};

/// Most executions that are shown of one attempt.
const EXECUTIONS: usize = 100;
/// Most dependents that are shown of one attempt.
const DEPENDENTS: usize = 1000;
/// Attempts that are read at once.
const PAGE: usize = 500;

pub(super) fn show(global: &Global, arguments: &Show) -> Result<Exit, Failure> {
    let place = Place::of_service(global)?;
    let store = place.records()?;
    let (_entrance, backends) = place.stored_backends()?;
    let shower = Shower {
        store: store.as_ref(),
        place: &place,
        backends: backends.as_ref(),
        json: arguments.json.json,
        colours: output::colours(),
    };
    match ids::find(store.as_ref(), &place, &arguments.id)? {
        Id::Quest(quest) => shower.quest(quest)?,
        Id::Attempt(attempt) => shower.attempt(attempt)?,
        Id::Execution(execution) => shower.execution(execution)?,
    }
    Ok(Exit::Finished)
}

struct Shower<'s> {
    store: &'s dyn Records,
    place: &'s Place,
    backends: &'s dyn DistributorSource,
    json: bool,
    colours: bool,
}

impl Shower<'_> {
    fn quest(&self, id: QuestId) -> Result<(), Failure> {
        let quest = self.quest_record(id)?;
        let numbers = self.store.attempt_numbers(id)?;
        let mut attempts = Vec::with_capacity(numbers.len());
        for numbers in numbers.chunks(PAGE) {
            let ids: Vec<AttemptId> = numbers.iter().map(|number| id.attempt(*number)).collect();
            attempts.extend(self.store.attempts(&ids)?.into_iter().flatten());
        }
        if self.json {
            let attempts: Result<Vec<_>, _> = attempts
                .iter()
                .map(|attempt| view::Attempt::new(attempt, true))
                .collect();
            return self.write_json(&json!({
                "quest": id.to_string(),
                "created": quest.created.to_string(),
                "desc": view::description(&quest)?,
                "attempts": attempts?,
            }));
        }
        let mut facts = Facts::default();
        facts.add("quest", Cell::plain(id.to_string()));
        facts.add("created", Cell::plain(quest.created.to_string()));
        let mut out = facts.render("", self.colours);
        out.push_str(&self.description(&quest)?);
        out.push_str("\nattempts\n");
        out.push_str(&indented(&self.attempts_table(&attempts)));
        self.write(&out)
    }

    fn attempt(&self, id: AttemptId) -> Result<(), Failure> {
        let record = self.attempt_record(id)?;
        let quest = self.quest_record(id.quest)?;
        let executions = self.store.executions(id, EXECUTIONS)?;
        let needs = self.ends(self.store.dependencies(id)?, |it| it.dependency)?;
        let needed_by = self.ends(self.store.dependents(id, DEPENDENTS)?, |it| it.dependent)?;
        if self.json {
            let executions: Result<Vec<_>, _> = executions
                .iter()
                .map(|execution| self.execution_view(id.execution(execution.number), execution))
                .collect();
            let listed = |ends: &[AttemptRecord]| -> Vec<_> {
                ends.iter()
                    .map(|end| json!({"attempt": end.id.to_string(), "state": end.state.as_str_name()}))
                    .collect()
            };
            return self.write_json(&json!({
                "attempt": view::Attempt::new(&record, true)?,
                "desc": view::description(&quest)?,
                "executions": executions?,
                "needs": listed(&needs),
                "needed_by": listed(&needed_by),
            }));
        }
        let outcome = record.outcome.as_ref();
        let mut facts = Facts::default();
        facts.add("attempt", Cell::plain(id.to_string()));
        facts.add("state", Cell::state(record.state.as_str_name()));
        if let Some(status) = view::status(outcome) {
            facts.add("status", Cell::state(status));
        }
        facts.add_some("reason", view::reason(outcome));
        facts.add("distributor", Cell::plain(&record.config_name));
        facts.add("created", Cell::plain(record.created.to_string()));
        facts.add("modified", Cell::plain(record.modified.to_string()));
        let mut out = facts.render("", self.colours);
        out.push_str(&self.description(&quest)?);
        if let Some(result) = view::result(outcome)? {
            out.push_str("\nresult\n");
            out.push_str(&indented(&pretty(&result)));
        }
        if !needs.is_empty() {
            out.push_str("\nneeds\n");
            out.push_str(&indented(&self.attempts_table(&needs)));
        }
        if !needed_by.is_empty() {
            out.push_str("\nneeded by\n");
            out.push_str(&indented(&self.attempts_table(&needed_by)));
        }
        for execution in &executions {
            let facts = self.execution_facts(id.execution(execution.number), execution);
            out.push('\n');
            out.push_str(&facts.render("", self.colours));
        }
        if executions.len() == EXECUTIONS && record.current_execution as usize > EXECUTIONS {
            output::note("older executions are not shown; ask for one with 'QUEST|N|E'");
        }
        self.write(&out)
    }

    fn execution(&self, id: ExecutionId) -> Result<(), Failure> {
        let record = self.store.execution(id.attempt, id.number)?;
        let record = record.ok_or_else(|| removed(&id.to_string()))?;
        if self.json {
            return self.write_json(&json!({
                "execution": self.execution_view(id, &record)?,
            }));
        }
        let mut out = self.execution_facts(id, &record).render("", self.colours);
        if let Some(result) = view::result(record.outcome.as_ref())? {
            out.push_str("\nresult\n");
            out.push_str(&indented(&pretty(&result)));
        }
        self.write(&out)
    }

    fn execution_view(
        &self,
        id: ExecutionId,
        record: &ExecutionRecord,
    ) -> Result<view::Execution, Failure> {
        view::Execution::new(id.to_string(), record, self.backends)
    }

    fn execution_facts(&self, id: ExecutionId, record: &ExecutionRecord) -> Facts {
        let outcome = record.outcome.as_ref();
        let mut facts = Facts::default();
        facts.add("execution", Cell::plain(id.to_string()));
        facts.add("state", Cell::state(record.state.as_str_name()));
        if let Some(status) = view::status(outcome) {
            facts.add("status", Cell::state(status));
        }
        facts.add_some("reason", view::reason(outcome));
        facts.add_some("last error", record.last_error.as_ref());
        facts.add("distributor", Cell::plain(&record.config.name));
        facts.add("config version", Cell::plain(&record.config.version));
        facts.add("token", Cell::plain(record.token.to_string()));
        facts.add_some("url", view::url(record, self.backends));
        facts.add("started", Cell::plain(record.started.to_string()));
        facts.add("modified", Cell::plain(record.modified.to_string()));
        facts
    }

    fn description(&self, quest: &QuestRecord) -> Result<String, Failure> {
        let description = view::description(quest)?;
        Ok(format!(
            "\ndescription\n{}",
            indented(&pretty(&description))
        ))
    }

    fn attempts_table(&self, attempts: &[AttemptRecord]) -> String {
        let mut table = Table::new(&["ATTEMPT", "STATE", "EXECUTIONS", "CHANGED", "REASON"]);
        for attempt in attempts {
            let outcome = attempt.outcome.as_ref();
            table.row([
                Cell::plain(attempt.id.to_string()),
                Cell::state(view::short_state(attempt.state, outcome)),
                Cell::plain(attempt.current_execution.to_string()),
                Cell::plain(attempt.modified.to_string()),
                Cell::plain(view::reason(outcome).unwrap_or_default()),
            ]);
        }
        table.render(self.colours)
    }

    fn ends(
        &self,
        dependencies: Vec<DependencyRecord>,
        end: impl Fn(&DependencyRecord) -> AttemptId,
    ) -> Result<Vec<AttemptRecord>, Failure> {
        let mut records = Vec::with_capacity(dependencies.len());
        for dependencies in dependencies.chunks(PAGE) {
            let ids: Vec<AttemptId> = dependencies.iter().map(&end).collect();
            records.extend(self.store.attempts(&ids)?.into_iter().flatten());
        }
        Ok(records)
    }

    fn quest_record(&self, id: QuestId) -> Result<QuestRecord, Failure> {
        let found = self.store.quests(&[id])?.pop().flatten();
        found.ok_or_else(|| removed(&id.to_string()))
    }

    fn attempt_record(&self, id: AttemptId) -> Result<AttemptRecord, Failure> {
        let found = self.store.attempts(&[id])?.pop().flatten();
        found.ok_or_else(|| removed(&format!("{id} in {}", self.place.named)))
    }

    fn write(&self, text: &str) -> Result<(), Failure> {
        output::data(|out| out.write_all(text.as_bytes()).or_else(output::noticed))?;
        Ok(())
    }

    fn write_json(&self, value: &serde_json::Value) -> Result<(), Failure> {
        output::json(value)?;
        Ok(())
    }
}

fn removed(name: &str) -> Failure {
    Failure::Input(format!("{name} was removed meanwhile"))
}

/// The same value over several lines, for people.
fn pretty(value: &RawValue) -> String {
    let parsed: Result<serde_json::Value, _> = serde_json::from_str(value.get());
    let pretty = parsed.and_then(|value| serde_json::to_string_pretty(&value));
    pretty.unwrap_or_else(|_| value.get().to_owned())
}

fn indented(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 8);
    for line in text.lines() {
        out.push_str("  ");
        out.push_str(line);
        out.push('\n');
    }
    out
}
