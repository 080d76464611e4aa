//! Tokens by people without the secret, and by people with strange names.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use distributor_core::Secret;

use super::super::format::{self, Fields};
use super::super::{DEFAULT_LIFETIME, TokenRefusal};
use super::{ISSUED, V1, V1_SECRET, text};

fn read(token: &str) -> Result<Fields, TokenRefusal> {
    let secret = Secret::new(V1_SECRET);
    format::decode([&secret], b"", token, ISSUED, DEFAULT_LIFETIME)
}

#[test]
fn every_part_of_a_token_is_refused() {
    for length in 0..V1.len() {
        assert!(read(&V1[..length]).is_err(), "the first {length}");
        assert!(read(&V1[V1.len() - length..]).is_err(), "the last {length}");
    }
}

#[test]
fn every_flipped_bit_is_refused() {
    let bytes = URL_SAFE_NO_PAD.decode(V1).unwrap();
    for bit in 0..bytes.len() * 8 {
        let mut changed = bytes.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        let changed = URL_SAFE_NO_PAD.encode(changed);
        assert_eq!(read(&changed), Err(TokenRefusal::BadMac), "bit {bit}");
    }
    for bit in 0..V1.len() * 8 {
        let mut changed = V1.as_bytes().to_vec();
        changed[bit / 8] ^= 1 << (bit % 8);
        let changed = String::from_utf8_lossy(&changed);
        assert!(read(&changed).is_err(), "bit {bit} of the text");
    }
}

#[test]
fn fields_cannot_be_moved_between_parts_of_a_token() {
    // The lengths are part of what is signed.
    let secret = Secret::new(V1_SECRET);
    let public = br#"{"_i":"1444945245000"}"#;
    let token = format::sign(&secret, 1, public, b"5\nstate").unwrap();
    for state in [&b""[..], b"5", b"state", b"\nstate"] {
        let read = format::decode([&secret], state, text(&token), ISSUED, DEFAULT_LIFETIME);
        assert_eq!(read, Err(TokenRefusal::BadMac));
    }
}

#[test]
fn a_thousand_random_maps_survive() {
    let mut random = Random(0x5eed);
    for _ in 0..1_000 {
        let secret = Secret::new(random.bytes(80));
        let state = random.bytes(10);
        let mut embedded = Fields::new();
        for _ in 0..random.below(6) {
            // Any first character but the reserved one.
            embedded.insert(format!("k{}", random.text()), random.text());
        }
        let own = (random.below(2) == 0).then_some(DEFAULT_LIFETIME);
        let token = format::encode(&secret, &state, embedded.clone(), ISSUED, own).unwrap();
        let other = Secret::new(random.bytes(80).into_iter().chain([1]).collect::<Vec<_>>());
        let read = |secrets: &[&Secret]| {
            let secrets = secrets.iter().copied();
            format::decode(secrets, &state, text(&token), ISSUED, DEFAULT_LIFETIME)
        };
        assert_eq!(read(&[&other, &secret]), Ok(embedded));
        assert_eq!(read(&[&other]), Err(TokenRefusal::BadMac));
    }
}

#[test]
fn refusals_and_settings_show_no_token_and_no_secret() {
    let world = super::World::new();
    let tokens = world.tokens();
    let token = tokens.issue(super::execution(1, 1), "jobsim").unwrap();
    let secret = std::fs::read_to_string(world.file()).unwrap();
    let secret = secret.split('"').nth(3).unwrap();
    let mut shown = format!("{tokens:?} {token:?} {:?}", world.queue_tokens());
    let mut forged = text(&token).to_owned();
    forged.insert(9, 'A');
    for token in [forged.as_str(), V1, ""] {
        let refusal = tokens.verify(token).unwrap_err();
        shown.push_str(&format!("{refusal} {refusal:?} {}", refusal.label()));
        assert!(!refusal.is_transient());
    }
    for hidden in [secret, text(&token), &V1[..20], &V1[150..]] {
        assert!(!shown.contains(hidden), "{shown}");
    }
}

/// A seeded source of randomness (xorshift).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    fn bytes(&mut self, most: u64) -> Vec<u8> {
        let length = self.below(most);
        (0..length).map(|_| self.next().to_le_bytes()[0]).collect()
    }

    /// Up to 20 characters, of all kinds.
    fn text(&mut self) -> String {
        let length = self.below(20);
        (0..length)
            .map(|_| {
                let end = if self.below(2) == 0 { 0x80 } else { 0x11_0000 };
                let code = u32::try_from(self.below(end)).unwrap();
                char::from_u32(code).unwrap_or('\u{fffd}')
            })
            .collect()
    }
}
