//! Short ways to write requests down.

use distributor_core::{AttemptId, QuestId, dm};
use distributor_proto::{normalize_desc, quest_id};

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

/// Attempts of quests that are not described.
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
