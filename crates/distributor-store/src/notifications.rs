//! How many notifications the journal holds, and for whom: what a host limits, counted anew.

use std::collections::BTreeMap;

use distributor_core::ExecutionId;

/// Rows of kind `HandleNotification` about one execution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PendingNotifications {
    /// Which one.
    pub execution: ExecutionId,
    /// How many rows, due or not.
    pub rows: usize,
    /// Length of their payloads together.
    pub bytes: usize,
}

/// Sums up rows, each given by its execution and the length of its payload.
pub(crate) fn sum(
    rows: impl IntoIterator<Item = (ExecutionId, usize)>,
) -> Vec<PendingNotifications> {
    let mut sums: BTreeMap<ExecutionId, (usize, usize)> = BTreeMap::new();
    for (execution, length) in rows {
        let (rows, bytes) = sums.entry(execution).or_default();
        *rows += 1;
        *bytes += length;
    }
    let sums = sums.into_iter();
    sums.map(|(execution, (rows, bytes))| PendingNotifications {
        execution,
        rows,
        bytes,
    })
    .collect()
}
