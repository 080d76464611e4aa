//! One suite for every store: plain functions, each on an empty store of its own.
//!
//! [`store_suite!`](crate::store_suite) makes a test of each. It refuses to know how a store is
//! made, and what is special about one.

mod collecting;
mod committing;
mod dependencies;
mod fixtures;
mod journaling;
mod notifications;
mod outcomes;
mod queueing;
mod reading;
mod waiting;

pub use collecting::*;
pub use committing::*;
pub use dependencies::*;
pub use journaling::*;
pub use notifications::*;
pub use outcomes::*;
pub use queueing::*;
pub use reading::*;
pub use waiting::*;

/// Samples of records, for tests that are special to one store.
pub mod samples {
    pub use super::fixtures::{attempt, full_attempt, moment, quest, snapshot, task};
}

/// Makes a `#[test]` of each case of the suite. The argument is an expression that gives, each
/// time, an empty store and something to keep as long as the store, say its directory.
///
/// ```ignore
/// mod suite {
///     distributor_store::store_suite!((MyStore::new(), ()));
/// }
/// ```
#[macro_export]
macro_rules! store_suite {
    ($store:expr) => {
        $crate::store_suite! {
            @cases $store;
            an_empty_batch_changes_nothing
            a_quest_comes_back_as_it_was
            a_known_quest_changes_built_by_alone
            an_attempt_comes_back_as_it_was
            every_commit_of_an_attempt_counts_its_version
            a_version_that_is_not_the_stored_one_conflicts
            one_attempt_twice_in_a_batch_needs_consecutive_versions
            a_batch_with_a_conflict_writes_nothing
            what_a_batch_refers_to_must_exist
            many_quests_in_many_commits_are_all_found
            reads_see_every_commit_that_returned
            a_small_outcome_comes_back
            a_large_outcome_comes_back_whatever_was_before
            a_large_outcome_stays_while_the_rest_changes
            lists_come_in_the_order_of_their_keys
            quests_are_found_by_the_start_of_their_text
            attempt_numbers_ascend
            t10_numbers_up_to_u32_max_come_back
            executions_come_newest_first
            a_past_execution_is_replaced
            unfinished_attempts_are_paged_in_a_fixed_order
            a_listing_is_newest_first
            attempts_are_counted_by_state
            dependencies_come_in_the_order_of_bits
            a_dependency_is_replaced
            untold_dependents_come_oldest_first
            edges_of_many_attempts_come_in_the_order_of_their_keys
            untold_edges_are_paged_from_both_ends
            known_dependencies_are_told_from_others
            ready_attempts_come_in_order_for_each_configuration
            configurations_are_listed_once
            due_attempts_come_earliest_first
            next_due_is_the_earliest_of_both
            journal_rows_come_back_as_they_were
            journal_rows_are_read_in_the_order_of_ids
            a_delayed_row_is_found_when_due
            a_done_row_is_gone
            a_journal_id_is_not_taken_twice
            high_marks_outlive_the_rows
            pending_notifications_are_counted_by_execution
            journal_rows_are_found_by_id
            queued_tasks_come_back_as_they_were
            due_tasks_come_earliest_first
            a_changed_task_is_what_it_was_changed_to
            a_done_task_is_gone
            the_queue_is_listed_newest_first
            a_task_id_is_not_taken_twice
            high_marks_outlive_the_tasks
            old_final_attempts_are_collected
            what_an_unfinished_attempt_needs_is_kept
            what_the_journal_owes_is_kept
            a_quest_goes_with_its_last_attempt
            all_of_an_attempt_is_collected
            a_collected_attempt_can_be_made_again
            many_attempts_are_collected
        }
    };
    (@cases $store:expr; $($case:ident)*) => {$(
        #[test]
        fn $case() {
            let (store, _kept) = $store;
            $crate::suite::$case(&store);
        }
    )*};
}
