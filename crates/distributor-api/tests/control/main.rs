//! `distributor.control.Control` and access, in front of a real host with scripted backends.

mod access;
mod cancelling;
mod collecting;
mod explaining;
mod listing;
mod logs;
mod support;
mod tokens;
mod watching;
