//! The backend against a server that answers as a test orders, and remembers what it was asked.

mod asking;
mod calling_off;
mod cancelling;
mod contract;
mod credentials;
mod logs;
mod notifications;
mod refusals;
mod secrets;
mod server;
mod starting;
mod support;
