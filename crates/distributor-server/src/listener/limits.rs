//! How much one peer, and all of them together, may ask of this process. What calls may take is in
//! [`crate::budget`] and [`crate::request`].
//!
//! Floods of HTTP/2 frames, such as streams that are begun and reset at once, are ended by the HTTP
//! implementation: its own limits for them are on.

use std::time::Duration;

/// Connections that may be open at once; further ones wait in the system's queue. It leaves room for
/// other files below the 1024 that most systems allow a process.
pub(super) const CONNECTIONS: usize = 512;

/// Calls that may be under way on one HTTP/2 connection.
pub(super) const CALLS_PER_CONNECTION: u32 = 100;

/// Bytes of all headers of one HTTP/2 request.
pub(super) const HEADER_BYTES: u32 = 16 * 1024;

/// Bytes of all headers of one HTTP/1.1 request, and of what is read at once.
pub(super) const BUFFER_BYTES: usize = 64 * 1024;

/// For a TLS handshake, and after it for the first bytes of a first request.
pub(super) const GREETING_TIME: Duration = Duration::from_secs(10);

/// For the header of an HTTP/1.1 request, from the end of the one before.
pub(super) const HEADER_TIME: Duration = Duration::from_secs(30);

/// How long a connection may be open without a call. It is ended so that its place is free; clients
/// make another when they need it.
pub(super) const IDLE_TIME: Duration = Duration::from_secs(60);

/// How long a connection may last that is ended, when all its answers wait for the peer to take them. For
/// the largest answer it takes two megabits in a second.
pub(super) const LAST_TIME: Duration = Duration::from_secs(240);

/// How long a peer may leave an answer unread.
pub(super) const WRITE_TIME: Duration = Duration::from_secs(60);

/// How often an HTTP/2 peer is asked whether it is still there, and how long it may take to say so.
pub(super) const PING_INTERVAL: Duration = Duration::from_secs(30);

/// See [`PING_INTERVAL`].
pub(super) const PING_TIME: Duration = Duration::from_secs(20);

/// How long to leave the port alone after an error that is no single peer's, as when this process has
/// too many files open.
pub(super) const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
