//! Ten thousand requests of nonsense, with a good one now and then.

use axum::body::Body;
use distributor_proto::dm;
use http::{HeaderName, HeaderValue, Request, request};
use prost::Message;

use super::negotiation::gzip;
use super::{World, post, post_json, run, send};
use crate::request::MOST_BYTES;

const REQUESTS: usize = 10_000;
/// A file that is a thousand times larger than it looks comes after so many.
const BOMB_EVERY: usize = 4_000;
/// A good request comes after so many.
const GOOD_EVERY: usize = 25;
const SEED: u64 = 0x5eed_2026;

const METHODS: &[&str] = &[
    "test.Test/Echo",
    "test.Test/Walk",
    "dm.Deps/EnsureGraphData",
    "dm.Deps/ActivateExecution",
    "dm.Deps/FinishAttempt",
    "dm.Deps/WalkGraph",
    "distributor.control.Control/Cancel",
    "distributor.control.Control/List",
    "distributor.control.Control/Explain",
    "distributor.control.Control/FindQuests",
    "distributor.control.Control/ReadLog",
    "discovery.Discovery/Describe",
];
const FORMS: &[&str] = &[
    "application/prpc; encoding=binary",
    "application/json",
    "application/prpc; encoding=text",
];
const JSON: &str = r#"{"quest":[{"distributorConfigName":"a","parameters":"{}","meta":{"retry":{"failed":1},"timeouts":{"run":"1.5s"}}}],"questAttempt":[{"nums":[1,2]}],"rawAttempts":{"to":{"x":{"nums":[3]}}},"forExecution":{"id":{"quest":"q","attempt":1,"id":1},"token":"//4="},"limit":{"maxDataSize":3},"include":{"attempt":{"result":true}}}"#;
const TEXT: &str = "quest { parameters: \"{}\" meta { timeouts { run { seconds: 1 } } } } quest_attempt { nums: [1, 2] } # end\n";
const NONSENSE: &[&str] = &[
    "null",
    "true",
    "-1",
    "1e999",
    "18446744073709551616",
    "\"\"",
    "[]",
    "{}",
    "\"x\"",
    "\"\\ud800\"",
    "\"9223372036854775807s\"",
    "[null]",
    "{\"\":0}",
    "\"\\u0000\"",
    "0.1",
];
const NAMES: &[&str] = &[
    "content-type",
    "accept",
    "content-encoding",
    "accept-encoding",
    "x-prpc-grpc-timeout",
    "authorization",
    "host",
    "origin",
    "content-length",
    "x-anything-bin",
    "transfer-encoding",
    "expect",
];

