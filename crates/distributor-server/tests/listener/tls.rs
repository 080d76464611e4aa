//! The port with TLS.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use distributor_client::{Client, Code, ConnectOptions, RetryPolicy};
use distributor_proto::control::ListRequest;
use distributor_server::{Bound, Certificate, ServeError, Settings};
use rcgen::generate_simple_self_signed;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::support::callers::Anybody;
use crate::support::http::{connect, get, read_all, send};
use crate::support::{World, settings};

/// A certificate for `localhost`, its key, and a key of another one.
struct Files {
    directory: tempfile::TempDir,
}

impl Files {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let made = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let other = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let files = Files { directory };
        fs::write(files.path("cert.pem"), made.cert.pem()).unwrap();
        fs::write(files.path("key.pem"), made.signing_key.serialize_pem()).unwrap();
        fs::write(files.path("other.pem"), other.signing_key.serialize_pem()).unwrap();
        files
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn settings(&self, certificates: &str, key: &str) -> Settings {
        Settings {
            certificate: Some(Certificate {
                certificates: self.path(certificates),
                key: self.path(key),
            }),
            ..settings()
        }
    }

    async fn refused(&self, certificates: &str, key: &str) -> ServeError {
        let bound = Bound::new(self.settings(certificates, key)).await;
        bound.expect_err("no TLS with these files")
    }

    async fn world(&self) -> World {
        World::with(self.settings("cert.pem", "key.pem"), Arc::new(Anybody)).await
    }
}

async fn handshake(
    world: &World,
    certificate: &Path,
    protocol: &str,
) -> TlsStream<tokio::net::TcpStream> {
    let mut roots = RootCertStore::empty();
    let certificate = CertificateDer::from_pem_file(certificate).unwrap();
    roots.add(certificate).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
    let name = ServerName::try_from("localhost").unwrap();
    let connector = TlsConnector::from(Arc::new(config));
    let stream = connect(world.address).await;
    connector.connect(name, stream).await.expect("TLS")
}

#[tokio::test]
async fn grpc_and_http_1_are_served_over_tls() {
    let files = Files::new();
    let world = files.world().await;

    let address = format!("https://localhost:{}", world.address.port());
    let options = ConnectOptions {
        certificates: Some(fs::read(files.path("cert.pem")).unwrap()),
        ..ConnectOptions::default()
    };
    let client = Client::new(&address, &options).unwrap();
    client.list(ListRequest::default()).await.unwrap();

    let stream = handshake(&world, &files.path("cert.pem"), "http/1.1").await;
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
    let answer = get(stream, "/healthz").await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");

    let stream = handshake(&world, &files.path("cert.pem"), "h2").await;
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    drop(stream);
    world.stopped().await;
}

#[tokio::test]
async fn a_client_refuses_a_certificate_that_it_does_not_trust() {
    let files = Files::new();
    let world = files.world().await;
    let other = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let right = fs::read(files.path("cert.pem")).unwrap();
    for (host, trusted) in [
        ("localhost", other.cert.pem().into_bytes()),
        // The right one, but for another name.
        ("127.0.0.1", right),
    ] {
        let address = format!("https://{host}:{}", world.address.port());
        let options = ConnectOptions {
            certificates: Some(trusted),
            retry: RetryPolicy::never(),
            ..ConnectOptions::default()
        };
        let client = Client::new(&address, &options).unwrap();
        let refused = client.list(ListRequest::default()).await.unwrap_err();
        assert_eq!(refused.code(), Code::Unavailable, "{refused}");
    }
    let stream = handshake(&world, &files.path("cert.pem"), "http/1.1").await;
    assert!(get(stream, "/healthz").await.ends_with("ok"));
    world.stopped().await;
}

#[tokio::test]
async fn a_peer_without_tls_gets_nothing_and_costs_nothing() {
    let files = Files::new();
    let world = files.world().await;
    let answer = get(connect(world.address).await, "/healthz").await;
    assert!(!answer.contains("HTTP"), "{answer}");
    send(connect(world.address).await, b"\x16\x03\x01").await;
    // One that is in the middle of its handshake does not hold up the end.
    let silent = connect(world.address).await;
    let stream = handshake(&world, &files.path("cert.pem"), "http/1.1").await;
    assert!(get(stream, "/healthz").await.ends_with("ok"));
    world.stopped().await;
    assert_eq!(read_all(silent).await, "");
}

#[tokio::test]
async fn files_that_cannot_be_used_are_named() {
    let files = Files::new();
    fs::write(files.path("empty.pem"), "").unwrap();
    fs::write(
        files.path("broken.pem"),
        "-----BEGIN PRIVATE KEY-----\nsecret!",
    )
    .unwrap();
    let text = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    fs::write(files.path("text.pem"), text).unwrap();
    fs::write(files.path("bytes.pem"), [0xff; 100]).unwrap();
    for (certificates, key, named) in [
        ("missing.pem", "key.pem", "missing.pem"),
        ("empty.pem", "key.pem", "empty.pem"),
        ("key.pem", "key.pem", "key.pem"),
        ("text.pem", "key.pem", "text.pem"),
        ("bytes.pem", "key.pem", "bytes.pem"),
        ("cert.pem", "bytes.pem", "bytes.pem"),
        ("cert.pem", "missing.pem", "missing.pem"),
        ("cert.pem", "empty.pem", "empty.pem"),
        ("cert.pem", "broken.pem", "broken.pem"),
        ("cert.pem", "cert.pem", "cert.pem"),
        ("cert.pem", "other.pem", "other.pem"),
    ] {
        let message = files.refused(certificates, key).await.to_string();
        assert!(message.contains(named), "{message}");
        assert!(!message.contains("secret!"), "{message}");
    }
}
