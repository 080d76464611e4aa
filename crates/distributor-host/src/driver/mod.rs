//! The host at work: performs the life cycle's effects durably on real backends and real time.
//!
//! ```text
//!  clients ─┐                       ┌─> replies, watchers
//!  answers ─┼─> inbox ─> committer ─┤
//!  ticker  ─┘            │ one tx   └─> calls (journal rows) ─> backends ─> answers
//!                        └─> store
//! ```
//!
//! [`Engine`] is the handle that clients hold. It refuses to know transports and users: whoever may
//! call it may do everything.

mod answers;
mod calls;
mod committer;
mod cycle;
mod depend;
mod dispatch;
mod early;
mod engine;
mod ensure;
mod graph;
mod lanes;
mod lent;
mod message;
mod payload;
mod propagate;
mod publish;
mod queue;
mod received;
mod recover;
mod settings;
mod starts;
mod ticker;
mod work;

pub use engine::{Engine, Entrance};
pub use graph::{CheckedQuest, Dependent, EnsureQuest, GraphAnswer, GraphQuest, GraphRequest};
pub use lent::Surroundings;
pub use message::{AttemptChange, CallError, Ensured, NewAttempt};
pub use queue::DeliverError;
pub use received::Received;
pub use settings::{NotificationLimits, RandomSource, RetryPolicy, Settings, SystemRandom};
