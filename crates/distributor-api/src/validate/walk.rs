//! What a `WalkGraphReq` must look like, and what it asks for in typed words.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use distributor_core::{AttemptId, QuestId};
use distributor_host::driver::Dependent;
use distributor_proto::attempt_list::normalize_attempt_list;
use distributor_proto::dm;
use distributor_proto::dm::walk_graph_req as wire;
use distributor_proto::time::duration_to_std;

use super::{execution_auth, limit_data_size};
use crate::status::{Code, Status};

/// How long a walk may take, and takes if nothing is said.
const LONGEST_TIME: Duration = Duration::from_secs(55);

/// A request that is well-formed.
#[derive(Debug)]
pub(crate) struct WalkRequest {
    /// The execution that says to ask.
    pub(crate) auth: Option<Dependent>,
    /// Where to begin; numbers descend, and none means all.
    pub(crate) query: dm::GraphQuery,
    /// Depth before breadth.
    pub(crate) dfs: bool,
    /// Follow edges to what an attempt depends on.
    pub(crate) forwards: bool,
    /// Follow edges to what depends on an attempt.
    pub(crate) backwards: bool,
    /// Edges away from the query; no limit if none.
    pub(crate) max_depth: Option<u64>,
    /// Not zero.
    pub(crate) max_time: Duration,
    /// Sum of the sizes of result objects, in bytes; not zero.
    pub(crate) max_data_size: u32,
    /// What to show.
    pub(crate) include: Include,
    /// What not to show.
    pub(crate) exclude: Exclude,
}

/// What to show.
#[derive(Debug, Default)]
pub(crate) struct Include {
    pub(crate) quest: wire::include::Options,
    pub(crate) attempt: wire::include::Options,
    pub(crate) execution: wire::include::Options,
    pub(crate) num_executions: u32,
    pub(crate) fwd_deps: bool,
    pub(crate) back_deps: bool,
}

/// What not to show.
#[derive(Debug, Default)]
pub(crate) struct Exclude {
    /// Their data.
    quests: HashSet<QuestId>,
    /// Numbers descend, and none means all.
    attempts: HashMap<QuestId, Vec<u32>>,
    /// The same for texts that are no quest ids.
    others: BTreeMap<String, Vec<u32>>,
}

impl Exclude {
    /// The quest's data is not to be shown.
    pub(crate) fn quest(&self, id: QuestId) -> bool {
        self.quests.contains(&id)
    }

    /// None of the quest's attempts is to be visited.
    pub(crate) fn all_attempts(&self, quest: QuestId) -> bool {
        self.attempts.get(&quest).is_some_and(Vec::is_empty)
    }

    /// The attempt is not to be visited.
    pub(crate) fn attempt(&self, id: AttemptId) -> bool {
        let nums = self.attempts.get(&id.quest);
        nums.is_some_and(|nums| covers(nums, id.number))
    }

    /// No attempt of something that is no quest is to be shown.
    pub(crate) fn all_of_other(&self, quest: &str) -> bool {
        self.others.get(quest).is_some_and(Vec::is_empty)
    }

    /// The attempt of something that is no quest is not to be shown.
    pub(crate) fn other(&self, quest: &str, number: u32) -> bool {
        let nums = self.others.get(quest);
        nums.is_some_and(|nums| covers(nums, number))
    }
}

/// Normalized numbers name this one.
fn covers(nums: &[u32], number: u32) -> bool {
    // They descend.
    nums.is_empty() || nums.binary_search_by(|num| number.cmp(num)).is_ok()
}

impl WalkRequest {
    /// Checks a request.
    ///
    /// # Errors
    /// `InvalidArgument` that names the field.
    pub(crate) fn new(request: dm::WalkGraphReq) -> Result<Self, Status> {
        let auth = match &request.auth {
            Some(_) => Some(execution_auth(&request.auth, "auth")?),
            None => None,
        };
        let mut query = request
            .query
            .ok_or_else(|| Status::invalid("query", "required: where the walk begins"))?;
        check_query(&mut query)?;
        let mode = request.mode.unwrap_or_default();
        use wire::mode::Direction;
        let direction = Direction::try_from(mode.direction).map_err(|_| {
            let problem = format!("{} is not known: use 0, 1 or 2", mode.direction);
            Status::invalid("mode.direction", problem)
        })?;
        let limit = request.limit.unwrap_or_default();
        Ok(WalkRequest {
            auth,
            query,
            dfs: mode.dfs,
            forwards: matches!(direction, Direction::Forwards | Direction::Both),
            backwards: matches!(direction, Direction::Backwards | Direction::Both),
            max_depth: max_depth(limit.max_depth)?,
            max_time: max_time(limit.max_time.as_ref())?,
            max_data_size: limit_data_size(limit.max_data_size),
            include: include(request.include.unwrap_or_default())?,
            exclude: exclude(request.exclude.unwrap_or_default())?,
        })
    }
}

