//! `dm.EnsureGraphDataReq`.

use std::fmt;

use distributor_core::{AttemptId, QuestId};
use distributor_host::driver::{Dependent, NewAttempt};
use distributor_proto::attempt_list::normalize_nums;
use distributor_proto::dm::attempt_list::Nums;
use distributor_proto::templateproto::Specifier;
use distributor_proto::{dm, normalize_desc};

use super::{execution_auth, limit_data_size};
use crate::status::{Code, Status};
use crate::templates::normalize_value;

/// Attempts that one request may name, each mention counted: they are made in one transaction.
const MAX_ATTEMPTS: usize = 65_536;
/// What the attempts of one request may wait for, in all: each attempt waits for each of its entry.
const MAX_NEEDS: usize = 262_144;

/// What a client wants to exist.
#[derive(Debug)]
pub(crate) struct EnsureGraph {
    /// Quests by description, normalized.
    pub(crate) quests: Vec<Wanted<dm::quest::Desc>>,
    /// Quests by template.
    pub(crate) templates: Vec<Wanted<Instance>>,
    /// Attempts of quests that exist or are in this request.
    pub(crate) raw_attempts: Vec<AttemptId>,
    /// The execution that shall depend on all of them.
    pub(crate) for_execution: Option<Dependent>,
    /// The answer holds result objects.
    pub(crate) include_result: bool,
    /// Sum of the sizes of the result objects in the answer, in bytes; not 0.
    pub(crate) max_data_size: u32,
}

/// A quest, described somehow, and its attempts.
#[derive(Debug)]
pub(crate) struct Wanted<T> {
    /// The quest.
    pub(crate) what: T,
    /// Its attempts, at least one.
    pub(crate) attempts: Vec<NewAttempt>,
}

/// A template and the values of its parameters, normalized.
#[derive(Debug)]
pub(crate) struct Instance {
    /// Whose template.
    pub(crate) project: String,
    /// Which one, and the values.
    pub(crate) specifier: Specifier,
}

/// How much more the request may name.
struct Room {
    attempts: usize,
    needs: usize,
}

/// Checks `dm.EnsureGraphDataReq`.
pub(crate) fn ensure_graph_data(request: dm::EnsureGraphDataReq) -> Result<EnsureGraph, Status> {
    check_lengths(&request)?;
    let for_execution = match &request.for_execution {
        None => None,
        auth => Some(execution_auth(auth, "for_execution")?),
    };
    let room = &mut Room {
        attempts: MAX_ATTEMPTS,
        needs: MAX_NEEDS,
    };
    let raw = request.raw_attempts.unwrap_or_default();
    let raw_attempts = attempts_of(raw, &"raw_attempts", &mut room.attempts)?;
    if request.quest.is_empty() && request.template_quest.is_empty() && raw_attempts.is_empty() {
        let problem = "nothing is asked for: give quest, template_quest or raw_attempts";
        return Err(Status::new(Code::InvalidArgument, problem));
    }

    let mut all_needs = request.quest_needs.into_iter();
    let mut quests = Vec::with_capacity(request.quest.len());
    let entries = request.quest.into_iter().zip(request.quest_attempt);
    for (index, (mut what, nums)) in entries.enumerate() {
        let numbers = numbers(nums, &format_args!("quest_attempt[{index}]"), room)?;
        let needs = all_needs.next().unwrap_or_default();
        let needs = needs_of(needs, index, numbers.len(), room)?;
        normalize_desc(&mut what).map_err(|error| {
            Status::new(Code::InvalidArgument, format!("quest[{index}].{error}"))
        })?;
        let attempts = new_attempts(numbers, &needs);
        quests.push(Wanted { what, attempts });
    }

    let mut templates = Vec::with_capacity(request.template_quest.len());
    let entries = request.template_quest.into_iter();
    for (index, (what, nums)) in entries.zip(request.template_attempt).enumerate() {
        let numbers = numbers(nums, &format_args!("template_attempt[{index}]"), room)?;
        let what = instance(what, &format!("template_quest[{index}]"))?;
        let attempts = new_attempts(numbers, &[]);
        templates.push(Wanted { what, attempts });
    }

    let include = request.include.unwrap_or_default();
    Ok(EnsureGraph {
        quests,
        templates,
        raw_attempts,
        for_execution,
        include_result: include.attempt.unwrap_or_default().result,
        max_data_size: limit_data_size(request.limit.unwrap_or_default().max_data_size),
    })
}

