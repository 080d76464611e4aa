//! The facts that the sentence rests on, by name. Pure.

use distributor_core::AttemptId;
use distributor_proto::control::explain_response::Fact;
use distributor_store::records::{AttemptRecord, ExecutionRecord, Outcome, Prepared};

use super::ended::retries;
use super::situation::{
    Absent, Count, Line, NoRoom, Others, Pending, Situation, Surroundings, Tries,
};

/// All that is known, most general first. A name may come more than once.
pub(super) fn facts(situation: &Situation) -> Vec<Fact> {
    let mut facts = Facts::default();
    facts.add("attempt", situation.id);
    if let Some(record) = &situation.record {
        facts.about(record);
    }
    match &situation.surroundings {
        Surroundings::Nothing => {}
        Surroundings::Absent(absent) => facts.about_the_absent(*absent),
        Surroundings::Others(others) => facts.about_others(others),
        Surroundings::Line(line) => facts.about_the_line(line),
        Surroundings::Start(tries) => facts.about_tries(*tries),
    }
    facts.0
}

#[derive(Default)]
struct Facts(Vec<Fact>);

impl Facts {
    fn add(&mut self, name: &str, value: impl ToString) {
        self.0.push(Fact {
            name: name.to_owned(),
            value: value.to_string(),
        });
    }

    fn add_some(&mut self, name: &str, value: Option<impl ToString>) {
        if let Some(value) = value {
            self.add(name, value);
        }
    }

    fn count(&mut self, name: &str, count: Count) {
        self.add(name, count.number);
        if count.or_more {
            self.add(&format!("{name}_or_more"), true);
        }
    }

    fn about_the_absent(&mut self, absent: Absent) {
        match absent {
            Absent::Quest => self.add("quest_exists", false),
            Absent::Attempt { others, newest } => {
                self.add("quest_exists", true);
                self.add("other_attempts", others);
                self.add_some("newest_attempt", newest);
            }
        }
    }

    fn about(&mut self, record: &AttemptRecord) {
        self.add("configuration", &record.config_name);
        self.add("created", record.created);
        self.add("modified", record.modified);
        if let Some(prepared) = &record.prepared {
            self.about_prepared(prepared);
        }
        if let Some(execution) = &record.execution {
            self.about_execution(execution);
        }
        if record.is_final() {
            self.about_the_end(record);
        }
    }

    fn about_prepared(&mut self, prepared: &Prepared) {
        self.add("starting_execution", prepared.execution);
        self.add("starting_since", prepared.created);
        self.add("starting_at", &prepared.config.name);
        self.add("starting_at_version", &prepared.config.version);
        self.add_some("ends_at_the_latest", prepared.give_up_at);
        if let Some(ending) = &prepared.ending {
            self.add("called_off_status", ending.status().as_str_name());
            self.add("called_off_reason", &ending.reason);
        }
    }

    fn about_execution(&mut self, execution: &ExecutionRecord) {
        self.add("execution", execution.number);
        self.add("execution_state", execution.state.as_str_name());
        self.add("execution_modified", execution.modified);
        self.add("execution_started", execution.started);
        self.add("execution_configuration", &execution.config.name);
        self.add("execution_configuration_version", &execution.config.version);
        self.add_some("deadline", execution.deadline);
        self.add_some("next_status_query", execution.poll_at);
        if execution.polling {
            self.add("status_query_under_way", true);
        }
        if execution.polls > 0 {
            self.add("status_queries_in_stopping", execution.polls);
        }
        self.add_some("last_error", execution.last_error.as_ref());
        if let Some(ending) = &execution.ending {
            self.add("called_off_status", ending.status().as_str_name());
            self.add("called_off_reason", &ending.reason);
        }
        if let Some(Outcome::Abnormal(finish)) = &execution.outcome {
            self.add("execution_status", finish.status().as_str_name());
            self.add("execution_reason", &finish.reason);
        }
    }

    fn about_the_end(&mut self, record: &AttemptRecord) {
        match &record.outcome {
            Some(Outcome::Data(data)) => {
                self.add("result_bytes", data.size);
            }
            Some(Outcome::Abnormal(finish)) => {
                self.add("status", finish.status().as_str_name());
                self.add("reason", &finish.reason);
                if let Some((used, budget)) = retries(record, finish.status()) {
                    self.add("retries_used", used);
                    self.add("retries_allowed", budget);
                }
                self.add_some("culprit", culprit(&finish.reason));
            }
            None => {}
        }
    }

    fn about_others(&mut self, others: &Others) {
        self.add("pending_dependencies", others.pending);
        for Pending { id, state } in &others.shown {
            let state = state.map_or("gone", |state| state.as_str_name());
            self.add("pending_dependency", format_args!("{id} {state}"));
        }
        let mut next = others.first.as_deref();
        while let Some(situation) = next {
            self.add("waits_for", situation.id);
            next = match &situation.surroundings {
                Surroundings::Others(others) => others.first.as_deref(),
                Surroundings::Line(line) => {
                    self.about_the_line(line);
                    None
                }
                Surroundings::Start(tries) => {
                    self.about_tries(*tries);
                    None
                }
                Surroundings::Nothing | Surroundings::Absent(_) => None,
            };
        }
    }

    fn about_the_line(&mut self, line: &Line) {
        if let Some(ahead) = line.ahead {
            self.count("ahead_in_line", ahead);
        }
        match &line.room {
            Ok(room) => {
                self.add("backend", &room.config);
                self.add_some("capacity", room.capacity);
                self.count("unfinished_at_backend", room.unfinished);
            }
            Err(NoRoom::Later(error)) => self.add("configuration_unreadable", error),
            Err(NoRoom::Impossible(error)) => self.add("configuration_error", error),
        }
    }

    fn about_tries(&mut self, tries: Tries) {
        self.add("failed_tries", tries.failed);
        self.add_some("next_try", tries.next);
    }
}

/// Who is at the bottom of a reason that is somebody else's end: the host writes
/// `needs ATTEMPT, which ended STATUS: REASON`, and so on down to what failed.
pub(super) fn culprit(reason: &str) -> Option<AttemptId> {
    let mut found = None;
    let mut rest = reason;
    while let Some((attempt, end)) = rest
        .strip_prefix("needs ")
        .and_then(|rest| rest.split_once(", which ended "))
        && let Ok(attempt) = attempt.parse()
    {
        found = Some(attempt);
        rest = end.split_once(": ").map_or("", |(_, reason)| reason);
    }
    found
}
