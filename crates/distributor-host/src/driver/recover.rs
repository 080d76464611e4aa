//! Beginning from what is stored: after a start, a crash, or a failed commit.
//!
//! Owed calls are in the journal and timers in the records, so there is little to do: count who
//! uses which backend, and ask for news that may have been lost with the former process.

use distributor_core::dm::attempt::State;
use distributor_store::StoreError;
use distributor_store::records::AttemptRecord;

use super::committer::Committer;
use super::lanes::Occupation;
use super::message::Message;
use super::work::Work;
use crate::machine::Event;

impl Committer {
    pub(super) fn recover(&mut self) -> Result<(), StoreError> {
        let (journal, ready) = self.store.high_marks()?;
        self.next_journal = self.next_journal.max(journal);
        self.next_ready = self.next_ready.max(ready);
        self.attempts.clear();
        self.lanes.clear_loads();
        self.count_unfinished()?;
        for name in self.store.ready_config_names()? {
            self.lanes.set_backlog(name.into(), true);
        }
        self.count_tasks()?;
        self.dispatcher.begin_anew();
        self.dispatcher
            .count_notifications(self.store.pending_notifications()?);
        self.trouble = None;
        let _stopped = self.inbox.send(Message::Tick);
        Ok(())
    }

    fn count_unfinished(&mut self) -> Result<(), StoreError> {
        let mut after = 0;
        loop {
            let (records, next) = self.store.unfinished(after, self.settings.batch)?;
            let mut work = Work::new(self.clock.now());
            for record in records {
                let id = record.id;
                self.lanes.change(id, None, Occupation::of(&record));
                if let Some(event) = question(&record) {
                    work.insert(id, Some(record));
                    self.apply_quietly(&mut work, id, event);
                }
            }
            work.seal();
            if !work.batch.is_empty() {
                self.store.commit(&work.batch)?;
            }
            match next {
                Some(next) => after = next,
                None => return Ok(()),
            }
        }
    }
}

/// What makes up for a hint that may have been lost, unless somebody asks already.
fn question(record: &AttemptRecord) -> Option<Event> {
    if let Some(prepared) = &record.prepared {
        let execution = prepared.execution;
        let needed = !prepared.poke || prepared.ending.is_some();
        return needed.then_some(Event::Poke { execution });
    }
    let asking = record.execution.as_ref().is_some_and(|it| it.polling);
    (record.state == State::Executing && !asking).then_some(Event::AskStatus)
}
