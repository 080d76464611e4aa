//! Content-Type, Accept, Content-Encoding, Accept-Encoding.

use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use http::HeaderValue;

use super::{World, post, post_json, run, send};

const BINARY: &str = "application/prpc; encoding=binary";
const JSON: &str = "application/json";
const TEXT: &str = "application/prpc; encoding=text";

pub(super) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn the_reply_has_the_form_that_is_liked_best() {
    let table = [
        ("", BINARY),
        ("  ", BINARY),
        ("*/*", BINARY),
        ("application/*", BINARY),
        ("application/prpc", BINARY),
        ("application/prpc;encoding=binary", BINARY),
        ("application/prpc; encoding=\"json\"", JSON),
        ("application/prpc; encoding=json", JSON),
        ("Application/JSON", JSON),
        ("application/json; charset=utf-8", JSON),
        ("APPLICATION/PRPC; ENCODING=text", TEXT),
        // What is liked equally: binary, then JSON, then text.
        ("application/json, application/prpc", BINARY),
        ("application/prpc; encoding=text, application/json", JSON),
        ("application/json, */*", BINARY),
        ("application/json, */*;q=0.9", JSON),
        ("application/json;q=0.8, application/prpc;q=0.9", BINARY),
        (
            "application/json;q=0.9, application/prpc;encoding=text;q=1",
            TEXT,
        ),
        (
            "application/json; q=0.1, application/prpc; q=0.09, */*; q=0.01",
            JSON,
        ),
        (
            "application/json; Q=1.000; extension=\"a,b;c\", */*;q=0",
            JSON,
        ),
        // What is unknown is skipped.
        (
            "text/html, application/xhtml+xml, application/json;q=0.1",
            JSON,
        ),
        ("application/prpc; encoding=cbor, application/json", JSON),
        ("application/prpc; other=1, application/json", JSON),
        ("x; y=\"application/prpc, \\\" \", application/json", JSON),
        ("x//y,, ;, application/json", JSON),
    ];
    run(async {
        let world = World::new();
        for (accept, expected) in table {
            let request = post("test.Test/Echo").header("Accept", accept);
            let reply = world.ask(send(request, "")).await;
            assert_eq!(
                (reply.code(), reply.header("Content-Type")),
                (0, Some(expected)),
                "{accept}"
            );
        }
        let several = post("test.Test/Echo")
            .header("Accept", "application/json;q=0.5")
            .header("Accept", "application/prpc;encoding=text;q=0.6");
        let reply = world.ask(send(several, "")).await;
        assert_eq!(reply.header("Content-Type"), Some(TEXT));
    });
}

#[test]
fn a_reply_that_cannot_be_given_is_refused() {
    run(async {
        let world = World::new();
        for accept in [
            "text/html",
            "application/json;q=0",
            "application/prpc; boo=true",
            "application/prpc; encoding=blah",
            "application/prpc; encoding",
            "x",
            "x//y",
            ",",
        ] {
            let request = post("test.Test/Echo").header("Accept", accept);
            let reply = world.ask(send(request, "")).await;
            assert_eq!((reply.status.as_u16(), reply.code()), (406, 3), "{accept}");
            assert!(
                reply
                    .text()
                    .starts_with(&format!("Accept: {accept} names nothing"))
            );
        }
        for accept in [
            "text/html;q=q",
            "application/json;q=",
            "application/json;q=2",
            "application/json;q=-1",
            "application/json;q=NaN",
            "application/json, */*;q=1,5;q=x",
        ] {
            let request = post("test.Test/Echo").header("Accept", accept);
            let reply = world.ask(send(request, "")).await;
            assert_eq!((reply.status.as_u16(), reply.code()), (400, 3), "{accept}");
        }
        let not_text = HeaderValue::from_bytes(b"application/json, \xff\xfe").unwrap();
        let request = post("test.Test/Echo").header("Accept", not_text);
        let reply = world.ask(send(request, "")).await;
        reply.check_error(400, 3, "Accept: must be text in UTF-8");
    });
}

