//! Why a server does not listen.

use std::net::SocketAddr;
use std::path::PathBuf;

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
    /// Anybody may do everything, and anybody could reach the address.
    #[error(
        "refusing to listen on {address} without authentication, because whoever reaches it could run \
         anything here: create a token (`distributor token create`), or listen on a loopback address \
         such as 127.0.0.1"
    )]
    Open {
        /// Which.
        address: SocketAddr,
    },
    /// A PEM file cannot be used.
    #[error("cannot use {} as {what}: {problem}", .path.display())]
    Pem {
        /// The file.
        path: PathBuf,
        /// What it should hold.
        what: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// The certificate and the key are good, but not for TLS together.
    #[error(
        "the certificate in {} cannot be used with the private key in {}: {source}",
        .certificates.display(),
        .key.display()
    )]
    Certificate {
        /// The file of the certificate chain.
        certificates: PathBuf,
        /// The file of the private key.
        key: PathBuf,
        /// What TLS says.
        source: rustls::Error,
    },
}
