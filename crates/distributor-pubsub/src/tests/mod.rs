//! The receiver against a server that plays the API.

mod clock;
mod faults;
mod keys;
mod receiving;
mod server;
mod setup;
mod tokens;
