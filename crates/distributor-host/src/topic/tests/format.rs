//! The bytes: vectors, and the rows that need no file.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use distributor_core::{Secret, Timestamp};

use super::super::format::{self, EncodeError, Fields};
use super::super::{DEFAULT_LIFETIME, TokenRefusal};
use super::{ISSUED, MINUTE, V1, V1_SECRET, fields, text, v1_fields};

fn secret(text: &str) -> Secret {
    Secret::new(text.as_bytes())
}

fn encode(state: &[u8], fields: Fields, lifetime: Option<Duration>) -> Secret {
    format::encode(&secret("secret"), state, fields, ISSUED, lifetime).unwrap()
}

fn decode(state: &[u8], token: &str, now: Timestamp) -> Result<Fields, TokenRefusal> {
    format::decode([&secret("secret")], state, token, now, DEFAULT_LIFETIME)
}

/// A token around this text, whatever it is, with a good MAC.
fn signed(version: u8, public: &str) -> String {
    let signed = format::sign(&secret("secret"), version, public.as_bytes(), b"").unwrap();
    text(&signed).to_owned()
}

#[test]
fn v1_k15_the_topic_token_of_the_specification_is_made_byte_for_byte() {
    let secret = secret(V1_SECRET);
    let token = format::encode(&secret, b"", v1_fields(), ISSUED, None).unwrap();
    assert_eq!(text(&token), V1);
    let read = format::decode([&secret], b"", V1, ISSUED, DEFAULT_LIFETIME);
    assert_eq!(read, Ok(v1_fields()));

    let bytes = URL_SAFE_NO_PAD.decode(V1).unwrap();
    let (public, mac) = bytes[1..].split_at(bytes.len() - 33);
    assert_eq!(
        std::str::from_utf8(public).unwrap(),
        r#"{"_i":"1444945245000","attempt":"1","cfgName":"jobsim","execution":"1","quest":"1258phYs8GW6qM5AQopQ_L3A5cZhO7iaYQZyFkNusVw"}"#
    );
    let mac: String = mac.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(
        mac,
        "41530c2d38cbb1bbd4c21cc4e1c35a6f75696a306df9911d2e23a05502b24a8b"
    );
}

#[test]
fn v2_k15_a_token_that_embeds_nothing() {
    let v2 = "AXsiX2kiOiIxNDQ0OTQ1MjQ1MDAwIn1TICV2lv6Db7SRjBI5KAWFHixZobT2lMXXdsGCmRUENw";
    assert_eq!(text(&encode(b"", Fields::new(), None)), v2);
    assert_eq!(decode(b"", v2, ISSUED), Ok(Fields::new()));
}

#[test]
fn v3_k15_a_token_with_fields_and_a_state() {
    let v3 = "AXsiX2kiOiIxNDQ0OTQ1MjQ1MDAwIiwia2V5MSI6InZhbHVlMSIsImtleTIiOiJ2YWx1ZTIifaiOQesLwkojdBIDJgTzKpijxb_S3pV5nZ8QkrSv8507";
    let two = fields(&[("key2", "value2"), ("key1", "value1")]);
    assert_eq!(text(&encode(b"state", two.clone(), None)), v3);
    assert_eq!(decode(b"state", v3, ISSUED), Ok(two));
}

#[test]
fn k01_a_token_that_embeds_nothing_is_not_empty() {
    assert!(!encode(b"", Fields::new(), None).is_empty());
}

