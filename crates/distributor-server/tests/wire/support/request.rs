//! Short ways to write requests down.

use distributor_core::{AttemptId, QuestId, dm};
use distributor_proto::{normalize_desc, quest_id};
use dm::walk_graph_req as wire;
use dm::walk_graph_req::include::Options;

use super::backend::CONFIG;

/// A quest that differs from others by its name.
pub(crate) fn desc(name: &str) -> dm::quest::Desc {
    dm::quest::Desc {
        distributor_config_name: CONFIG.to_owned(),
        parameters: format!("{{\"name\":{name:?}}}"),
        distributor_parameters: "{}".to_owned(),
        meta: None,
    }
}

pub(crate) fn id_of(desc: &dm::quest::Desc) -> QuestId {
    let mut desc = desc.clone();
    normalize_desc(&mut desc).expect("a description with a normal form");
    quest_id(&desc)
}

pub(crate) fn nums(numbers: &[u32]) -> dm::attempt_list::Nums {
    dm::attempt_list::Nums {
        nums: numbers.to_vec(),
    }
}

/// These attempts, whose quests are not described.
pub(crate) fn raw(attempts: &[AttemptId]) -> dm::AttemptList {
    let mut list = dm::AttemptList::default();
    for attempt in attempts {
        let nums = list.to.entry(attempt.quest.to_string()).or_default();
        nums.nums.push(attempt.number);
    }
    list
}

/// A request for the first attempt of each of these quests.
pub(crate) fn request(quests: &[dm::quest::Desc]) -> dm::EnsureGraphDataReq {
    dm::EnsureGraphDataReq {
        quest: quests.to_vec(),
        quest_attempt: vec![nums(&[1]); quests.len()],
        ..Default::default()
    }
}

/// The same request, with the results.
pub(crate) fn with_results(request: dm::EnsureGraphDataReq) -> dm::EnsureGraphDataReq {
    let include = dm::ensure_graph_data_req::Include {
        attempt: Some(dm::ensure_graph_data_req::include::Options { result: true }),
    };
    dm::EnsureGraphDataReq {
        include: Some(include),
        ..request
    }
}

/// A query for these attempts.
pub(crate) fn list(ids: &[AttemptId]) -> dm::GraphQuery {
    dm::GraphQuery {
        attempt_list: Some(raw(ids)),
        ..Default::default()
    }
}

/// A query for all attempts of a quest.
pub(crate) fn all_of(quest: QuestId) -> dm::GraphQuery {
    let all = (quest.to_string(), Default::default());
    dm::GraphQuery {
        attempt_list: Some(dm::AttemptList { to: [all].into() }),
        ..Default::default()
    }
}

/// A query for `low` up to and without `high`.
pub(crate) fn range(quest: QuestId, low: u32, high: u32) -> dm::GraphQuery {
    dm::GraphQuery {
        attempt_range: vec![dm::graph_query::AttemptRange {
            quest: quest.to_string(),
            low,
            high,
        }],
        ..Default::default()
    }
}

/// A walk that shows what `include` says and follows up to `max_depth` edges.
pub(crate) fn walk(
    query: dm::GraphQuery,
    max_depth: i64,
    include: wire::Include,
) -> dm::WalkGraphReq {
    dm::WalkGraphReq {
        query: Some(query),
        include: Some(include),
        limit: Some(wire::Limit {
            max_depth,
            ..Default::default()
        }),
        ..Default::default()
    }
}

/// Shows nothing.
pub(crate) fn nothing() -> wire::Include {
    wire::Include::default()
}

/// Shows data and results of attempts.
pub(crate) fn results() -> wire::Include {
    let options = Options {
        result: true,
        ..Default::default()
    };
    wire::Include {
        attempt: Some(options),
        ..Default::default()
    }
}

/// Shows all there is, but for ids.
pub(crate) fn everything() -> wire::Include {
    let quest = Options {
        data: true,
        ..Default::default()
    };
    let others = Options {
        result: true,
        abnormal: true,
        expired: true,
        ..quest
    };
    wire::Include {
        quest: Some(quest),
        attempt: Some(others),
        execution: Some(others),
        num_executions: 128,
        fwd_deps: true,
        back_deps: true,
    }
}
