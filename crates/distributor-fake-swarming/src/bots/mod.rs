//! The bots: let what is due happen, and run what is to be run for real.

mod process;
mod workspace;

use std::sync::Arc;

use tokio::task::JoinSet;

use crate::clock::{Micros, SECOND};
use crate::shared::Shared;

pub(crate) use workspace::{clean_up, output_file};

/// Works until it is dropped; then everything that runs is killed.
pub(crate) async fn run(shared: Arc<Shared>) {
    let clock = shared.clock();
    let mut processes = JoinSet::new();
    loop {
        let next = match let_happen(&shared, &mut processes) {
            Ok(next) => next,
            Err(error) => {
                tracing::error!("cannot store what the bots did, so they try again: {error}");
                clock.now().saturating_add(SECOND)
            }
        };
        tokio::select! {
            () = shared.bots_wanted() => {}
            () = clock.sleep_until(next) => {}
            Some(_ended) = processes.join_next() => {}
        }
    }
}

/// Lets happen all that is due, and says when there is more.
fn let_happen(
    shared: &Arc<Shared>,
    processes: &mut JoinSet<()>,
) -> Result<Micros, crate::store::StoreError> {
    loop {
        let (nothing, started) = shared.step(|model, now| {
            let change = model.step(now);
            (change.is_empty(), change)
        })?;
        for id in started {
            processes.spawn(process::run(shared.clone(), id));
        }
        if nothing {
            let next = shared.lock().model.next_timer();
            return Ok(next.unwrap_or(Micros::MAX));
        }
    }
}
