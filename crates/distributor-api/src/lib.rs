//! The service itself: what each call of the API checks, does and answers.
//!
//! * [`Api`]: one method for each method of `dm.Deps` and of `distributor.control.Control`.
//! * [`Caller`] and [`Access`]: who calls, and who may do what.
//! * [`Templates`]: the quest templates of projects.
//! * [`Status`]: why a call failed, in the words that all transports share.
//!
//! It refuses to know any transport, and to change a state itself: that is the host's.

mod access;
mod api;
mod blocking;
mod control;
mod deps;
pub mod notify;
mod status;
mod templates;
mod validate;
mod walk;

pub use access::{
    Access, Caller, Callers, DamagedToken, Identity, NewToken, Open, TokenDirectory, TokenError,
    TokenInfo, TokenList,
};
pub use api::{Api, Parts};
pub use control::{Changes, SweepProblem, explain, sweep};
pub use status::{Code, Status};
pub use templates::{ProjectTemplates, TemplateProblem, Templates};
