//! What a request must look like, checked before anything else (`dm-api.md`, section 5).
//!
//! Each function turns a request into a typed, normalized form, or says which field is wrong and what
//! to do. It refuses to look at what is stored, at callers' rights, and at backends.

mod ensure;
mod execution;
pub(crate) mod walk;

pub(crate) use ensure::{EnsureGraph, Instance, Wanted, ensure_graph_data};
pub(crate) use execution::{activate_execution, execution_auth, finish_attempt};

use crate::walk::limiter::{LARGEST_ANSWER, MOST_BESIDES};

/// Sum of the sizes of the result objects in an answer if the request says nothing, in bytes.
const DEFAULT_DATA_SIZE: u32 = 16 << 20;
/// The largest such sum, in bytes.
const MAX_DATA_SIZE: u32 = 30 << 20;
// The largest results, what is beside them and what is only named fit into one answer.
const _: () = assert!(MAX_DATA_SIZE as usize + MOST_BESIDES + (1 << 19) < LARGEST_ANSWER);

/// The limit that `limit.max_data_size` stands for, in bytes: 0 is 16 MiB, and more than 30 MiB is
/// lowered to that.
pub(crate) fn limit_data_size(asked: u32) -> u32 {
    match asked {
        0 => DEFAULT_DATA_SIZE,
        asked => asked.min(MAX_DATA_SIZE),
    }
}

#[cfg(test)]
mod tests {
    use super::limit_data_size;

    #[test]
    fn the_data_size_has_a_default_and_a_largest_value() {
        for (asked, expected) in [
            (0, 16_777_216),
            (1, 1),
            (31_457_280, 31_457_280),
            (31_457_281, 31_457_280),
            (u32::MAX, 31_457_280),
        ] {
            assert_eq!(limit_data_size(asked), expected);
        }
    }
}
