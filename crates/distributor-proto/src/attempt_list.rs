//! The normal form of attempt numbers: [`normalize_nums`].

use crate::dm;

/// Numbers of attempts that have no normal form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("0 means all attempts: give it alone or leave it out")]
pub struct NumsError;

/// An attempt list that has no normal form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("to[{quest:?}].nums: {source}")]
pub struct AttemptListError {
    /// The key of the bad entry.
    pub quest: String,
    /// What is wrong with it.
    #[source]
    pub source: NumsError,
}

/// Sorts the numbers in descending order and removes duplicates. Nothing but
/// zeros means all attempts, like an empty list, and becomes one.
///
/// # Errors
///
/// There is a 0 among other numbers. Then nothing is changed.
pub fn normalize_nums(nums: &mut dm::attempt_list::Nums) -> Result<(), NumsError> {
    let nums = &mut nums.nums;
    if nums.contains(&0) {
        if nums.iter().any(|&number| number != 0) {
            return Err(NumsError);
        }
        nums.clear();
    }
    nums.sort_unstable_by(|left, right| right.cmp(left));
    nums.dedup();
    Ok(())
}

/// Normalizes the numbers of every quest of the list.
///
/// # Errors
///
/// The first quest whose numbers have no normal form.
pub fn normalize_attempt_list(list: &mut dm::AttemptList) -> Result<(), AttemptListError> {
    for (quest, nums) in &mut list.to {
        normalize_nums(nums).map_err(|source| AttemptListError {
            quest: quest.clone(),
            source,
        })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normalized(nums: &[u32]) -> Result<Vec<u32>, NumsError> {
        let mut message = dm::attempt_list::Nums {
            nums: nums.to_vec(),
        };
        normalize_nums(&mut message).map(|()| message.nums)
    }

    #[test]
    fn numbers_become_descending_and_unique() {
        for (nums, expected) in [
            (&[][..], &[][..]),
            (&[0], &[]),
            (&[0, 0], &[]),
            (&[1], &[1]),
            (&[700, 2, 7, 90, 1, 1, 700], &[700, 90, 7, 2, 1]),
            (&[1, u32::MAX], &[u32::MAX, 1]),
        ] {
            assert_eq!(normalized(nums), Ok(expected.to_vec()), "{nums:?}");
        }
    }

    #[test]
    fn zero_among_others_is_refused() {
        for nums in [&[0, 1][..], &[5, 0, 5]] {
            assert_eq!(normalized(nums), Err(NumsError), "{nums:?}");
        }
    }

    #[test]
    fn a_list_names_the_bad_quest() {
        let mut list = dm::AttemptList::default();
        let nums = |nums: &[u32]| dm::attempt_list::Nums {
            nums: nums.to_vec(),
        };
        list.to.insert("good".to_owned(), nums(&[1, 2, 1]));
        assert_eq!(normalize_attempt_list(&mut list), Ok(()));
        assert_eq!(list.to["good"], nums(&[2, 1]));

        list.to.insert("bad".to_owned(), nums(&[0, 1]));
        let message = normalize_attempt_list(&mut list).map_err(|error| error.to_string());
        assert_eq!(
            message,
            Err("to[\"bad\"].nums: 0 means all attempts: give it alone or leave it out".to_owned())
        );
    }
}
