//! Which attempts of a dependency are asked for.

use super::error::PhraseError;
use crate::proto::range_item::RangeItem;
use crate::proto::{Range, SparseRange};

/// How many attempts one stage may ask for, all dependencies and copies together.
pub(super) const MOST_ATTEMPTS: u64 = 16_384;

/// How many numbers a sparse range has; at least 1, because an empty one means attempt 1.
///
/// # Errors
/// It is not strictly increasing, or an item is not set.
pub(super) fn count(range: &SparseRange) -> Result<u64, PhraseError> {
    let mut last = 0;
    let mut count: u64 = 0;
    for (index, item) in range.items.iter().enumerate() {
        let (low, high) = ends(item.range_item.as_ref())
            .map_err(|error| error.within(format!("items[{index}]")))?;
        if low <= last {
            let message =
                "malformed SparseRange: numbers begin at 1 and increase from item to item";
            return Err(PhraseError::new(message).within(format!("items[{index}]")));
        }
        last = high;
        count += u64::from(high - low) + 1;
    }
    Ok(count.max(1))
}

/// The numbers, which must be few: [`count`] tells.
///
/// # Errors
/// As for [`count`].
pub(super) fn numbers(range: &SparseRange) -> Result<Vec<u32>, PhraseError> {
    let mut numbers = Vec::new();
    for item in &range.items {
        let (low, high) = ends(item.range_item.as_ref())?;
        numbers.extend(low..=high);
    }
    if numbers.is_empty() {
        numbers.push(1);
    }
    Ok(numbers)
}

fn ends(item: Option<&RangeItem>) -> Result<(u32, u32), PhraseError> {
    match item {
        None => Err(PhraseError::new(
            "unknown SparseRange entry: set `single` or `range`",
        )),
        Some(RangeItem::Single(number)) => Ok((*number, *number)),
        Some(RangeItem::Range(Range { low, high })) if high > low => Ok((*low, *high)),
        Some(RangeItem::Range(Range { low, high })) => Err(PhraseError::new(format!(
            "malformed Range: high ({high}) must be greater than low ({low})"
        ))),
    }
}
