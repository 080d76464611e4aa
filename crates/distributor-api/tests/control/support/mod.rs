//! What these tests share. Nothing here sleeps: time is a manual clock, and whoever waits, waits for an event.

mod backend;
mod world;

pub(crate) use backend::Backend;
pub(crate) use world::{Quest, World, id, run, secs};
