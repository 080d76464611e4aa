//! Phrases that would be too much: each is refused with a sentence, none is expanded.

use distributor_core::dm::abnormal_finish::Status;

use crate::support::{Bench, Method};

fn depending(rest: &str, phrase: &str) -> String {
    format!(r#"{{"name":"x","stages":[{{"deps":{{"deps":[{{{rest}"phrase":{phrase}}}]}}}}]}}"#)
}

#[tokio::test]
async fn hostile_phrases_are_rejected() {
    let nested = r#"{"name":"x","stages":[{"deps":{"deps":[{"phrase":"#.repeat(10_000);
    let long = format!(r#"{{"name":"{}"}}"#, "y".repeat(200_000));
    let leaf = r#"{"name":"y"}"#;
    let phrases = [
        depending(r#""shards":"18446744073709551615","#, leaf),
        depending(r#""shards":"1000","#, &long),
        depending(r#""retries":4294967295,"#, leaf),
        depending(
            r#""attempts":{"items":[{"range":{"low":1,"high":4294967295}}]},"#,
            leaf,
        ),
        depending("", &depending(r#""shards":"99999999","#, leaf)),
        nested,
        "[".repeat(100_000),
        "\0".repeat(100_000),
    ];
    let bench = Bench::new();
    for phrase in phrases {
        let (status, reason) = bench.abnormal(bench.submit(&phrase, 1)).await;
        assert_eq!(status, Status::Rejected);
        assert!(reason.starts_with("parameters: "), "{reason}");
        assert!(reason.len() < 1_000, "{reason}");
    }
    assert!(bench.world.calls(Method::Activate).is_empty());
}

#[tokio::test]
async fn a_wide_stage_is_one_request() {
    let bench = Bench::new();
    let id = bench.submit(&depending(r#""shards":"2000","#, r#"{"name":"y"}"#), 1);
    assert_eq!(bench.object(id).await, r#"{"success":true,"value":"2001"}"#);
    assert_eq!(bench.world.calls(Method::Ensure).len(), 2);
    assert_eq!(bench.world.graph().attempts.len(), 2001);
}
