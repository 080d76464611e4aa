//! Takes connections, as many as there is room for.

use std::io;
use std::sync::Arc;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::limits;
use crate::time::Time;

/// The port, and how many connections it may have open.
pub(super) struct Acceptor {
    listener: TcpListener,
    places: Arc<Semaphore>,
    time: Time,
}

impl Acceptor {
    pub(super) fn new(listener: TcpListener, time: Time) -> Self {
        Acceptor {
            listener,
            places: Arc::new(Semaphore::new(limits::CONNECTIONS)),
            time,
        }
    }

    /// The next connection, and its place, which is free again when it is dropped. Can be called off
    /// without losing a connection.
    pub(super) async fn accept(&self) -> (TcpStream, OwnedSemaphorePermit) {
        loop {
            let Ok(place) = self.places.clone().acquire_owned().await else {
                // Nobody closes it.
                return std::future::pending().await;
            };
            match self.listener.accept().await {
                Ok((stream, _)) => return (stream, place),
                Err(error) if is_of_one_peer(&error) => {}
                Err(error) => {
                    tracing::warn!("cannot accept a connection, and will try again: {error}");
                    self.time.after(limits::ACCEPT_PAUSE).await;
                }
            }
        }
    }
}

/// The peer was gone before it was accepted; the next one may be fine.
fn is_of_one_peer(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::Interrupted
    )
}
