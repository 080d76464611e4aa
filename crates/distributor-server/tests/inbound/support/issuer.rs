//! One who issues identity tokens.

use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use distributor_api::notify::{GOOGLE_ISSUERS, KeyFile, PushCallers, PushCallersSettings};
use distributor_core::Clock;
use ring::rand::SystemRandom;
use ring::rsa::{KeyPair, PublicKeyComponents};
use ring::signature::RSA_PKCS1_SHA256;
use serde_json::{Value, json};

use super::BEGINNING;

/// The account that pushes.
pub(crate) const ACCOUNT: &str = "pusher@a-project.iam.gserviceaccount.com";
const AUDIENCE: &str = "https://dm.example.com/push";

pub(crate) struct Issuer(KeyPair);

impl Issuer {
    pub(crate) fn new() -> Self {
        let pem = include_str!("only-for-tests.pem").lines();
        let lines = pem.filter(|line| !line.starts_with("-----"));
        let der = STANDARD.decode(lines.collect::<String>()).expect("base64");
        Issuer(KeyPair::from_pkcs8(&der).expect("a key"))
    }

    /// Believes this issuer, whose keys are written to `path`.
    pub(crate) fn push_callers(&self, path: &Path, clock: Arc<dyn Clock>) -> PushCallers {
        let public: PublicKeyComponents<Vec<u8>> = self.0.public().into();
        let keys = json!({ "keys": [{
            "kty": "RSA", "use": "sig", "alg": "RS256", "kid": "1",
            "n": URL_SAFE_NO_PAD.encode(public.n), "e": URL_SAFE_NO_PAD.encode(public.e),
        }] });
        std::fs::write(path, keys.to_string()).expect("written");
        let keys = KeyFile::new(path.to_owned()).expect("a key set");
        let settings = PushCallersSettings {
            issuers: GOOGLE_ISSUERS.map(str::to_owned).to_vec(),
            audiences: vec![AUDIENCE.to_owned()],
            accounts: vec![ACCOUNT.to_owned()],
        };
        PushCallers::new(settings, Arc::new(keys), clock).expect("good settings")
    }

    /// A header `Authorization` with a token for `account`, good for an hour from the beginning.
    pub(crate) fn authorization(&self, account: &str) -> String {
        let begins = BEGINNING.as_micros() / 1_000_000;
        let claims = json!({
            "iss": "https://accounts.google.com", "aud": AUDIENCE, "email": account,
            "email_verified": true, "iat": begins, "exp": begins + 3600,
        });
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let header = json!({ "alg": "RS256", "kid": "1" });
        let signed = format!("{}.{}", part(&header), part(&claims));
        let mut signature = vec![0; self.0.public().modulus_len()];
        let random = SystemRandom::new();
        let done = self.0.sign(
            &RSA_PKCS1_SHA256,
            &random,
            signed.as_bytes(),
            &mut signature,
        );
        done.expect("a signature");
        format!("Bearer {signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}
