//! Reads a certificate and its key.

use std::path::Path;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem};
use tokio_rustls::TlsAcceptor;

use super::error::ServeError;
use super::settings::Certificate;

const CHAIN: &str = "a certificate chain";
const KEY: &str = "a private key";

/// Makes what does TLS handshakes with this certificate, for HTTP/2 and HTTP/1.1.
///
/// # Errors
/// `Pem` or `Certificate`.
pub(super) fn acceptor(certificate: &Certificate) -> Result<TlsAcceptor, ServeError> {
    let chain = read_chain(&certificate.certificates)?;
    let key = PrivateKeyDer::from_pem_file(&certificate.key)
        .map_err(|error| refuse(&certificate.key, KEY, &error))?;
    let unusable = |source| ServeError::Certificate {
        certificates: certificate.certificates.clone(),
        key: certificate.key.clone(),
        source,
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(unusable)?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(unusable)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn read_chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, ServeError> {
    let refuse = |error: pem::Error| refuse(path, CHAIN, &error);
    let chain: Result<Vec<_>, _> = CertificateDer::pem_file_iter(path)
        .map_err(refuse)?
        .collect();
    let chain = chain.map_err(refuse)?;
    match chain.is_empty() {
        true => Err(refuse(pem::Error::NoItemsFound)),
        false => Ok(chain),
    }
}

fn refuse(path: &Path, what: &'static str, error: &pem::Error) -> ServeError {
    let problem = match error {
        pem::Error::Io(error) => error.to_string(),
        pem::Error::NoItemsFound => "there is none in it; it must be in PEM format".to_owned(),
        // The other errors may quote the file, and it may be a key.
        _ => "it is not in PEM format".to_owned(),
    };
    ServeError::Pem {
        path: path.to_owned(),
        what,
        problem,
    }
}