#[test]
fn a_request_in_an_unknown_form_is_refused() {
    run(async {
        let world = World::new();
        for content_type in [
            "text/plain",
            "application/x-www-form-urlencoded",
            "application/grpc",
            "application/prpc; encoding=cbor",
            "application/prpc; other=binary",
            "application/prpc; encoding=binary; other=1",
            "application/json;q=x",
            "*/*",
            ";",
        ] {
            let request = post("test.Test/Echo").header("Content-Type", content_type);
            let reply = world.ask(send(request, "")).await;
            assert_eq!(
                (reply.status.as_u16(), reply.code()),
                (415, 3),
                "{content_type}"
            );
        }
        let not_text = HeaderValue::from_bytes(b"\xff\xfe").unwrap();
        let request = post("test.Test/Echo").header("Content-Type", not_text);
        assert_eq!(world.ask(send(request, "")).await.status.as_u16(), 415);
    });
}

#[test]
fn compressed_requests_are_read() {
    let json = r#"{"parameters":"{}"}"#;
    run(async {
        let world = World::new();
        let halves = [gzip(br#"{"parameters""#), gzip(br#":"{}"}"#)].concat();
        for (encoding, body) in [
            ("gzip", gzip(json.as_bytes())),
            ("GZIP", gzip(json.as_bytes())),
            // A file of two parts is a file.
            ("gzip", halves),
            ("identity", json.as_bytes().to_vec()),
            ("", json.as_bytes().to_vec()),
        ] {
            let request = post_json().header("Content-Encoding", encoding);
            let reply = world.ask(send(request, body)).await;
            assert_eq!(
                (reply.code(), reply.text()),
                (0, format!(")]}}'\n{json}\n")),
                "{encoding}"
            );
        }
    });
}

#[test]
fn other_encodings_and_broken_files_are_refused() {
    run(async {
        let world = World::new();
        for encoding in ["br", "deflate", "gzip, gzip", "x-gzip"] {
            let request = post_json().header("Content-Encoding", encoding);
            let reply = world.ask(send(request, "{}")).await;
            let message = format!("Content-Encoding: {encoding} is not supported; gzip is");
            reply.check_error(415, 3, &message);
        }
        let whole = gzip(b"{}");
        for body in [&b""[..], b"{}", &whole[..whole.len() - 1], &whole[..5]] {
            let request = post_json().header("Content-Encoding", "gzip");
            let reply = world.ask(send(request, body.to_vec())).await;
            assert_eq!((reply.status.as_u16(), reply.code()), (400, 3));
            assert!(reply.text().starts_with("body: is not gzip"));
        }
    });
}

#[test]
fn large_replies_are_compressed_for_those_who_can_read_that() {
    // The reply is this and two bytes more.
    let body = |size: usize| [b"\x12\xfe\x07", vec![b'x'; size - 3].as_slice()].concat();
    run(async {
        let world = World::new();
        for (accept, size, compressed) in [
            ("gzip", 1025, true),
            ("gzip", 1024, false),
            ("deflate, gzip;q=0.5, br", 1025, true),
            ("GZip", 1025, true),
            ("gzip;q=0", 1025, false),
            ("gzip;q=x", 1025, false),
            ("deflate", 1025, false),
            ("", 1025, false),
        ] {
            let mut body = body(size);
            body[1..3].copy_from_slice(&varint(size - 3));
            let request = post("test.Test/Echo").header("Accept-Encoding", accept);
            let reply = world.ask(send(request, body.clone())).await;
            assert_eq!(reply.code(), 0);
            assert_eq!(
                reply.header("Content-Encoding"),
                compressed.then_some("gzip"),
                "{accept}"
            );
            let mut plain = reply.body.clone();
            if compressed {
                plain.clear();
                GzDecoder::new(reply.body.as_slice())
                    .read_to_end(&mut plain)
                    .unwrap();
                assert!(reply.body.len() < 100);
            }
            assert_eq!(plain, body);
        }
    });
}

/// A length of two bytes.
fn varint(length: usize) -> [u8; 2] {
    let [low, high] = [length & 0x7f | 0x80, length >> 7];
    [low, high].map(|byte| u8::try_from(byte).unwrap())
}
