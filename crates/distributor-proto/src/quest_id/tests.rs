//! The vectors of the original, and what has no id.

use prost::Message as _;
use prost_types::Duration;

use super::{normalize_desc, quest_id};
use crate::dm;
use crate::dm::quest::desc::{Meta, meta};

fn desc(distributor: &str, parameters: &str, distributor_parameters: &str) -> dm::quest::Desc {
    dm::quest::Desc {
        distributor_config_name: distributor.to_owned(),
        parameters: parameters.to_owned(),
        distributor_parameters: distributor_parameters.to_owned(),
        meta: None,
    }
}

fn normalized(mut desc: dm::quest::Desc) -> dm::quest::Desc {
    normalize_desc(&mut desc).expect("the description has a normal form");
    desc
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[track_caller]
fn check(desc: dm::quest::Desc, bytes: &str, id: &str) {
    let desc = normalized(desc);
    assert_eq!(hex(&desc.encode_to_vec()), bytes);
    assert_eq!(quest_id(&desc).to_string(), id);
    assert_eq!(normalized(desc.clone()), desc);
}

#[track_caller]
fn check_error(mut desc: dm::quest::Desc, expected: &str) {
    let message = normalize_desc(&mut desc).map_err(|error| error.to_string());
    assert_eq!(message, Err(expected.to_owned()));
}

#[test]
fn ids_are_those_of_the_original() {
    check(
        desc("swarming", r#"{  "key"  :  ["value"]}"#, "{  }"),
        "0a08737761726d696e6712117b226b6579223a5b2276616c7565225d7d1a027b7d220412001a00",
        "1258phYs8GW6qM5AQopQ_L3A5cZhO7iaYQZyFkNusVw",
    );
    check(
        desc("swarming", r#"{"key":["value"], "abc": true}"#, "{  }"),
        "0a08737761726d696e67121c7b22616263223a747275652c226b6579223a5b2276616c7565225d7d1a027b7d220412001a00",
        "IMTBeXfkZgGntgNfWMuLa_YQA62o9dzxi0EoLCYXbsE",
    );
    check(
        desc("fakeDistributor", r#"{"name":"quest"}"#, "{}"),
        "0a0f66616b654469737472696275746f7212107b226e616d65223a227175657374227d1a027b7d220412001a00",
        "ROqFs2Xvi5bHNJdXu0UmXL2IAXOAC1aA5_YsfZYeoLY",
    );
    check(
        desc("fakeDistributor", "{}", "{}"),
        "0a0f66616b654469737472696275746f7212027b7d1a027b7d220412001a00",
        "omX0-yLD8dUx8vUfDvhSkgQ8vicWB37GRTUiAw-8C0I",
    );
}

#[test]
fn all_of_meta_is_part_of_the_identity() {
    let mut with_meta = desc(
        "jobsim",
        r#"{"name":"x","returnStage":{"retval":"178"}}"#,
        "{}",
    );
    with_meta.meta = Some(Meta {
        as_account: "user:a@example.com".to_owned(),
        retry: Some(meta::Retry {
            failed: 2,
            ..Default::default()
        }),
        timeouts: Some(meta::Timeouts {
            start: Some(Duration {
                seconds: 300,
                nanos: 0,
            }),
            ..Default::default()
        }),
        simple: None,
    });
    let with_meta = normalized(with_meta);
    assert_eq!(
        hex(&with_meta.meta.clone().unwrap_or_default().encode_to_vec()),
        "0a12757365723a61406578616d706c652e636f6d120208021a050a0308ac02"
    );
    assert_eq!(
        quest_id(&with_meta).to_string(),
        "9ONeTH9RnvcD9i5tHBaOcI_TD1JlHDTGOFApPkasOIw"
    );
}

#[test]
fn absent_and_empty_meta_are_one_quest() {
    let absent = desc("a", "{}", "{}");
    let mut empty = absent.clone();
    empty.meta = Some(Meta::default());
    assert_eq!(normalized(empty), normalized(absent));
}

#[test]
fn a_zero_timeout_differs_from_an_absent_one() {
    let absent = normalized(desc("a", "{}", "{}"));
    let mut zero = absent.clone();
    let timeouts = meta::Timeouts {
        start: Some(Duration::default()),
        ..Default::default()
    };
    zero.meta.get_or_insert_default().timeouts = Some(timeouts);
    let zero = normalized(zero);
    assert!(hex(&zero.encode_to_vec()).ends_with("220612001a020a00"));
    assert_ne!(quest_id(&zero), quest_id(&absent));
}

#[test]
fn bad_timeouts_are_refused() {
    let with_timeouts = |timeouts: meta::Timeouts| dm::quest::Desc {
        meta: Some(Meta {
            timeouts: Some(timeouts),
            ..Default::default()
        }),
        ..desc("a", "{}", "{}")
    };
    let bad = |seconds, nanos| Some(Duration { seconds, nanos });
    for (timeouts, expected) in [
        (
            meta::Timeouts {
                start: bad(-1, 0),
                ..Default::default()
            },
            "meta.timeouts.start: duration is negative: use zero or more",
        ),
        (
            meta::Timeouts {
                run: bad(0, -1),
                ..Default::default()
            },
            "meta.timeouts.run: duration is negative: use zero or more",
        ),
        (
            meta::Timeouts {
                stop: bad(0, i32::MAX),
                ..Default::default()
            },
            "meta.timeouts.stop: duration is out of range: use at most 315576000000 s and 999999999 ns",
        ),
    ] {
        check_error(with_timeouts(timeouts), expected);
    }
}

#[test]
fn size_is_limited_before_normalization() {
    let object = |length: usize| format!("{{{}}}", " ".repeat(length - 2));
    let largest = desc("a", &object(262_142), "{}");
    assert_eq!(normalized(largest), normalized(desc("a", "{}", "{}")));
    check_error(
        desc("a", &object(256_001), &object(256_001)),
        "parameters and distributor_parameters: too large: 512002 > 262144 bytes together",
    );
}

#[test]
fn parameters_must_be_objects() {
    check_error(
        desc("a", "", "{}"),
        "parameters: expected a JSON object, found nothing: write {} for an empty object at line 1 column 1",
    );
    check_error(
        desc("a", "{}", "[]"),
        "distributor_parameters: expected a JSON object, found an array: put it into an object at line 1 column 1",
    );
}

const QUEST: &str = "omX0-yLD8dUx8vUfDvhSkgQ8vicWB37GRTUiAw-8C0I";

fn need(name: &str, quest: &str) -> meta::simple::Need {
    meta::simple::Need {
        name: name.to_owned(),
        quest: quest.to_owned(),
    }
}

fn input(path: &str, digest_length: usize) -> meta::simple::Input {
    meta::simple::Input {
        path: path.to_owned(),
        sha256: vec![7; digest_length],
    }
}

fn simple(needs: Vec<meta::simple::Need>, inputs: Vec<meta::simple::Input>) -> dm::quest::Desc {
    dm::quest::Desc {
        meta: Some(Meta {
            simple: Some(meta::Simple {
                needs,
                inputs,
                ..Default::default()
            }),
            ..Default::default()
        }),
        ..desc("a", "{}", "{}")
    }
}

#[test]
fn order_of_needs_and_inputs_does_not_matter() {
    let one = simple(
        vec![need("b", QUEST), need("a", QUEST)],
        vec![input("y", 32), input("x", 32)],
    );
    let other = simple(
        vec![need("a", QUEST), need("b", QUEST)],
        vec![input("x", 32), input("y", 32)],
    );
    assert_eq!(normalized(one), normalized(other));
}

#[test]
fn being_simple_is_part_of_the_identity() {
    let plain = normalized(desc("a", "{}", "{}"));
    let simple = normalized(simple(Vec::new(), Vec::new()));
    assert!(hex(&simple.encode_to_vec()).ends_with("220712001a00a20600"));
    assert_ne!(quest_id(&plain), quest_id(&simple));
}

#[test]
fn malformed_needs_and_inputs_are_refused() {
    for (needs, inputs, expected) in [
        (
            vec![need("", QUEST)],
            vec![],
            "meta.simple.needs[0].name: is empty: name what is needed",
        ),
        (
            vec![need("a", QUEST), need("b", "x")],
            vec![],
            "meta.simple.needs[1].quest: quest id \"x\" is malformed: expected 43 characters of unpadded base64url",
        ),
        (
            vec![need("a", QUEST), need("b", QUEST), need("a", QUEST)],
            vec![],
            "meta.simple.needs: \"a\" is used twice: give each need its own name",
        ),
        (
            vec![],
            vec![input("", 32)],
            "meta.simple.inputs[0].path: is empty: name the file",
        ),
        (
            vec![],
            vec![input("x", 32), input("y", 31)],
            "meta.simple.inputs[1].sha256: has 31 bytes: a SHA-256 has 32",
        ),
        (
            vec![],
            vec![input("x", 32), input("x", 32)],
            "meta.simple.inputs: \"x\" is listed twice: list each file once",
        ),
    ] {
        check_error(simple(needs, inputs), expected);
    }
}
