//! Where a server listens, and where it refuses to.

use std::net::SocketAddr;

use distributor_server::{Bound, ServeError, Settings};

use crate::support::settings;

async fn bind(address: &str, open: bool) -> Result<SocketAddr, ServeError> {
    let address = address.parse().unwrap();
    let settings = Settings {
        address,
        open,
        ..settings()
    };
    Bound::new(settings).await.map(|bound| bound.address())
}

#[tokio::test]
async fn without_authentication_only_loopback_is_listened_on() {
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0", "[::ffff:0.0.0.0]:0"] {
        let refused = bind(address, true).await.unwrap_err();
        assert!(matches!(refused, ServeError::Open { .. }), "{refused}");
        let message = refused.to_string();
        assert!(message.contains(address), "{message}");
        assert!(message.contains("distributor token create"), "{message}");
    }
    assert!(bind("127.0.0.1:0", true).await.unwrap().port() > 0);
    assert!(bind("127.0.0.2:0", true).await.unwrap().port() > 0);
}

#[tokio::test]
async fn with_authentication_any_address_is_listened_on() {
    assert!(bind("0.0.0.0:0", false).await.unwrap().port() > 0);
}

#[tokio::test]
async fn a_port_that_is_taken_is_named() {
    let bound = Bound::new(settings()).await.unwrap();
    let refused = bind(&bound.address().to_string(), true).await.unwrap_err();
    assert!(matches!(refused, ServeError::Bind { .. }));
    let message = refused.to_string();
    assert!(message.contains(&bound.address().to_string()), "{message}");
}
