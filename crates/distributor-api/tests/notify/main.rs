//! What comes from outside, as those see it who let it in. Tests of a promise begin with its row.

mod log;
mod receiver;
#[path = "../support/mod.rs"]
mod support;
mod task_queue;
