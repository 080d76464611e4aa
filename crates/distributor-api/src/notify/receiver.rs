//! The receiver of notifications: first the token, then durable, then the answer.
//!
//! It refuses to finish anything: a message lets the host look at one execution, and no more (DC-07).

use std::fmt;
use std::sync::Arc;

use distributor_core::{Clock, Notification};
use distributor_host::driver::CallError;
use distributor_host::topic::TopicTokens;
use distributor_host::{Engine, Received};
use distributor_store::StoreError;

use super::message::{MessageError, PubsubMessage};
use super::oidc::PushRefusal;
use super::outcome::{Counters, NotificationCounts, Outcome};
use super::quiet::Quiet;

/// The attribute with the topic token; no other place counts (DC-21).
const AUTH_TOKEN: &str = "auth_token";
/// Of what a message says about itself, so many bytes are quoted in the log.
const MOST_QUOTED: usize = 128;

/// Takes messages in, pushed and pulled alike.
pub struct Receiver {
    engine: Engine,
    tokens: Arc<TopicTokens>,
    counters: Counters,
    /// For each outcome, in the order of [`Outcome::ALL`].
    quiet: [Quiet; Outcome::ALL.len()],
    quiet_about_callers: Quiet,
}

impl Receiver {
    /// Hands what `tokens` finds genuine to `engine`.
    pub fn new(engine: Engine, tokens: Arc<TopicTokens>, clock: Arc<dyn Clock>) -> Self {
        Receiver {
            engine,
            tokens,
            counters: Counters::default(),
            quiet: Outcome::ALL.map(|_| Quiet::new(clock.clone())),
            quiet_about_callers: Quiet::new(clock),
        }
    }

    /// Takes a message in. Once this returns it is durable, or there is nothing to do, or it has to be
    /// sent again. The same message twice, or two in another order, do no harm.
    pub async fn handle(&self, message: PubsubMessage) -> Outcome {
        let name = Name::of(&message);
        let taken = self.take(message).await;
        let outcome = match &taken {
            Ok(received) => Outcome::from(*received),
            Err(problem) => problem.outcome(),
        };
        self.counters.add(outcome);
        match &taken {
            Ok(Received::OtherConfiguration) => self.say(
                outcome,
                &name,
                "the execution was started with another configuration than its token says",
            ),
            Ok(_) => tracing::debug!(kind = outcome.name(), ?name, "a notification"),
            Err(problem) => self.say(outcome, &name, problem),
        }
        outcome
    }

    /// Counts something that is no message. It is not to be sent again.
    pub fn malformed(&self, problem: &MessageError) -> Outcome {
        let outcome = Outcome::Malformed;
        self.counters.add(outcome);
        self.say(outcome, &Name::default(), problem);
        outcome
    }

    /// Counts a push that could not be received, for a reason that may pass. It is to be sent again.
    pub fn deferred(&self, reason: &dyn fmt::Display) -> Outcome {
        let outcome = Outcome::Deferred;
        self.counters.add(outcome);
        self.say(outcome, &Name::default(), reason);
        outcome
    }

    /// Counts a push whose caller was not let in.
    pub fn refused_caller(&self, refusal: &PushRefusal) {
        self.counters.add_refused_caller();
        if let Some(left_out) = self.quiet_about_callers.may_say() {
            tracing::warn!(
                left_out,
                "a push of notifications was not let in: {refusal}"
            );
        }
    }

    /// What has become of messages so far.
    pub fn counts(&self) -> NotificationCounts {
        self.counters.read()
    }

    async fn take(&self, message: PubsubMessage) -> Result<Received, Problem> {
        let mut attributes = message.attributes;
        // Backends never see it (DC-45).
        let token = attributes.remove(AUTH_TOKEN).ok_or(Problem::NoToken)?;
        let claims = self.tokens.verify(&token)?;
        let notification = Notification {
            id: claims.execution,
            data: message.data,
            attributes,
        };
        let received = self.engine.receive(notification, &claims.config_name);
        Ok(received.await?)
    }

    fn say(&self, outcome: Outcome, name: &Name, problem: impl fmt::Display) {
        let quiet = self.quiet.get(outcome as usize);
        let Some(left_out) = quiet.and_then(Quiet::may_say) else {
            return;
        };
        let kind = outcome.name();
        match outcome {
            Outcome::Malformed | Outcome::Failed | Outcome::Deferred => {
                tracing::error!(kind, ?name, left_out, "a notification: {problem}");
            }
            _ => tracing::warn!(kind, ?name, left_out, "a notification: {problem}"),
        }
    }
}

impl fmt::Debug for Receiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver")
            .field("counters", &self.counters)
            .finish_non_exhaustive()
    }
}

/// Why a message was not taken. Never holds the token.
#[derive(Debug, thiserror::Error)]
enum Problem {
    #[error("the attribute `{AUTH_TOKEN}` is missing")]
    NoToken,
    #[error(transparent)]
    Token(#[from] distributor_host::topic::TokenRefusal),
    #[error(transparent)]
    Call(#[from] CallError),
}

impl Problem {
    fn outcome(&self) -> Outcome {
        match self {
            Problem::NoToken => Outcome::BadToken,
            Problem::Token(refusal) if refusal.is_transient() => Outcome::Deferred,
            Problem::Token(_) => Outcome::BadToken,
            Problem::Call(
                CallError::Unavailable(_)
                | CallError::Store(StoreError::Engine(_) | StoreError::Conflict { .. })
                | CallError::NotStored(_)
                | CallError::Stopped,
            ) => Outcome::Deferred,
            Problem::Call(_) => Outcome::Failed,
        }
    }
}

/// What a message is called, for the log.
#[derive(Default)]
struct Name {
    subscription: String,
    id: Option<String>,
}

impl Name {
    fn of(message: &PubsubMessage) -> Self {
        let quoted = |text: &str| {
            let end = text.floor_char_boundary(MOST_QUOTED);
            text.get(..end).unwrap_or_default().to_owned()
        };
        Name {
            subscription: quoted(&message.subscription),
            id: message.message_id.as_deref().map(quoted),
        }
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} of {:?}", self.id, self.subscription)
    }
}
