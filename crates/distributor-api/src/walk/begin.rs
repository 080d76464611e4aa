//! From a query to the attempts where a walk begins.

use distributor_core::{QuestId, dm};

use super::walker::Walker;
use crate::validate::walk::WalkRequest;

impl Walker<'_> {
    /// Finds the attempts that the query names.
    pub(super) fn begin(&mut self) {
        let request: &WalkRequest = self.request;
        let list = request.query.attempt_list.iter().flat_map(|list| &list.to);
        for (text, nums) in list {
            let has_room = match text.parse() {
                Ok(quest) if nums.nums.is_empty() => self.begin_with_all(quest),
                Ok(quest) => self.begin_with(quest, nums.nums.iter().copied()),
                Err(_) => self.begin_with_other(text, nums.nums.iter().copied()),
            };
            if !has_room || self.must_stop() {
                self.answer.had_more = true;
                return;
            }
        }
        for range in &request.query.attempt_range {
            let numbers = range.low..range.high;
            let has_room = match range.quest.parse() {
                Ok(quest) => self.begin_with(quest, numbers),
                Err(_) => self.begin_with_other(&range.quest, numbers),
            };
            if !has_room || self.must_stop() {
                self.answer.had_more = true;
                return;
            }
        }
    }

    fn begin_with(&mut self, quest: QuestId, mut numbers: impl Iterator<Item = u32>) -> bool {
        // A range may have billions of numbers, and none of them counts.
        self.request.exclude.all_attempts(quest)
            || numbers.all(|number| self.found(quest.attempt(number), 0, false, true))
    }

    fn begin_with_all(&mut self, quest: QuestId) -> bool {
        if !self.nodes.list_other() {
            return false;
        }
        self.answer.name_quest(quest);
        let numbers = self.reads.attempt_numbers(quest).unwrap_or_default();
        let mut newest_first = numbers.into_iter().rev();
        newest_first.all(|number| self.found(quest.attempt(number), 0, false, false))
    }

    /// What is no quest id names nothing that exists.
    fn begin_with_other(&mut self, text: &str, mut numbers: impl Iterator<Item = u32>) -> bool {
        let request = self.request;
        if request.exclude.all_of_other(text) {
            return true;
        }
        if !self.nodes.list_other() || !self.answer.take_other_room(text.len()) {
            return false;
        }
        self.answer.other(text);
        let name_bytes = match request.include.attempt.ids {
            true => text.len(),
            false => 0,
        };
        let absent = dm::Attempt {
            dne: true,
            ..dm::Attempt::default()
        };
        numbers.all(|number| {
            if request.exclude.other(text, number) {
                return true;
            }
            let has_room = self.nodes.list_other() && self.answer.take_other_room(name_bytes);
            if has_room {
                let mut absent = absent.clone();
                if request.include.attempt.ids {
                    absent.id = Some(dm::attempt::Id {
                        quest: text.to_owned(),
                        id: number,
                    });
                }
                self.answer.other(text).attempts.insert(number, absent);
            }
            has_room
        })
    }
}