/// There is one algorithm, and a negative lifetime cannot even be written down.
#[test]
fn k02_reserved_and_empty_keys_and_lifetimes_without_end_are_refused() {
    let refused = |key: &str, lifetime| {
        let fields = fields(&[(key, "x")]);
        format::encode(&secret("secret"), b"", fields, ISSUED, lifetime).unwrap_err()
    };
    assert_eq!(refused("", None), EncodeError::EmptyKey);
    for key in ["_x", "_i", "_", "_quest"] {
        assert_eq!(refused(key, None), EncodeError::Reserved(key.to_owned()));
    }
    assert_eq!(refused("k", Some(Duration::MAX)), EncodeError::Lifetime);
    let early = Timestamp::from_micros(-1);
    let before = format::encode(&secret("s"), b"", Fields::new(), early, None);
    assert_eq!(before.unwrap_err(), EncodeError::Issued);
    // Somebody who has the secret but not our rules.
    let negative = signed(1, r#"{"_i":"1444945245000","_x":"-1"}"#);
    assert_eq!(decode(b"", &negative, ISSUED), Err(TokenRefusal::Lifetime));
}

#[test]
fn k03_the_fields_come_back_without_the_reserved_ones() {
    let token = encode(b"state", fields(&[("k", "v")]), Some(MINUTE));
    let public = URL_SAFE_NO_PAD.decode(token.expose()).unwrap();
    let public = String::from_utf8_lossy(&public);
    assert!(public.contains(r#""_x":"60000""#), "{public}");
    let read = decode(b"state", text(&token), ISSUED);
    assert_eq!(read, Ok(fields(&[("k", "v")])));
}

#[test]
fn k04_another_state_or_another_first_character_is_a_bad_mac() {
    let token = encode(b"state", v1_fields(), None);
    let token = text(&token);
    for (state, token) in [
        (&b"other"[..], token.to_owned()),
        (b"", token.to_owned()),
        (b"state", token.replacen('A', "X", 1)),
    ] {
        assert_eq!(decode(state, &token, ISSUED), Err(TokenRefusal::BadMac));
    }
}

#[test]
fn k05_what_is_no_base64_is_a_bad_encoding() {
    for token in [
        V1.replacen('A', "?", 1),
        format!("{V1}="),
        format!("{V1}=="),
        format!(" {V1}"),
        format!("{V1}\n"),
        // One character alone holds no byte.
        V1[..V1.len() / 4 * 4 - 3].to_owned(),
        V1.replace('-', "+").replace('_', "/"),
        // The same bytes, with bits that belong to none of them.
        signed_with_loose_bits(),
    ] {
        let read = format::decode([&secret(V1_SECRET)], b"", &token, ISSUED, DEFAULT_LIFETIME);
        assert_eq!(read, Err(TokenRefusal::Encoding), "{token}");
    }
    let enormous = "A".repeat(format::LONGEST_TEXT + 1);
    assert_eq!(decode(b"", &enormous, ISSUED), Err(TokenRefusal::TooLarge));
}

/// A good token whose last character is the next one of the alphabet.
fn signed_with_loose_bits() -> String {
    let mut token = format::encode(
        &secret(V1_SECRET),
        b"",
        fields(&[("cfgName", "jobsi")]),
        ISSUED,
        None,
    )
    .map(|token| text(&token).to_owned())
    .unwrap();
    assert_ne!(token.len() % 4, 0, "some bits are loose");
    let last = token.pop().unwrap();
    let next = char::from(u8::try_from(last).unwrap() + 1);
    token.push(next);
    token
}

#[test]
fn k06_too_small_is_said_whatever_the_loose_bits_are() {
    for token in ["", "AA", &V1[..10], &V1[..44], &"A".repeat(44)] {
        assert_eq!(decode(b"", token, ISSUED), Err(TokenRefusal::TooSmall));
    }
    // 34 bytes could be one.
    let smallest = "A".repeat(46);
    assert_eq!(decode(b"", &smallest, ISSUED), Err(TokenRefusal::BadMac));
}

#[test]
fn k07_a_lifetime_of_half_an_hour_is_over_after_31_minutes() {
    let token = encode(b"", Fields::new(), None);
    let read = |minutes| {
        let now = ISSUED.after(MINUTE * minutes);
        format::decode([&secret("secret")], b"", text(&token), now, MINUTE * 30)
    };
    assert_eq!(read(30), Ok(Fields::new()));
    assert_eq!(read(31), Err(TokenRefusal::Expired));
}

#[test]
fn k08_a_token_may_have_a_lifetime_of_its_own() {
    let token = encode(b"", Fields::new(), Some(MINUTE));
    assert_eq!(decode(b"", text(&token), ISSUED), Ok(Fields::new()));
    let later = ISSUED.after(MINUTE * 2);
    let read = decode(b"", text(&token), later);
    assert_eq!(read, Err(TokenRefusal::Expired));
    let longer = encode(b"", Fields::new(), Some(DEFAULT_LIFETIME * 2));
    let later = ISSUED.after(DEFAULT_LIFETIME * 2);
    assert_eq!(decode(b"", text(&longer), later), Ok(Fields::new()));
}

#[test]
fn k09_values_of_every_padding_length_survive() {
    for length in 0..10 {
        let embedded = fields(&[("k", &"v".repeat(length))]);
        let token = encode(b"", embedded.clone(), None);
        assert!(!text(&token).contains('='));
        assert_eq!(decode(b"", text(&token), ISSUED), Ok(embedded));
    }
}

#[test]
fn k10_a_former_secret_is_honoured_for_as_long_as_it_is_given() {
    let token = encode(b"", Fields::new(), None);
    let read = |secrets: &[&str]| {
        let secrets: Vec<Secret> = secrets.iter().map(|text| secret(text)).collect();
        format::decode(&secrets, b"", text(&token), ISSUED, DEFAULT_LIFETIME)
    };
    assert_eq!(read(&["new", "secret"]), Ok(Fields::new()));
    assert_eq!(read(&["newest", "new", "secret"]), Ok(Fields::new()));
    assert_eq!(read(&["new"]), Err(TokenRefusal::BadMac));
    assert_eq!(read(&[]), Err(TokenRefusal::BadMac));
}

#[test]
fn k11_a_clock_may_be_behind_by_thirty_seconds() {
    let token = encode(b"", Fields::new(), None);
    let read = |seconds: i64| {
        let now = Timestamp::from_micros(ISSUED.as_micros() - seconds * 1_000_000);
        decode(b"", text(&token), now)
    };
    assert_eq!(read(29), Ok(Fields::new()));
    assert_eq!(read(30), Ok(Fields::new()));
    assert_eq!(read(31), Err(TokenRefusal::Future));
}

#[test]
fn k12_the_last_millisecond_is_included() {
    let token = encode(b"", Fields::new(), None);
    let read = |after| decode(b"", text(&token), ISSUED.after(after));
    assert_eq!(read(DEFAULT_LIFETIME), Ok(Fields::new()));
    let late = DEFAULT_LIFETIME + Duration::from_millis(1);
    assert_eq!(read(late), Err(TokenRefusal::Expired));
}

#[test]
fn k13_a_genuine_token_of_another_version_is_told_from_a_forged_one() {
    let public = r#"{"_i":"1444945245000"}"#;
    let version_2 = signed(2, public);
    let read = decode(b"", &version_2, ISSUED);
    assert_eq!(read, Err(TokenRefusal::BadVersion));
    // Version 1, changed to 2 by somebody without the secret.
    let mut forged = URL_SAFE_NO_PAD.decode(signed(1, public)).unwrap();
    forged[0] = 2;
    let forged = URL_SAFE_NO_PAD.encode(forged);
    assert_eq!(decode(b"", &forged, ISSUED), Err(TokenRefusal::BadMac));
}

#[test]
fn the_reserved_fields_must_be_there_and_numbers() {
    use TokenRefusal::{Malformed, Missing, Number};
    for (public, refusal) in [
        ("{}", Missing("_i")),
        (r#"{"_i":""}"#, Number("_i")),
        (r#"{"_i":"+1444945245000"}"#, Number("_i")),
        (r#"{"_i":" 1444945245000"}"#, Number("_i")),
        (r#"{"_i":"1444945245000.0"}"#, Number("_i")),
        (r#"{"_i":"-"}"#, Number("_i")),
        (r#"{"_i":"--1"}"#, Number("_i")),
        (r#"{"_i":"99999999999999999999"}"#, Number("_i")),
        (r#"{"_i":"1444945245000","_x":"1s"}"#, Number("_x")),
        (r#"{"_i":"-9223372036854775808"}"#, TokenRefusal::Expired),
        (r#"{"_i":"9223372036854775807"}"#, TokenRefusal::Future),
        (r#"{"_i":1444945245000}"#, Malformed),
        (r#"["_i","1444945245000"]"#, Malformed),
        ("null", Malformed),
        ("", TokenRefusal::TooSmall),
        (r#"{"_i":"1444945245000"}x"#, Malformed),
    ] {
        let read = decode(b"", &signed(1, public), ISSUED);
        assert_eq!(read, Err(refusal), "{public}");
    }
}

#[test]
fn a_verifier_does_not_mind_another_encoders_spacing() {
    let token = signed(1, "{ \"k\" : \"\\u003cv\",\n \"_i\":\"1444945245000\" }");
    let read = decode(b"", &token, ISSUED);
    assert_eq!(read, Ok(fields(&[("k", "<v")])));
}

#[test]
fn strings_are_escaped_as_the_original_does() {
    let token = encode(
        b"",
        fields(&[("k", "<&>\u{2028}\"\\\u{8}\n\u{7f}é/")]),
        None,
    );
    let bytes = URL_SAFE_NO_PAD.decode(token.expose()).unwrap();
    let public = std::str::from_utf8(&bytes[1..bytes.len() - 32]).unwrap();
    assert_eq!(
        public,
        "{\"_i\":\"1444945245000\",\"k\":\"\\u003c\\u0026\\u003e\\u2028\\\"\\\\\\u0008\\n\u{7f}é/\"}"
    );
}
