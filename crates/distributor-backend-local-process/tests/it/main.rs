//! The backend with real processes. No test sleeps: tasks that must stay alive wait for a named
//! pipe or for the end of their own group, and tests wait for what they expect.

mod calling;
mod cancelling;
mod running;
mod support;
mod survival;
