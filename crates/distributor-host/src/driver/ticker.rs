//! Wakes the committer when the earliest timer is due.

use std::sync::Arc;

use distributor_core::{Clock, Timestamp};
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::watch;

use super::message::Message;

/// Runs until the committer is gone. After each tick it waits to be told the next due time.
pub(super) async fn tick(
    clock: Arc<dyn Clock>,
    mut next_due: watch::Receiver<Option<Timestamp>>,
    inbox: UnboundedSender<Message>,
) {
    loop {
        let due = *next_due.borrow_and_update();
        let changed = match due {
            None => next_due.changed().await,
            Some(due) => tokio::select! {
                changed = next_due.changed() => changed,
                () = clock.sleep_until(due) => {
                    if inbox.send(Message::Tick).is_err() {
                        return;
                    }
                    next_due.changed().await
                }
            },
        };
        if changed.is_err() {
            return;
        }
    }
}
