//! Tasks that are faster than the record of their start: they claim an execution whose `run` has not
//! been recorded as answered.
//!
//! The machine says [`Refusal::NotSettled`], and a client would come back only after a pause. So the
//! call waits here, and is made again in the batch that settles the execution, or says that there will
//! be none. Only who shows the right activation token waits. It refuses to outlive the caller, a
//! failure of the store or the host, and to hold more than [`MOST_EARLY`]: whoever waits holds one of
//! the host's places for clients, and others need theirs.

use std::collections::HashMap;
use std::time::Duration;

use distributor_core::{AttemptId, Clock};
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::oneshot;

use super::committer::Committer;
use super::engine::CLIENTS_AT_ONCE;
use super::message::{CallError, Message, Reply};
use super::work::{Waiting, Work};
use crate::machine::{Event, Refusal};

/// Claims that wait at the same time; further ones are refused at once.
const MOST_EARLY: usize = CLIENTS_AT_ONCE / 4;
/// The same for one attempt, so that no attempt takes all the room.
const MOST_EARLY_EACH: usize = 16;
/// How long a caller waits. A `run` that takes longer may take minutes, and then it makes no difference
/// when its task comes again.
const EARLY_PATIENCE: Duration = Duration::from_secs(10);

/// A claim that will be made again.
struct Claim {
    event: Event,
    reply: Reply<()>,
}

/// The claims that wait, in the order in which they came.
#[derive(Default)]
pub(super) struct Early {
    claims: HashMap<AttemptId, Vec<Claim>>,
    count: usize,
}

impl Early {
    fn has_room(&self, id: AttemptId) -> bool {
        let each = self.claims.get(&id).map_or(0, Vec::len);
        self.count < MOST_EARLY && each < MOST_EARLY_EACH
    }

    fn add(&mut self, id: AttemptId, claim: Claim) {
        self.claims.entry(id).or_default().push(claim);
        self.count += 1;
    }

    fn take(&mut self, id: AttemptId) -> Vec<Claim> {
        let taken = self.claims.remove(&id).unwrap_or_default();
        self.count -= taken.len();
        taken
    }

    fn forget_gone(&mut self, id: AttemptId) {
        let (gone, waiting) = self
            .take(id)
            .into_iter()
            .partition::<Vec<Claim>, _>(|claim| claim.reply.is_closed());
        drop(gone);
        for claim in waiting {
            self.add(id, claim);
        }
    }

    fn take_all(&mut self) -> impl Iterator<Item = Claim> {
        self.count = 0;
        std::mem::take(&mut self.claims).into_values().flatten()
    }
}

impl Committer {
    /// A client's call about one attempt: answered with this batch, or waiting for `run` to be settled.
    pub(super) fn client_calls(
        &mut self,
        work: &mut Work,
        id: AttemptId,
        event: Event,
        reply: Reply<()>,
    ) {
        let prepared = work.record(&id).is_some_and(|it| it.prepared.is_some());
        let may_wait = prepared && matches!(event, Event::Activate { .. });
        let again = may_wait.then(|| event.clone());
        match (self.apply(work, id, event), again) {
            (Err(CallError::Refused(Refusal::NotSettled)), Some(event))
                if self.early.has_room(id) =>
            {
                self.early.add(id, Claim { event, reply });
            }
            (answer, _) => work.waiting.push(Waiting::Call(reply, answer)),
        }
    }

    /// After a change of the attempt: if there is nothing left to wait for, makes the claims again.
    pub(super) fn answer_early(&mut self, work: &mut Work, id: AttemptId) {
        let prepared = work.record(&id).and_then(|it| it.prepared.as_ref());
        if self.early.count == 0 || prepared.is_some_and(|it| it.ending.is_none()) {
            return;
        }
        for Claim { event, reply } in self.early.take(id) {
            // An execution must not be given to somebody who has gone while another waits.
            if !reply.is_closed() {
                let answer = self.apply(work, id, event);
                work.waiting.push(Waiting::Call(reply, answer));
            }
        }
    }

    /// A caller did not wait for the answer.
    pub(super) fn forget_gone(&mut self, id: AttemptId) {
        self.early.forget_gone(id);
    }

    /// The store has failed, and what these wait for may be lost.
    pub(super) fn refuse_early(&mut self, error: &str) {
        for claim in self.early.take_all() {
            let _gone = claim
                .reply
                .send(Err(CallError::NotStored(error.to_owned())));
        }
    }
}

/// The caller's end of a claim.
pub(super) struct Claimant<'a> {
    attempt: AttemptId,
    inbox: &'a UnboundedSender<Message>,
    answer: oneshot::Receiver<Result<(), CallError>>,
    answered: bool,
}

impl<'a> Claimant<'a> {
    pub(super) fn new(
        attempt: AttemptId,
        inbox: &'a UnboundedSender<Message>,
        answer: oneshot::Receiver<Result<(), CallError>>,
    ) -> Self {
        Claimant {
            attempt,
            inbox,
            answer,
            answered: false,
        }
    }

    /// The answer or, after a while, `NotSettled`. (If it is the store that is slow, the call may still
    /// be carried out; the same call again does no harm.)
    pub(super) async fn answer(mut self, clock: &dyn Clock) -> Result<(), CallError> {
        let patience = clock.now().after(EARLY_PATIENCE);
        tokio::select! {
            biased;
            answer = &mut self.answer => {
                self.answered = true;
                answer.map_err(|_| CallError::Stopped)?
            }
            () = clock.sleep_until(patience) => Err(Refusal::NotSettled.into()),
        }
    }
}

impl Drop for Claimant<'_> {
    fn drop(&mut self) {
        if !self.answered {
            self.answer.close();
            let attempt = self.attempt;
            let _stopped = self.inbox.send(Message::CallerGone { attempt });
        }
    }
}
