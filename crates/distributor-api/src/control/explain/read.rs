//! Finds out what an explanation rests on. Every read has a bound; blocking.

use distributor_core::dm::attempt::State;
use distributor_core::{AttemptId, DistributorSource, Timestamp};
use distributor_store::records::{AttemptRecord, JournalKind};
use distributor_store::{EdgeCursor, Result, Store};

use super::situation::{
    Absent, Count, Line, NoRoom, Others, Pending, Room, Situation, Surroundings, Tries,
};
use crate::control::collect::contained;

/// Pending attempts that are named.
const SHOWN: usize = 3;
/// Steps from an attempt to what it waits for, and on.
const LONGEST_CHAIN: usize = 8;
/// Places of a line that are looked at.
const LONGEST_LINE: usize = 1000;
/// Records that are read at once.
const PAGE: usize = 500;
/// Pages of unfinished attempts, to see who uses a backend, and of an attempt's dependencies.
const MOST_PAGES: usize = 4;
/// Delayed calls that are looked at.
const MOST_DELAYED: usize = 1000;
/// How often to look again if the attempt changes meanwhile.
const LOOKS: usize = 3;

/// What is known of an attempt, as far as it can be seen at one moment: reads are no transaction, so it
/// looks again if the attempt has changed in between.
pub(super) fn situation(
    store: &dyn Store,
    source: &dyn DistributorSource,
    id: AttemptId,
) -> Result<Situation> {
    let version = |record: Option<&AttemptRecord>| record.map(|it| it.version);
    let mut looks = 1;
    loop {
        let found = look(store, source, id, LONGEST_CHAIN)?;
        let now = one(store, id)?;
        if looks == LOOKS || version(found.record.as_ref()) == version(now.as_ref()) {
            return Ok(found);
        }
        looks += 1;
    }
}

fn look(
    store: &dyn Store,
    source: &dyn DistributorSource,
    id: AttemptId,
    steps: usize,
) -> Result<Situation> {
    let record = one(store, id)?;
    let surroundings = match &record {
        None => Surroundings::Absent(absent(store, id)?),
        Some(record) => match (record.state, &record.prepared) {
            (State::Waiting, _) => Surroundings::Others(others(store, source, record, steps)?),
            (State::Scheduling, Some(_)) => Surroundings::Start(tries(store, record)?),
            (State::Scheduling, None) => Surroundings::Line(line(store, source, record)?),
            (State::Executing | State::Finished | State::AbnormalFinished, _) => {
                Surroundings::Nothing
            }
        },
    };
    Ok(Situation {
        id,
        record,
        surroundings,
    })
}

fn one(store: &dyn Store, id: AttemptId) -> Result<Option<AttemptRecord>> {
    Ok(store.attempts(&[id])?.pop().flatten())
}

fn absent(store: &dyn Store, id: AttemptId) -> Result<Absent> {
    if store.quests(&[id.quest])?.pop().flatten().is_none() {
        return Ok(Absent::Quest);
    }
    let numbers = store.attempt_numbers(id.quest)?;
    Ok(Absent::Attempt {
        others: numbers.len(),
        newest: numbers.last().copied(),
    })
}

fn others(
    store: &dyn Store,
    source: &dyn DistributorSource,
    record: &AttemptRecord,
    steps: usize,
) -> Result<Others> {
    let ids = pending(store, record)?;
    let records = store.attempts(&ids)?;
    let shown = ids.into_iter().zip(records).map(|(id, record)| Pending {
        id,
        state: record.map(|it| it.state),
    });
    let shown: Vec<Pending> = shown.collect();
    let stuck = |it: &&Pending| matches!(it.state, Some(State::Waiting | State::Scheduling));
    let first = shown.iter().find(stuck).or(shown.first());
    let first = match first.filter(|_| steps > 1) {
        Some(first) => Some(Box::new(look(store, source, first.id, steps - 1)?)),
        None => None,
    };
    Ok(Others {
        pending: usize::try_from(record.dependencies.unset()).unwrap_or(usize::MAX),
        shown,
        first,
    })
}

/// The first of those that it was not told the end of.
fn pending(store: &dyn Store, record: &AttemptRecord) -> Result<Vec<AttemptId>> {
    let mut found = Vec::new();
    let mut after = 0;
    for _ in 0..MOST_PAGES {
        let cursor = EdgeCursor {
            attempt: record.id,
            after,
        };
        let page = store.untold_dependencies_of(&[cursor], PAGE)?;
        let page = page.into_iter().next().unwrap_or_default();
        // A former execution may have asked for others.
        let pending = page.edges.iter().filter(|it| {
            it.for_execution == record.current_execution && !record.dependencies.is_set(it.bit)
        });
        found.extend(pending.map(|it| it.dependency).take(SHOWN - found.len()));
        match page.next {
            Some(next) if found.len() < SHOWN => after = next,
            _ => break,
        }
    }
    Ok(found)
}

fn line(store: &dyn Store, source: &dyn DistributorSource, record: &AttemptRecord) -> Result<Line> {
    let line = store.ready(&record.config_name, LONGEST_LINE)?;
    let ahead = match line.iter().position(|id| *id == record.id) {
        Some(number) => Some(Count {
            number,
            or_more: false,
        }),
        None if line.len() == LONGEST_LINE => Some(Count {
            number: LONGEST_LINE,
            or_more: true,
        }),
        None => None,
    };
    let found = contained(|| {
        let config = source.snapshot(&record.config_name)?;
        let capacity = source.distributor(&config)?.capacity();
        Ok((config, capacity))
    });
    let room = match found {
        Ok((config, capacity)) => Ok(Room {
            config: config.name.clone(),
            capacity,
            unfinished: unfinished(store, &config.name, capacity)?,
        }),
        Err(error) if error.is_transient() => Err(NoRoom::Later(error.to_string())),
        Err(error) => Err(NoRoom::Impossible(error.to_string())),
    };
    Ok(Line { ahead, room })
}

/// How many executions are unfinished at a backend; counted no further than to its capacity.
fn unfinished(store: &dyn Store, config: &str, capacity: Option<usize>) -> Result<Count> {
    let mut number = 0;
    let mut after = 0;
    for _ in 0..MOST_PAGES {
        let (records, next) = store.unfinished(after, PAGE)?;
        number += records.iter().filter(|it| uses(it, config)).count();
        let full = capacity.is_some_and(|capacity| number >= capacity);
        match next {
            Some(next) if !full => after = next,
            next => {
                return Ok(Count {
                    number,
                    or_more: next.is_some(),
                });
            }
        }
    }
    Ok(Count {
        number,
        or_more: true,
    })
}

fn uses(record: &AttemptRecord, config: &str) -> bool {
    let prepared = record.prepared.as_ref().map(|it| &it.config);
    let execution = record.execution.as_ref().filter(|it| it.outcome.is_none());
    prepared
        .or(execution.map(|it| &it.config))
        .is_some_and(|it| it.name == config)
}

fn tries(store: &dyn Store, record: &AttemptRecord) -> Result<Tries> {
    let whenever = Timestamp::from_micros(i64::MAX);
    let delayed = store.due_journal(whenever, MOST_DELAYED)?;
    let row = delayed
        .iter()
        .find(|row| row.kind == JournalKind::Run && row.attempt == record.id);
    Ok(row.map_or_else(Tries::default, |row| Tries {
        failed: row.tries,
        next: row.due,
    }))
}
