//! What is said of an attempt that waits for others, or for room. Pure.

use distributor_store::records::AttemptRecord;

use super::sentence::predicate;
use super::situation::{Count, Line, NoRoom, Others, Pending, Room};
use super::words::{count, plural, push, quote};

/// Of whom the backend has room for.
const ROOM_FOR_IT: &str = "it starts once the host, which limits how many are starting and how many are \
                           unfinished in all, gets to it";

pub(super) fn waits(others: &Others) -> String {
    let names = others.shown.iter().map(name_and_state);
    let names: Vec<String> = names.collect();
    let mut text = match (others.pending, names.as_slice()) {
        (0, _) => return "waits for nothing any more and is about to go on".to_owned(),
        (_, []) => {
            return format!(
                "waits for {} whose end it is about to be told",
                plural(others.pending, "attempt")
            );
        }
        (1, [name]) => format!("waits for {name}"),
        (pending, names) => {
            let more = match pending.saturating_sub(names.len()) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            format!("waits for {pending} attempts, {}{more}", names.join(", "))
        }
    };
    if let Some(first) = &others.first {
        let about = match others.pending {
            1 => "which".to_owned(),
            _ => format!("of which {}", first.id),
        };
        let predicate = match &first.record {
            Some(record) if record.is_final() => {
                "has ended, and which it is about to be told".to_owned()
            }
            _ => predicate(first),
        };
        push(&mut text, format_args!(", {about} {predicate}"));
    } else if !others.shown.is_empty() {
        text.push_str(", and so on");
    }
    text
}

pub(super) fn asked_by(record: &AttemptRecord) -> String {
    match record.current_execution {
        0 => "; it was created with this need".to_owned(),
        number => format!("; its execution {number} asked for that and has ended"),
    }
}

pub(super) fn stands_in(line: &Line, name: &str) -> String {
    let room = match &line.room {
        Err(NoRoom::Impossible(error)) => {
            return format!(
                "cannot start, because configuration \"{name}\" cannot be used now: {}",
                quote(error)
            );
        }
        Err(NoRoom::Later(error)) => {
            return format!(
                "cannot start for the moment, because configuration \"{name}\" cannot be read: {}",
                quote(error)
            );
        }
        Ok(room) => backend(room, name),
    };
    match line.ahead {
        None => format!("is about to be started at {room}"),
        Some(Count {
            number: 0,
            or_more: false,
        }) => format!("is next in line at {room}"),
        Some(ahead) => {
            let others = match (ahead.number, ahead.or_more) {
                (1, false) => "1 other".to_owned(),
                _ => format!("{} others", count(ahead)),
            };
            format!("is queued behind {others} at {room}")
        }
    }
}

pub(super) fn about_the_line(line: &Line) -> String {
    let room = match &line.room {
        Err(NoRoom::Impossible(_)) => {
            return "; unless that is put right before its turn comes, it ends as REJECTED: then correct \
                    the configuration and ask for another attempt"
                .to_owned();
        }
        Err(NoRoom::Later(_)) => return "; the host tries again every second".to_owned(),
        Ok(room) => room,
    };
    match room.capacity {
        Some(capacity) if room.unfinished.number >= capacity => {
            ", all of which are taken".to_owned()
        }
        Some(_) => format!(
            ", of which {} are taken: {ROOM_FOR_IT}",
            count(room.unfinished)
        ),
        None => format!(
            ", where {} executions are unfinished: {ROOM_FOR_IT}",
            count(room.unfinished)
        ),
    }
}

fn name_and_state(pending: &Pending) -> String {
    match pending.state {
        Some(state) => format!("{} ({})", pending.id, state.as_str_name()),
        None => format!("{} (gone)", pending.id),
    }
}

fn backend(room: &Room, name: &str) -> String {
    let slots = match room.capacity {
        Some(capacity) => plural(capacity, "slot"),
        None => "no limit of its own".to_owned(),
    };
    match room.config == name {
        true => format!("configuration \"{name}\" ({slots})"),
        false => format!(
            "configuration \"{name}\" (now \"{}\", {slots})",
            room.config
        ),
    }
}
