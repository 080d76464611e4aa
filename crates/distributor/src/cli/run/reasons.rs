//! Reasons of abnormal ends, with attempts called by the names of their jobs. Pure.
//!
//! The host writes `needs ATTEMPT, which ended STATUS: REASON` for what was not run because of
//! something else, and so on down to what failed; people want to know that one.

use distributor_core::AttemptId;

/// A reason that is somebody else's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Blame<'r> {
    /// Whom the job itself needs.
    pub(super) nearest: AttemptId,
    /// Who is the last one that the reason names.
    pub(super) culprit: AttemptId,
    /// How that one ended.
    pub(super) status: &'r str,
    /// Why.
    pub(super) reason: &'r str,
}

/// Takes a reason apart, if it blames somebody else.
pub(super) fn blame(reason: &str) -> Option<Blame<'_>> {
    let mut found: Option<Blame<'_>> = None;
    let mut rest = reason;
    while let Some((culprit, status, reason)) = one(rest) {
        found = Some(Blame {
            nearest: found.map_or(culprit, |found| found.nearest),
            culprit,
            status,
            reason,
        });
        rest = reason;
    }
    found
}

fn one(reason: &str) -> Option<(AttemptId, &str, &str)> {
    let (attempt, rest) = reason
        .strip_prefix("needs ")?
        .split_once(", which ended ")?;
    let (status, reason) = rest.split_once(": ").unwrap_or((rest, ""));
    Some((attempt.parse().ok()?, status, reason))
}

/// The reason for people; `name_of` knows the jobs of the graph.
pub(super) fn readable(reason: &str, name_of: impl Fn(&AttemptId) -> Option<String>) -> String {
    let Some(blame) = blame(reason) else {
        return reason.to_owned();
    };
    let name = |id: &AttemptId| name_of(id).unwrap_or_else(|| id.to_string());
    let nearest = name(&blame.nearest);
    if blame.nearest == blame.culprit {
        return format!("needs {nearest}, which ended {}", blame.status);
    }
    let culprit = name(&blame.culprit);
    format!(
        "needs {nearest}, which did not run because {culprit} ended {}",
        blame.status
    )
}

#[cfg(test)]
mod tests {
    use distributor_core::QuestId;

    use super::*;

    fn check(reason: &str, expected: &str) {
        let name_of = |id: &AttemptId| (id.number == 1).then(|| "compile".to_owned());
        assert_eq!(readable(reason, name_of), expected);
    }

    #[test]
    fn the_culprit_is_called_by_name() {
        let quest = QuestId::from_bytes([7; 32]);
        let (one, two) = (quest.attempt(1), quest.attempt(2));
        check("exit code 1", "exit code 1");
        check("needs money", "needs money");
        check(
            &format!("needs {one}, which ended FAILED: exit code 1: no"),
            "needs compile, which ended FAILED",
        );
        check(
            &format!("needs {two}, which ended CANCELLED: needs {one}, which ended FAILED: x"),
            &format!("needs {two}, which did not run because compile ended FAILED"),
        );
        check(
            &format!("needs {one}, which ended FAILED"),
            "needs compile, which ended FAILED",
        );
    }
}
