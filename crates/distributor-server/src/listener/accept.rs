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
    /// With places for so many connections.
    pub(super) fn new(listener: TcpListener, places: usize, time: Time) -> Self {
        Acceptor {
            listener,
            places: Arc::new(Semaphore::new(places)),
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

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[tokio::test]
    async fn more_connections_than_there_are_places_wait_for_one() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let acceptor = Acceptor::new(listener, 2, Time::new(|_| Time::never()));
        let mut clients = Vec::new();
        for _ in 0..3 {
            clients.push(TcpStream::connect(address).await.unwrap());
        }
        let first = acceptor.accept().await;
        let _second = acceptor.accept().await;
        let mut third = Box::pin(acceptor.accept());
        tokio::select! { biased;
            _ = &mut third => panic!("there is no place"),
            () = tokio::task::yield_now() => {}
        }
        drop(first);
        let _third = third.await;
    }

    #[test]
    fn only_errors_of_one_peer_are_followed_by_the_next_at_once() {
        let too_many_files = io::Error::from_raw_os_error(24);
        assert!(!is_of_one_peer(&too_many_files));
        assert!(is_of_one_peer(&io::ErrorKind::ConnectionAborted.into()));
    }
}
