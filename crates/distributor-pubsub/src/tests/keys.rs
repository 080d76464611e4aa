//! Key sets of a server that plays an issuer.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::{StatusCode, header};
use axum::routing::get;
use distributor_api::notify::KeySource;
use tokio::net::TcpListener;
use url::Url;

use super::clock::TestClock;
use crate::key_set::KeyUrl;

/// The example of RFC 7517, with an id.
const KEYS: &str = r#"{"keys": [{"kty": "RSA", "alg": "RS256", "use": "sig", "kid": "one", "e": "AQAB",
    "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"}]}"#;

#[tokio::test]
async fn published_keys_are_fetched_and_what_is_wrong_with_them_is_said() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new()
        .route(
            "/certs",
            get(async || ([(header::CACHE_CONTROL, "public, max-age=3600")], KEYS)),
        )
        .route("/garbage", get(async || "<html>canary</html>"))
        .route("/long", get(async || " ".repeat(1024 * 1024 + 1)))
        .route(
            "/moved",
            get(async || (StatusCode::FOUND, [(header::LOCATION, "/certs")])),
        )
        .route("/down", get(async || StatusCode::SERVICE_UNAVAILABLE))
        .route("/hangs", get(std::future::pending::<()>));
    tokio::spawn(async move { axum::serve(listener, router).await });
    let clock = Arc::new(TestClock::new());
    let source = |path: &str| {
        let url = Url::parse(&format!("http://{address}{path}")).unwrap();
        KeyUrl::for_test(url, clock.clone())
    };
    let fetched = source("/certs").fetch().await.unwrap();
    assert_eq!(fetched.good_for, Duration::from_secs(3600));
    assert!(format!("{:?}", fetched.keys).contains("one"));
    for (path, part) in [
        ("/garbage", "not a JSON Web Key Set"),
        ("/long", "longer than 1048576 bytes"),
        ("/moved", "HTTP 302"),
        ("/down", "HTTP 503"),
    ] {
        let error = source(path).fetch().await.unwrap_err().to_string();
        assert!(error.contains(part) && error.contains(path), "{error}");
        assert!(!error.contains("canary"), "{error}");
    }
    let hangs = source("/hangs");
    let (fetched, ()) = tokio::join!(hangs.fetch(), clock.pass(Duration::from_secs(10)));
    assert!(fetched.unwrap_err().to_string().contains("within 10 s"));
}
