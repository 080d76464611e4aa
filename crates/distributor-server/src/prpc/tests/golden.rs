//! Replies to the byte, and a request as the original's clients send it.

use distributor_proto::dm;
use prost::Message;

use super::{World, post, run, send};

/// A client need not leave out what has its default: the last two bytes.
const BINARY: &[u8] = b"\x0a\x05local\x12\x02{}\x22\x09\x1a\x07\x0a\x05\x08\xac\x02\x10\x00";
const SHORTEST: &[u8] = b"\x0a\x05local\x12\x02{}\x22\x07\x1a\x05\x0a\x03\x08\xac\x02";
const JSON: &str =
    r#"{"distributorConfigName":"local","parameters":"{}","meta":{"timeouts":{"start":"300s"}}}"#;
const TEXT: &str = "distributor_config_name: \"local\"\nparameters: \"{}\"\nmeta {\n  timeouts {\n    \
                    start {\n      seconds: 300\n    }\n  }\n}";

#[test]
fn every_form_is_read_and_answered_in_every_form() {
    run(async {
        let world = World::new();
        let requests: [(&str, &[u8]); 4] = [
            ("application/prpc; encoding=binary", BINARY),
            ("application/json", JSON.as_bytes()),
            ("application/prpc; encoding=json", JSON.as_bytes()),
            ("application/prpc; encoding=text", TEXT.as_bytes()),
        ];
        let replies = [
            ("application/prpc; encoding=binary", SHORTEST.to_vec()),
            ("application/json", format!(")]}}'\n{JSON}\n").into_bytes()),
            (
                "application/prpc; encoding=text",
                format!("{TEXT}\n").into_bytes(),
            ),
        ];
        for (content_type, body) in requests {
            for (accept, expected) in &replies {
                let request = post("test.Test/Echo")
                    .header("Content-Type", content_type)
                    .header("Accept", *accept);
                let reply = world.ask(send(request, body)).await;
                assert_eq!(reply.code(), 0);
                assert_eq!(reply.header("Content-Type"), Some(*accept));
                assert_eq!(&reply.body, expected, "{content_type} to {accept}");
            }
        }
    });
}

#[test]
fn empty_messages_have_their_own_bytes() {
    run(async {
        let world = World::new();
        for (accept, expected) in [
            ("application/prpc; encoding=binary", ""),
            ("application/json", ")]}'\n{}\n"),
            ("application/prpc; encoding=text", ""),
        ] {
            let request = post("test.Test/Echo").header("Accept", accept);
            let reply = world.ask(send(request, "")).await;
            assert_eq!((reply.code(), reply.text().as_str()), (0, expected));
        }
    });
}

#[test]
fn json_has_both_spellings_in_and_one_out() {
    run(async {
        let world = World::new();
        let limits = r#"{"limit":{"max_depth":-1,"maxTime":"2.500s","maxDataSize":7},
                         "mode":{"dfs":false,"direction":"BOTH"},"auth":{"token":"//4="}}"#;
        let request = post("test.Test/Walk")
            .header("Content-Type", "application/json; charset=utf-8")
            .header("Accept", "application/json");
        let reply = world.ask(send(request, limits)).await;
        // Defaults are left out, 64 bits are text, bytes are base64, enums have names.
        let expected = r#"{"auth":{"token":"//4="},"mode":{"direction":"BOTH"},"limit":{"maxDepth":"-1","maxTime":"2.500s","maxDataSize":7}}"#;
        assert_eq!(reply.text(), format!(")]}}'\n{expected}\n"));

        let graph = dm::WalkGraphReq {
            exclude: Some(dm::walk_graph_req::Exclude {
                quests: vec!["q".to_owned()],
                ..Default::default()
            }),
            ..Default::default()
        };
        let request = post("test.Test/Walk").header("Accept", "application/json");
        let reply = world.ask(send(request, graph.encode_to_vec())).await;
        assert_eq!(reply.text(), ")]}'\n{\"exclude\":{\"quests\":[\"q\"]}}\n");
    });
}

#[test]
fn the_original_client_for_go_gets_what_it_expects() {
    run(async {
        let world = World::new();
        let request = post("test.Test/Echo")
            .header("Content-Type", "application/prpc; encoding=binary")
            .header("Accept", "application/prpc; encoding=binary")
            .header("Accept-Encoding", "gzip")
            .header("User-Agent", "pRPC Client 1.0")
            .header("X-Prpc-Grpc-Timeout", "60S")
            .header("Content-Length", BINARY.len().to_string())
            .header("X-Request-Bin", "not base64, and nobody looks at it");
        let reply = world.ask(send(request, BINARY)).await;
        assert_eq!(reply.code(), 0);
        assert_eq!(
            reply.header("Content-Type"),
            Some("application/prpc; encoding=binary")
        );
        assert_eq!(reply.header("Content-Encoding"), None);
        assert_eq!(reply.body, SHORTEST);
    });
}

#[test]
fn a_whole_error_reply() {
    run(async {
        let world = World::new();
        let request = post("test.Test/Echo").header("Content-Type", "text/html");
        let reply = world.ask(send(request, "")).await;
        let mut headers: Vec<_> = reply.headers.keys().map(http::HeaderName::as_str).collect();
        headers.sort_unstable();
        // The length is what the body says; HTTP adds nothing but a date.
        let expected = [
            "content-length",
            "content-type",
            "x-content-type-options",
            "x-prpc-grpc-code",
        ];
        assert_eq!(headers, expected);
        reply.check_error(
            415,
            3,
            "Content-Type: text/html is not supported; these are: application/prpc; encoding=binary, \
             application/json, application/prpc; encoding=json, application/prpc; encoding=text",
        );
    });
}
