//! Short ways to look at answers.

use distributor_core::{AttemptId, QuestId, dm};
use dm::attempt::data::AttemptType;

/// An attempt that the graph holds.
#[track_caller]
pub(crate) fn shown(graph: &dm::GraphData, id: AttemptId) -> &dm::Attempt {
    let quest = graph.quests.get(&id.quest.to_string());
    let attempt = quest.and_then(|quest| quest.attempts.get(&id.number));
    attempt.expect("the attempt is in the answer")
}

/// An attempt that the answer of EnsureGraphData holds.
#[track_caller]
pub(crate) fn shown_in(response: &dm::EnsureGraphDataRsp, id: AttemptId) -> &dm::Attempt {
    shown(response.result.as_ref().expect("a result"), id)
}

/// The attempt's state.
#[track_caller]
pub(crate) fn state(attempt: &dm::Attempt) -> &AttemptType {
    let data = attempt.data.as_ref().expect("the attempt has data");
    data.attempt_type.as_ref().expect("a state")
}

/// The result's object and size.
#[track_caller]
pub(crate) fn result(attempt: &dm::Attempt) -> (&str, u32) {
    match state(attempt) {
        AttemptType::Finished(finished) => {
            let data = finished.data.as_ref().expect("a result");
            (&data.object, data.size)
        }
        other => panic!("not finished: {other:?}"),
    }
}

/// The names of all attempts that the graph holds, sorted.
pub(crate) fn names(graph: &dm::GraphData) -> Vec<AttemptId> {
    let mut names = Vec::new();
    for (quest, shown) in &graph.quests {
        let quest: QuestId = quest.parse().expect("a quest id");
        names.extend(shown.attempts.keys().map(|number| quest.attempt(*number)));
    }
    names.sort_unstable();
    names
}
