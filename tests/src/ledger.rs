//! A file to which jobs append what they do, and what must be true of it.

use std::collections::{BTreeMap, BTreeSet};

/// A line of the ledger: `start NAME QUEST|N|E` or `end NAME QUEST|N|E`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The job ended; otherwise it started.
    pub end: bool,
    /// The job.
    pub job: String,
    /// Its execution.
    pub execution: String,
}

/// What happened, in order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ledger(pub Vec<Event>);

impl Ledger {
    /// Shell commands of a job that does nothing but take a moment and say so. `folder` holds the
    /// ledger; each line is one append, so that lines do not mix.
    pub fn job(name: &str, work: &str) -> String {
        format!(
            "echo \"start {name} $DISTRIBUTOR_EXECUTION\" >> ledger; {work}; \
             echo \"end {name} $DISTRIBUTOR_EXECUTION\" >> ledger"
        )
    }

    /// Reads it.
    ///
    /// # Panics
    /// At a line of another form.
    pub fn parse(text: &str) -> Self {
        let event = |line: &str| {
            let parts: Vec<&str> = line.split(' ').collect();
            match parts.as_slice() {
                [kind @ ("start" | "end"), job, execution] => Event {
                    end: *kind == "end",
                    job: (*job).to_owned(),
                    execution: (*execution).to_owned(),
                },
                _ => panic!("the ledger has a line {line:?}"),
            }
        };
        Ledger(text.lines().map(event).collect())
    }

    /// No job started while it ran, and no execution started or ended twice.
    ///
    /// # Panics
    /// If that is not so.
    #[track_caller]
    pub fn check_nothing_doubled(&self) {
        let mut running: BTreeMap<&str, &str> = BTreeMap::new();
        let mut seen = BTreeSet::new();
        for event in &self.0 {
            assert!(
                seen.insert((event.end, &event.execution)),
                "twice: {event:?} in {self:#?}"
            );
            if event.end {
                let began = running.remove(event.job.as_str());
                assert_eq!(began, Some(event.execution.as_str()), "{self:#?}");
            } else {
                let other = running.insert(&event.job, &event.execution);
                assert_eq!(other, None, "{event:?} began while it ran: {self:#?}");
            }
        }
    }

    /// How often a job ended.
    pub fn ends(&self, job: &str) -> usize {
        let ends = self.0.iter().filter(|event| event.end && event.job == job);
        ends.count()
    }
}