fn check_lengths(request: &dm::EnsureGraphDataReq) -> Result<(), Status> {
    let quests = request.quest.len();
    for (name, found, list, expected, may_be_empty) in [
        (
            "quest_attempt",
            request.quest_attempt.len(),
            "quest",
            quests,
            false,
        ),
        (
            "quest_needs",
            request.quest_needs.len(),
            "quest",
            quests,
            true,
        ),
        (
            "template_attempt",
            request.template_attempt.len(),
            "template_quest",
            request.template_quest.len(),
            false,
        ),
    ] {
        if found != expected && !(may_be_empty && found == 0) {
            let problem = format!(
                "mismatched {name} v. {list} lengths: {found} v. {expected}; \
                 give one entry of {name} for each of {list}"
            );
            return Err(Status::new(Code::InvalidArgument, problem));
        }
    }
    Ok(())
}

/// The numbers of an entry, normalized.
fn numbers(nums: Nums, field: &dyn fmt::Display, room: &mut Room) -> Result<Vec<u32>, Status> {
    let numbers = some_numbers(nums, field)?;
    take(&mut room.attempts, numbers.len(), field)?;
    Ok(numbers)
}

/// What each of `count` attempts of an entry waits for.
fn needs_of(
    needs: dm::AttemptList,
    index: usize,
    count: usize,
    room: &mut Room,
) -> Result<Vec<AttemptId>, Status> {
    let field = format_args!("quest_needs[{index}]");
    let mut left = room.needs / count.max(1);
    let needs = attempts_of(needs, &field, &mut left)?;
    room.needs = room.needs.saturating_sub(needs.len() * count);
    Ok(needs)
}

/// The attempts of a list, no more than `room`; each quest of the list has at least one.
fn attempts_of(
    list: dm::AttemptList,
    field: &dyn fmt::Display,
    room: &mut usize,
) -> Result<Vec<AttemptId>, Status> {
    let mut attempts = Vec::new();
    for (quest, nums) in list.to {
        let id: QuestId = quest.parse().map_err(|error| {
            let absent = format_args!("cannot create attempts for absent quest {quest:?}: {error}");
            Status::invalid(format_args!("{field}.to"), absent)
        })?;
        let field = format_args!("{field}.to[{quest:?}]");
        let numbers = some_numbers(nums, &field)?;
        take(room, numbers.len(), &field)?;
        attempts.extend(numbers.into_iter().map(|number| id.attempt(number)));
    }
    Ok(attempts)
}

/// Nothing, and a single 0, mean all attempts elsewhere, but here they must be named.
fn some_numbers(mut nums: Nums, field: &dyn fmt::Display) -> Result<Vec<u32>, Status> {
    normalize_nums(&mut nums)
        .map_err(|error| Status::invalid(format_args!("{field}.nums"), error))?;
    if nums.nums.is_empty() {
        let problem = "is empty: name the attempts, from 1";
        return Err(Status::invalid(format_args!("{field}.nums"), problem));
    }
    Ok(nums.nums)
}

fn take(room: &mut usize, count: usize, field: &dyn fmt::Display) -> Result<(), Status> {
    match room.checked_sub(count) {
        Some(left) => {
            *room = left;
            Ok(())
        }
        None => {
            let problem = format_args!(
                "too many attempts: one request names at most {MAX_ATTEMPTS}, which wait for at most \
                 {MAX_NEEDS} in all; send several requests"
            );
            Err(Status::invalid(field, problem))
        }
    }
}

fn new_attempts(numbers: Vec<u32>, needs: &[AttemptId]) -> Vec<NewAttempt> {
    let attempts = numbers.into_iter().map(|number| NewAttempt {
        number,
        needs: needs.to_vec(),
    });
    attempts.collect()
}

fn instance(template: dm::TemplateInstantiation, field: &str) -> Result<Instance, Status> {
    if template.project.is_empty() {
        let problem = "is empty: name the project that has the template";
        return Err(Status::invalid(format_args!("{field}.project"), problem));
    }
    let mut specifier = template.specifier.unwrap_or_default();
    if specifier.template_name.is_empty() {
        let problem = "is empty: name the template";
        let field = format_args!("{field}.specifier.template_name");
        return Err(Status::invalid(field, problem));
    }
    for (name, value) in &mut specifier.params {
        let field = format_args!("{field}.specifier.params[{name:?}]");
        if name.is_empty() {
            return Err(Status::invalid(field, "has no name: name the parameter"));
        }
        normalize_value(value).map_err(|problem| Status::invalid(field, problem))?;
    }
    Ok(Instance {
        project: template.project,
        specifier,
    })
}
