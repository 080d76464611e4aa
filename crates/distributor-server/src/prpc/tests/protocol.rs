//! Codes, errors, unknown methods, other HTTP methods, discovery.

use axum::body::Body;
use distributor_proto::DESCRIPTOR_SET;
use http::{Method, Request};
use prost::Message;

use super::super::discovery::DescribeResponse;
use super::{World, post, post_json, run, send};

#[test]
fn every_code_has_its_http_status() {
    const TABLE: [(u32, u16, Option<&str>); 16] = [
        (1, 499, None),
        (2, 500, Some("Internal Server Error")),
        (3, 400, None),
        (4, 504, Some("Gateway Timeout")),
        (5, 404, None),
        (6, 409, None),
        (7, 403, None),
        (8, 429, None),
        (9, 400, None),
        (10, 409, None),
        (11, 400, None),
        (12, 501, Some("Not Implemented")),
        (13, 500, Some("Internal Server Error")),
        (14, 503, Some("Service Unavailable")),
        (15, 410, None),
        (16, 401, None),
    ];
    run(async {
        let world = World::new();
        for (code, http, instead) in TABLE {
            let body = format!(r#"{{"meta":{{"retry":{{"failed":{}}}}}}}"#, code - 1);
            let request = post("test.Test/Fail").header("Content-Type", "application/json");
            let reply = world.ask(send(request, body)).await;
            reply.check_error(http, code, instead.unwrap_or("what is wrong"));
            assert_eq!(reply.header("X-Prpc-Status-Details-Bin"), None);
        }
    });
}

#[test]
fn a_panic_is_an_internal_error_and_nothing_more() {
    run(async {
        let world = World::new();
        let reply = world.ask(send(post("test.Test/Panic"), "")).await;
        reply.check_error(500, 13, "Internal Server Error");
        assert_eq!(world.ask(send(post_json(), "{}")).await.code(), 0);
    });
}

#[test]
fn undecodable_bodies_say_what_is_wrong() {
    run(async {
        let world = World::new();
        for (content_type, body, expected) in [
            (
                "application/json",
                r#"{"nope":1}"#,
                "body: malformed dm.Quest.Desc in JSON: unrecognized field name 'nope' at line 1 column 7",
            ),
            (
                "application/json",
                "",
                "body: malformed dm.Quest.Desc in JSON: EOF while parsing a value at line 1 column 0",
            ),
            (
                "application/prpc; encoding=text",
                "nope: 1",
                "body: malformed dm.Quest.Desc in text format: field 'nope' not found for message \
                 'dm.Quest.Desc' at line 1 column 1",
            ),
        ] {
            let request = post("test.Test/Echo").header("Content-Type", content_type);
            let reply = world.ask(send(request, body)).await;
            reply.check_error(400, 3, expected);
        }
        let not_utf8 = world
            .ask(send(post_json(), &b"{\"parameters\":\"\xff\"}"[..]))
            .await;
        assert_eq!((not_utf8.status.as_u16(), not_utf8.code()), (400, 3));
        let long = format!("{{\"{}\":1}}", "é".repeat(100_000));
        let reply = world.ask(send(post_json(), long)).await;
        assert_eq!(reply.code(), 3);
        assert!(reply.body.len() < 1100, "quotes the whole body");
    });
}

#[test]
fn what_is_no_method_is_unimplemented() {
    run(async {
        let world = World::new();
        for method in [
            "dm.Deps/Nope",
            "dm.Nope/WalkGraph",
            "distributor.control.Control/Watch",
            "dm.Deps/WalkGraph/",
            "dm.Deps/",
            "dm.Deps",
            "/",
            "",
            "a/b/c",
            "%ff%fe/%00",
        ] {
            // Nobody waits for a body that nobody will read.
            let body = super::limits::silent().0;
            let reply = world.ask(send(post(method), body)).await;
            reply.check_error(501, 12, "Not Implemented");
        }
    });
}

#[test]
fn every_real_method_is_there() {
    run(async {
        let world = World::new();
        for method in [
            "dm.Deps/EnsureGraphData",
            "dm.Deps/ActivateExecution",
            "dm.Deps/FinishAttempt",
            "dm.Deps/WalkGraph",
            "distributor.control.Control/Cancel",
            "distributor.control.Control/List",
            "distributor.control.Control/Explain",
            "distributor.control.Control/FindQuests",
            "distributor.control.Control/ReadLog",
            "distributor.control.Control/Collect",
        ] {
            let request = post(method).header("Content-Type", "application/json");
            let reply = world.ask(send(request, r#"{"no such field":1}"#)).await;
            assert_eq!((reply.status.as_u16(), reply.code()), (400, 3), "{method}");
        }
    });
}

#[test]
fn only_post_is_a_call_and_others_are_told_so() {
    run(async {
        let world = World::new();
        for path in ["/prpc/test.Test/Echo", "/prpc/", "/prpc"] {
            for method in ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "FOO"] {
                let method = Method::from_bytes(method.as_bytes()).unwrap();
                let request = Request::builder().method(&method).uri(path);
                let reply = world.ask(send(request, Body::empty())).await;
                assert_eq!((reply.status.as_u16(), reply.code()), (405, 12), "{method}");
                assert_eq!(reply.header("Allow"), Some("POST"));
                let text = reply.text();
                let is_helpful =
                    text.contains("POST /prpc/<service>/<method>") && text.contains("dm.Deps");
                assert_eq!(is_helpful, method != Method::HEAD, "{text}");
            }
        }
    });
}

#[test]
fn discovery_describes_the_services_in_binary() {
    run(async {
        let world = World::new();
        let method = "discovery.Discovery/Describe";
        let reply = world.ask(send(post(method), "")).await;
        assert_eq!(reply.code(), 0);
        let described = DescribeResponse::decode(reply.body.as_slice()).unwrap();
        assert_eq!(
            described.services,
            ["dm.Deps", "distributor.control.Control"]
        );
        assert_eq!(described.description, DESCRIPTOR_SET);

        let request = post(method)
            .header("Content-Type", "application/json")
            .header("Accept", "application/json");
        let reply = world.ask(send(request, "{}")).await;
        reply.check_error(
            406,
            3,
            "discovery.DescribeResponse can be had in binary only: ask for it with Accept: \
             application/prpc; encoding=binary",
        );
    });
}
