//! Identity tokens of an issuer whose keys are here, only for these tests.

mod cache;
mod checks;
mod files;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use distributor_core::{ManualClock, Timestamp};
use ring::rand::SystemRandom;
use ring::rsa::{KeyPair, PublicKeyComponents};
use ring::signature::RSA_PKCS1_SHA256;
use serde_json::{Value, json};

use super::*;

/// Now, in seconds.
const NOW: i64 = 1_600_000_000;
const AUDIENCE: &str = "https://dm.example.com/push";
const ACCOUNT: &str = "pusher@p.iam.gserviceaccount.com";

/// One who issues identity tokens, with a key of this name.
struct Issuer {
    id: &'static str,
    key: KeyPair,
}

impl Issuer {
    fn one() -> Self {
        Issuer::of("one", include_str!("only-for-tests-one.pem"))
    }

    fn two() -> Self {
        Issuer::of("two", include_str!("only-for-tests-two.pem"))
    }

    fn of(id: &'static str, pem: &str) -> Self {
        let lines = pem.lines().filter(|line| !line.starts_with("-----"));
        let der = STANDARD.decode(lines.collect::<String>()).unwrap();
        let key = KeyPair::from_pkcs8(&der).unwrap();
        Issuer { id, key }
    }

    fn jwk(&self) -> Value {
        let public: PublicKeyComponents<Vec<u8>> = self.key.public().into();
        json!({
            "kty": "RSA", "use": "sig", "alg": "RS256", "kid": self.id,
            "n": URL_SAFE_NO_PAD.encode(public.n), "e": URL_SAFE_NO_PAD.encode(public.e),
        })
    }

    fn header(&self) -> Value {
        json!({ "alg": "RS256", "kid": self.id, "typ": "JWT" })
    }

    fn sign(&self, header: &Value, claims: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(header), part(claims));
        let mut signature = vec![0; self.key.public().modulus_len()];
        let random = SystemRandom::new();
        self.key
            .sign(
                &RSA_PKCS1_SHA256,
                &random,
                signed.as_bytes(),
                &mut signature,
            )
            .unwrap();
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    fn token(&self) -> String {
        self.sign(&self.header(), &claims())
    }
}

fn claims() -> Value {
    json!({
        "iss": "https://accounts.google.com", "aud": AUDIENCE, "sub": "113774264463038321964",
        "azp": "113774264463038321964", "email": ACCOUNT, "email_verified": true,
        "iat": NOW - 10, "exp": NOW - 10 + 3600,
    })
}

/// The claims with some of them set, or removed where the value is null.
fn claims_with(changes: &Value) -> Value {
    let mut claims = claims();
    for (name, value) in changes.as_object().unwrap() {
        match value.is_null() {
            true => drop(claims.as_object_mut().unwrap().remove(name)),
            false => claims[name] = value.clone(),
        }
    }
    claims
}

fn key_set(issuers: &[&Issuer]) -> KeySet {
    let keys: Vec<Value> = issuers.iter().map(|it| it.jwk()).collect();
    KeySet::parse(json!({ "keys": keys }).to_string().as_bytes()).unwrap()
}

/// Answers in this order, and the last one for ever.
#[derive(Debug)]
struct Script {
    answers: Mutex<VecDeque<Result<FetchedKeys, KeyError>>>,
    asked: Mutex<usize>,
}

impl Script {
    fn new(answers: impl IntoIterator<Item = Result<KeySet, &'static str>>) -> Arc<Self> {
        let answers = answers.into_iter().map(|answer| match answer {
            Ok(keys) => Ok(FetchedKeys {
                keys,
                good_for: Duration::from_secs(3600),
            }),
            Err(error) => Err(KeyError(error.to_owned())),
        });
        Arc::new(Script {
            answers: Mutex::new(answers.collect()),
            asked: Mutex::new(0),
        })
    }

    fn asked(&self) -> usize {
        *self.asked.lock().unwrap()
    }
}

#[async_trait]
impl KeySource for Script {
    async fn fetch(&self) -> Result<FetchedKeys, KeyError> {
        *self.asked.lock().unwrap() += 1;
        let mut answers = self.answers.lock().unwrap();
        match answers.len() {
            1 => answers[0].clone(),
            _ => answers.pop_front().unwrap(),
        }
    }
}

struct World {
    clock: Arc<ManualClock>,
    source: Arc<Script>,
    callers: PushCallers,
}

impl World {
    fn new(answers: impl IntoIterator<Item = Result<KeySet, &'static str>>) -> Self {
        let clock = Arc::new(ManualClock::new(Timestamp::from_micros(NOW * 1_000_000)));
        let source = Script::new(answers);
        let callers = PushCallers::new(settings(), source.clone(), clock.clone()).unwrap();
        World {
            clock,
            source,
            callers,
        }
    }

    async fn check(&self, token: &str) -> Result<(), PushRefusal> {
        let value = format!("Bearer {token}");
        self.callers.check(&[value.as_bytes()]).await
    }
}

fn settings() -> PushCallersSettings {
    PushCallersSettings {
        issuers: GOOGLE_ISSUERS.map(str::to_owned).to_vec(),
        audiences: vec!["https://other.example.com".to_owned(), AUDIENCE.to_owned()],
        accounts: vec!["other@example.com".to_owned(), ACCOUNT.to_owned()],
    }
}

#[track_caller]
fn assert_unauthenticated(checked: Result<(), PushRefusal>, part: &str) {
    match checked {
        Err(PushRefusal::Unauthenticated(reason)) => {
            assert!(reason.contains(part), "{reason}");
            assert!(!reason.contains("canary"), "{reason}");
        }
        other => panic!("{other:?} instead of {part}"),
    }
}
