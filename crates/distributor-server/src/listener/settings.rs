//! How to listen.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

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
