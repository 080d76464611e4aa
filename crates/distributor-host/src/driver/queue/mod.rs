//! The task queue: work that backends send to themselves (DC-17, DC-50 … DC-52).
//!
//! * [`sending`]: what a backend sends, and with which transaction it becomes durable.
//! * [`room`]: how much the queue may hold.
//! * [`delivery`]: tasks that are due on their way to `handle_task_queue_task`, and back.
//! * [`people`]: looking at the queue, and what becomes of its dead letters.
//! * [`external`]: tasks that come from a queue outside.
//!
//! It refuses to understand a task: headers and body mean nothing to the host.

mod delivery;
mod external;
mod people;
mod room;
mod sending;

pub use external::DeliverError;

pub(super) use delivery::{Lane, next_due_of};
pub(super) use people::{Order, Ordered};
pub(super) use room::{Reservation, Room};
pub(super) use sending::{NewTask, Sender, collecting, with_tasks};