fn check_query(query: &mut dm::GraphQuery) -> Result<(), Status> {
    if let Some(list) = &mut query.attempt_list {
        normalize(list, "query.attempt_list")?;
    }
    for (index, range) in query.attempt_range.iter().enumerate() {
        let field = |name| format!("query.attempt_range[{index}].{name}");
        if range.quest.is_empty() {
            return Err(Status::invalid(field("quest"), "required: a quest id"));
        }
        if range.low == 0 {
            return Err(Status::invalid(field("low"), "is 0: use 1 or more"));
        }
        if range.high <= range.low {
            let problem = format!(
                "is {}: use more than low, which is {}",
                range.high, range.low
            );
            return Err(Status::invalid(field("high"), problem));
        }
    }
    for (index, search) in query.search.iter().enumerate() {
        for (name, value) in [("start", &search.start), ("end", &search.end)] {
            use dm::property_value::Value;
            let value = value.as_ref().and_then(|value| value.value.as_ref());
            if !matches!(value, Some(Value::Time(_))) {
                let field = format!("query.search[{index}].{name}");
                return Err(Status::invalid(field, "required: a value of kind time"));
            }
        }
    }
    Ok(())
}

fn normalize(list: &mut dm::AttemptList, field: &str) -> Result<(), Status> {
    normalize_attempt_list(list)
        .map_err(|error| Status::new(Code::InvalidArgument, format!("{field}.{error}")))
}

fn max_depth(max_depth: i64) -> Result<Option<u64>, Status> {
    match u64::try_from(max_depth) {
        Ok(depth) => Ok(Some(depth)),
        Err(_) if max_depth == -1 => Ok(None),
        Err(_) => {
            let problem = format!("is {max_depth}: use -1 for no limit, or 0 and more");
            Err(Status::invalid("limit.max_depth", problem))
        }
    }
}

/// Zero is as good as nothing.
fn max_time(asked: Option<&prost_types::Duration>) -> Result<Duration, Status> {
    let asked = asked.map_or(Ok(Duration::ZERO), duration_to_std);
    let asked = asked.map_err(|error| Status::invalid("limit.max_time", error))?;
    match asked.is_zero() {
        true => Ok(LONGEST_TIME),
        false => Ok(asked.min(LONGEST_TIME)),
    }
}

fn include(include: wire::Include) -> Result<Include, Status> {
    let quest = include.quest.unwrap_or_default();
    let forbidden = [
        ("result", quest.result),
        ("abnormal", quest.abnormal),
        ("expired", quest.expired),
    ];
    for (name, is_set) in forbidden {
        if is_set {
            let field = format!("include.quest.{name}");
            return Err(Status::invalid(
                field,
                "a quest has no such thing: unset it",
            ));
        }
    }
    let mut attempt = include.attempt.unwrap_or_default();
    attempt.data |= attempt.result;
    Ok(Include {
        quest,
        attempt,
        execution: include.execution.unwrap_or_default(),
        num_executions: include.num_executions,
        fwd_deps: include.fwd_deps,
        back_deps: include.back_deps,
    })
}

fn exclude(exclude: wire::Exclude) -> Result<Exclude, Status> {
    let mut attempts = exclude.attempts.unwrap_or_default();
    normalize(&mut attempts, "exclude.attempts")?;
    let mut checked = Exclude {
        // What is no quest id has no data that could be shown.
        quests: exclude.quests.iter().flat_map(|id| id.parse()).collect(),
        ..Exclude::default()
    };
    for (text, nums) in attempts.to {
        match text.parse() {
            Ok(quest) => drop(checked.attempts.insert(quest, nums.nums)),
            Err(_) => drop(checked.others.insert(text, nums.nums)),
        }
    }
    Ok(checked)
}
