//! The port: accepts connections, HTTP/1.1 and HTTP/2 alike, and ends them gracefully.
//!
//! It refuses to listen where strangers could do everything, and to let one peer's manners cost the
//! others anything: what a peer may take is in [`limits`].

mod accept;
mod calls;
mod connection;
mod error;
mod limits;
mod patience;
mod routes;
mod settings;
mod tls;

use std::future::Future;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;

use distributor_api::{Api, Callers};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

pub use error::ServeError;
pub use settings::{Certificate, Settings};

use crate::grpc::Grpc;
use crate::shared::Shared;
use crate::stop::Stop;
use accept::Acceptor;
use connection::Server;

/// A port that is taken, and nobody is served yet.
pub struct Bound {
    settings: Settings,
    listener: TcpListener,
    address: SocketAddr,
    tls: Option<TlsAcceptor>,
}

impl std::fmt::Debug for Bound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bound")
            .field("settings", &self.settings)
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

impl Bound {
    /// Takes the port, and reads the certificate.
    ///
    /// # Errors
    /// `Open` if anybody may do everything and the address is not loopback, `Pem` or `Certificate` if
    /// there can be no TLS with what is configured, `Bind` if the port cannot be had.
    pub async fn new(settings: Settings) -> Result<Self, ServeError> {
        let address = settings.address;
        if settings.open && !address.ip().to_canonical().is_loopback() {
            return Err(ServeError::Open { address });
        }
        if settings.certificate.is_none() && !address.ip().to_canonical().is_loopback() {
            tracing::warn!(
                "who listens in on the way to {address} can read tokens: configure a certificate"
            );
        }
        let tls = settings.certificate.as_ref().map(tls::acceptor);
        let tls = tls.transpose()?;
        let refuse = |source| ServeError::Bind { address, source };
        let listener = TcpListener::bind(address).await.map_err(refuse)?;
        let address = listener.local_addr().map_err(refuse)?;
        Ok(Bound {
            settings,
            listener,
            address,
            tls,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `stop` is ready; then takes no new connections or calls, lets those that are under
    /// way end, and returns. Streams are ended at once (`Unavailable`); calls that take longer than
    /// the configured patience are dropped.
    pub async fn serve(
        self,
        api: Api,
        callers: Arc<dyn Callers>,
        stop: impl Future<Output = ()> + Send,
    ) {
        let (stopper, stopping) = Stop::new();
        let shared = Shared::new(api, callers, self.settings.open);
        let time = shared.time.clone();
        let (grpc, health) = Grpc::new(shared.clone(), stopping.clone()).await;
        let server = Arc::new(Server::new(
            routes::routes(shared, grpc),
            self.tls,
            time.clone(),
            stopping,
        ));
        let acceptor = Acceptor::new(self.listener, limits::CONNECTIONS, time.clone());
        let mut connections = JoinSet::new();
        let mut stop = pin!(stop);
        loop {
            tokio::select! {
                () = &mut stop => break,
                Some(_ended) = connections.join_next() => {}
                (stream, place) = acceptor.accept() => {
                    let connection = server.clone().serve(stream);
                    connections.spawn(async move {
                        connection.await;
                        drop(place);
                    });
                }
            }
        }
        drop(acceptor);
        health.stop().await;
        stopper.send_replace(true);
        let ended = async { while connections.join_next().await.is_some() {} };
        let in_time = tokio::select! {
            () = ended => true,
            () = time.after(self.settings.patience) => false,
        };
        if !in_time {
            let left = connections.len();
            tracing::warn!("stopping although {left} connections have calls under way");
        }
        connections.shutdown().await;
    }
}
