//! `queue`: the tasks that backends have sent to themselves, and what becomes of their dead letters.
//!
//! What a backend has written into a task is not shown: it may hold secrets.

use std::collections::BTreeSet;

use clap::{Args, Subcommand};
use distributor_core::{Clock, SystemClock, Timestamp};
use distributor_proto::control;
use distributor_store::{Batch, QueueChange, QueueState, QueuedTask, Store, StoreError};
use serde_json::{Value, json};

use super::args::{Global, Json, at_least_one, with_exit_codes};
use super::exit::{Exit, Failure};
use super::output;
use super::place::Place;
use super::table::{Cell, Table};

/// Tasks that are read or changed at once.
const STEP: usize = 500;

/// Arguments of `queue`.
#[derive(Debug, Args)]
#[command(after_long_help = with_exit_codes(HELP))]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

const HELP: &str = "\
A task that fails again and again becomes a dead letter: it is kept, and waits for somebody to replay
it, when the reason is gone, or to discard it.

Examples:
  distributor queue list --dead
  distributor queue replay 17 --server http://127.0.0.1:8650
  distributor queue replay --all
  distributor queue discard 17

With --json, list gives {\"pending\", \"dead\", \"bytes\", \"tasks\": [{\"id\", \"distributor\", \"version\",
\"bytes\", \"created\", \"due\", \"tries\", \"error\"}], \"more\"}; replay and discard give {\"done\",
\"not_dead\", \"not_found\"}.";

/// What to do with the queue.
#[derive(Debug, Subcommand)]
enum Command {
    /// List the tasks that are to be delivered, or the dead letters
    ///
    /// Works while another process uses the state directory.
    List {
        /// List the dead letters
        #[arg(long)]
        dead: bool,
        /// List at most N tasks, newest first
        #[arg(long, short = 'n', value_name = "N", default_value = "50", value_parser = at_least_one)]
        limit: usize,
        #[command(flatten)]
        json: Json,
    },
    /// Deliver dead letters again, as if they had not been tried
    ///
    /// At a service at once; in a state directory with the next `run` or `serve`.
    Replay {
        /// Dead letters
        #[arg(value_name = "ID", required_unless_present = "all")]
        ids: Vec<u64>,
        /// All of them
        #[arg(long, conflicts_with = "ids")]
        all: bool,
        #[command(flatten)]
        json: Json,
    },
    /// Remove dead letters for good
    Discard {
        /// Dead letters
        #[arg(value_name = "ID", required = true)]
        ids: Vec<u64>,
        #[command(flatten)]
        json: Json,
    },
}

/// What is to become of dead letters.
#[derive(Debug, Clone, Copy)]
enum Order<'a> {
    Replay(&'a [u64]),
    ReplayAll,
    Discard(&'a [u64]),
}

/// What became of them.
#[derive(Debug, Default)]
struct Done {
    count: u64,
    not_dead: Vec<u64>,
    not_found: Vec<u64>,
}

pub(super) fn queue(global: &Global, arguments: &Arguments) -> Result<Exit, Failure> {
    let place = Place::of_service(global)?;
    let (order, json) = match &arguments.command {
        Command::List { dead, limit, json } => return list(&place, *dead, *limit, *json),
        Command::Replay {
            all: true, json, ..
        } => (Order::ReplayAll, json),
        Command::Replay { ids, json, .. } => (Order::Replay(ids), json),
        Command::Discard { ids, json } => (Order::Discard(ids), json),
    };
    let done = match &place.remote {
        Some(_) => carry_out_there(&place, order)?,
        None => carry_out_here(&place, order)?,
    };
    if json.json {
        output::json(&place.origin().with(json!({
            "done": done.count,
            "not_dead": done.not_dead,
            "not_found": done.not_found,
        })))?;
    } else {
        let what = match order {
            Order::Replay(_) | Order::ReplayAll => "replayed",
            Order::Discard(_) => "discarded",
        };
        output::line(format_args!("{what} {} dead letters", done.count))?;
    }
    for id in &done.not_dead {
        output::note(format_args!(
            "task {id} is no dead letter: it was left alone"
        ));
    }
    for id in &done.not_found {
        output::note(format_args!(
            "there is no task {id}; `distributor queue list --dead{}` lists the dead letters",
            place.hint()
        ));
    }
    match done.not_dead.is_empty() && done.not_found.is_empty() {
        true => Ok(Exit::Finished),
        false => Ok(Exit::BadInput),
    }
}

/// A line of the list, from a store or from a service.
#[derive(Debug)]
struct Line {
    id: u64,
    distributor: String,
    version: String,
    bytes: u64,
    created: Timestamp,
    due: Timestamp,
    tries: u32,
    error: Option<String>,
}

fn list(place: &Place, dead: bool, limit: usize, json: Json) -> Result<Exit, Failure> {
    let (counts, lines, more) = match &place.remote {
        Some(_) => list_there(place, dead, limit)?,
        None => list_here(place, dead, limit)?,
    };
    let [pending, dead_letters, bytes] = counts;
    if json.json {
        let tasks: Vec<Value> = lines.iter().map(Line::json).collect();
        output::json(&place.origin().with(json!({
            "pending": pending,
            "dead": dead_letters,
            "bytes": bytes,
            "tasks": tasks,
            "more": more,
        })))?;
        return Ok(Exit::Finished);
    }
    let mut text = format!("PENDING {pending}  DEAD {dead_letters}\n");
    if !lines.is_empty() {
        let due = if dead { "FAILED" } else { "DUE" };
        let mut table = Table::new(&["TASK", "DISTRIBUTOR", "BYTES", due, "TRIES", "ERROR"]);
        for line in &lines {
            table.row([
                Cell::plain(line.id.to_string()),
                Cell::plain(&line.distributor),
                Cell::plain(line.bytes.to_string()),
                Cell::plain(line.due.to_string()),
                Cell::plain(line.tries.to_string()),
                Cell::plain(line.error.as_deref().unwrap_or_default()),
            ]);
        }
        text.push('\n');
        text.push_str(&table.render(output::colours()));
    }
    output::data(|out| out.write_all(text.as_bytes()).or_else(output::noticed))?;
    if more {
        output::note(format_args!(
            "there are more; `--limit N` lists more than {limit}"
        ));
    }
    Ok(Exit::Finished)
}

impl Line {
    fn json(&self) -> Value {
        json!({
            "id": self.id,
            "distributor": self.distributor,
            "version": self.version,
            "bytes": self.bytes,
            "created": self.created.to_string(),
            "due": self.due.to_string(),
            "tries": self.tries,
            "error": self.error,
        })
    }
}

impl From<QueuedTask> for Line {
    fn from(task: QueuedTask) -> Self {
        Line {
            id: task.id,
            distributor: task.config.name.clone(),
            version: task.config.version.clone(),
            bytes: task.size,
            created: task.created,
            due: task.due,
            tries: task.tries,
            error: task.last_error,
        }
    }
}

impl From<control::list_queue_response::Task> for Line {
    fn from(task: control::list_queue_response::Task) -> Self {
        let time = |time| Timestamp::from_proto(&Option::unwrap_or_default(time));
        Line {
            id: task.id,
            distributor: task.config_name,
            version: task.config_version,
            bytes: task.size,
            created: time(task.created),
            due: time(task.due),
            tries: task.tries,
            error: (!task.last_error.is_empty()).then_some(task.last_error),
        }
    }
}

type Listed = ([u64; 3], Vec<Line>, bool);

fn list_here(place: &Place, dead: bool, limit: usize) -> Result<Listed, Failure> {
    let store = place.read()?;
    let state = match dead {
        true => QueueState::Dead,
        false => QueueState::Pending,
    };
    let counts = store.queue_counts()?;
    let mut lines = Vec::new();
    let mut next = None;
    while lines.len() < limit {
        let page = store.list_queue(state, next, (limit - lines.len()).min(STEP))?;
        lines.extend(page.tasks.into_iter().map(Line::from));
        next = page.next;
        if next.is_none() {
            break;
        }
    }
    let counts = [counts.pending, counts.dead, counts.bytes];
    Ok((counts, lines, next.is_some()))
}

fn list_there(place: &Place, dead: bool, limit: usize) -> Result<Listed, Failure> {
    let mut lines = Vec::new();
    let mut page_token = String::new();
    loop {
        let wanted = (limit - lines.len()).min(STEP);
        let page = remote(place)?.list_queue(control::ListQueueRequest {
            dead,
            page_size: u32::try_from(wanted).unwrap_or(u32::MAX),
            page_token,
        })?;
        lines.extend(page.tasks.into_iter().map(Line::from));
        page_token = page.next_page_token;
        if page_token.is_empty() || lines.len() >= limit {
            let counts = [page.pending, page.dead, page.bytes];
            return Ok((counts, lines, !page_token.is_empty()));
        }
    }
}

fn remote(place: &Place) -> Result<&super::remote::Remote, Failure> {
    let remote = place.remote.as_ref();
    remote.ok_or_else(|| Failure::Internal("no service was named".to_owned()))
}

fn carry_out_there(place: &Place, order: Order<'_>) -> Result<Done, Failure> {
    let remote = remote(place)?;
    match order {
        Order::Replay(ids) => replay_there(remote, ids.to_vec(), false),
        Order::ReplayAll => replay_there(remote, Vec::new(), true),
        Order::Discard(ids) => {
            let done = remote.discard_queue(ids.to_vec())?;
            Ok(Done {
                count: done.discarded,
                not_dead: done.not_dead,
                not_found: done.not_found,
            })
        }
    }
}

fn replay_there(
    remote: &super::remote::Remote,
    ids: Vec<u64>,
    all_dead: bool,
) -> Result<Done, Failure> {
    let done = remote.replay_queue(control::ReplayQueueRequest { ids, all_dead })?;
    Ok(Done {
        count: done.replayed,
        not_dead: done.not_dead,
        not_found: done.not_found,
    })
}

fn carry_out_here(place: &Place, order: Order<'_>) -> Result<Done, Failure> {
    // Opened for reading first: what is not there must not be made.
    drop(place.read()?);
    let store = place.write();
    if let Err(Failure::Store(StoreError::InUse { .. })) = &store {
        output::note("a service that works with this state can do it: name it with --server");
    }
    let store = store?;
    let now = SystemClock.now();
    let mut done = Done::default();
    match order {
        Order::Replay(ids) | Order::Discard(ids) => {
            let discard = matches!(order, Order::Discard(_));
            let mut dead = Vec::new();
            for id in ids.iter().copied().collect::<BTreeSet<_>>() {
                if find(&store, QueueState::Dead, id)? {
                    dead.push(id);
                } else if find(&store, QueueState::Pending, id)? {
                    done.not_dead.push(id);
                } else {
                    done.not_found.push(id);
                }
            }
            done.count = dead.len() as u64;
            store.commit(&match discard {
                true => Batch {
                    queue_done: dead,
                    ..Batch::default()
                },
                false => replayed(dead, now),
            })?;
        }
        Order::ReplayAll => loop {
            // What is replayed is no dead letter any more, so the first page is always the next one.
            let page = store.list_queue(QueueState::Dead, None, STEP)?;
            if page.tasks.is_empty() {
                break;
            }
            let ids: Vec<u64> = page.tasks.iter().map(|task| task.id).collect();
            done.count += ids.len() as u64;
            store.commit(&replayed(ids, now))?;
        },
    }
    Ok(done)
}

/// Without its body, which may be large.
fn find(store: &dyn Store, state: QueueState, id: u64) -> Result<bool, Failure> {
    let page = store.list_queue(state, id.checked_add(1), 1)?;
    Ok(page.tasks.iter().any(|task| task.id == id))
}

fn replayed(ids: Vec<u64>, now: Timestamp) -> Batch {
    let changes = ids.into_iter().map(|id| QueueChange {
        id,
        state: QueueState::Pending,
        due: now,
        tries: 0,
        last_error: None,
    });
    Batch {
        queue_changed: changes.collect(),
        ..Batch::default()
    }
}