/// A small generator of numbers that look random (splitmix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(end).unwrap()).unwrap()
    }

    fn of<'a, T: ?Sized>(&mut self, all: &[&'a T]) -> &'a T {
        all[self.below(all.len())]
    }

    fn bytes(&mut self, most: usize) -> Vec<u8> {
        let size = self.below(most + 1);
        (0..size).map(|_| self.next().to_le_bytes()[0]).collect()
    }

    /// Changes, removes or repeats a few bytes.
    fn damage(&mut self, mut bytes: Vec<u8>) -> Vec<u8> {
        for _ in 0..=self.below(3) {
            if bytes.is_empty() {
                break;
            }
            let at = self.below(bytes.len());
            match self.below(4) {
                0 => bytes.truncate(at),
                1 => bytes[at] = self.next().to_le_bytes()[0],
                2 => drop(bytes.remove(at)),
                _ => bytes.extend_from_within(at..),
            }
        }
        bytes
    }

    fn request(&mut self) -> Request<Body> {
        let method = self.of(METHODS);
        let form = self.of(FORMS);
        let plain = post(method)
            .header("Content-Type", form)
            .header("Accept", self.of(FORMS));
        match self.below(10) {
            0 => send(plain, self.bytes(300)),
            1 | 2 => {
                let body = self.damage(valid(form));
                send(plain, body)
            }
            3 => send(post_json_of(method), self.wrong_types()),
            4 => {
                let depth = 1 + self.below(2_000);
                let unit = self.of(&["[", "{\"quest\":[", "{\"x\":", "query{", "\x0b", "\x12\x7f"]);
                send(plain, unit.repeat(depth))
            }
            5 => {
                let inner = match self.below(2) {
                    0 => self.bytes(200),
                    _ => valid(form),
                };
                let file = gzip(&inner);
                send(plain.header("Content-Encoding", "gzip"), self.damage(file))
            }
            6 | 7 => {
                let request = self.headers(plain);
                send(request, valid(form))
            }
            8 => self.path(),
            _ => {
                // The form that it says, and the one that it has, are two.
                let body = valid(self.of(FORMS));
                send(plain, body)
            }
        }
    }

    fn wrong_types(&mut self) -> String {
        let values = [
            "\"{}\"",
            "[1,2]",
            "1",
            "\"//4=\"",
            "true",
            "\"1.5s\"",
            "{\"nums\":[3]}",
        ];
        let old = self.of(&values);
        JSON.replacen(old, self.of(NONSENSE), 1 + self.below(2))
    }

    fn headers(&mut self, mut request: request::Builder) -> request::Builder {
        for _ in 0..=self.below(4) {
            let name = HeaderName::from_static(self.of(NAMES));
            let mut value: Vec<u8> = match self.below(3) {
                0 => self.bytes(40),
                1 => self
                    .of(&["application/json;q=", "gzip;q=0.1,", "\"\\\"", "1S", ",;,;"])
                    .repeat(self.below(500))
                    .into_bytes(),
                _ => FORMS.join(";,").into_bytes(),
            };
            value.retain(|&byte| HeaderValue::from_bytes(&[byte]).is_ok());
            request = request.header(name, HeaderValue::from_bytes(&value).unwrap());
        }
        request
    }

    fn path(&mut self) -> Request<Body> {
        let safe: String = self
            .bytes(40)
            .iter()
            .map(|byte| char::from(b'!' + byte % 90))
            .collect();
        let safe = safe.replace(
            ['"', '#', '<', '>', '\\', '^', '`', '{', '|', '}', '?'],
            "/",
        );
        let method = self.of(&["POST", "GET", "PUT", "X"]);
        let request = Request::builder()
            .method(method)
            .uri(format!("/prpc/{safe}"));
        send(request.header("Host", "localhost"), Body::empty())
    }
}

fn post_json_of(method: &str) -> request::Builder {
    post(method).header("Content-Type", "application/json")
}

/// A good body in this form, for some of the methods.
fn valid(form: &str) -> Vec<u8> {
    match form {
        "application/json" => JSON.into(),
        "application/prpc; encoding=text" => TEXT.into(),
        _ => distributor_proto::text::from_json::<dm::EnsureGraphDataReq>(JSON)
            .unwrap()
            .encode_to_vec(),
    }
}

#[test]
fn ten_thousand_requests_of_garbage_do_no_harm() {
    run(async {
        let world = World::new();
        let mut random = Random(SEED);
        let bomb = gzip(&vec![0; MOST_BYTES + 1]);
        let mut refused = 0;
        for number in 0..REQUESTS {
            let request = match number % BOMB_EVERY {
                0 => send(
                    post(random.of(METHODS)).header("Content-Encoding", "gzip"),
                    bomb.clone(),
                ),
                _ => random.request(),
            };
            let told = format!("request {number}: {request:?}");
            let reply = world.ask(request).await;
            let code = reply.code();
            let http = reply.status.as_u16();
            // Neither a panic, nor what nobody has thought of.
            assert!(
                ![2, 13, 15].contains(&code) && http != 500,
                "{told}: {reply:?}"
            );
            refused += usize::from(code != 0);
            if number % GOOD_EVERY == 0 {
                let json = format!(r#"{{"parameters":"{number}"}}"#);
                let reply = world.ask(send(post_json(), json.clone())).await;
                assert_eq!(
                    (reply.code(), reply.text()),
                    (0, format!(")]}}'\n{json}\n"))
                );
            }
        }
        assert!(
            refused > REQUESTS / 2,
            "{refused} of {REQUESTS} were garbage"
        );
    });
}
