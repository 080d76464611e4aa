//! The port: who may connect how, what hostile peers achieve, and how it ends.

#[path = "../support/mod.rs"]
mod support;

mod garbage;
mod http;
mod peers;
mod places;
mod stop;
mod tls;
