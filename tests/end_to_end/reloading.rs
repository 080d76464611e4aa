//! A configuration that changes under a running service, and over a restart.

use distributor_tests::{Place, Service};
use serde_json::{Value, json};

use crate::serving::{ask, wait_until_over, walk};

fn attempt_again(service: &Service, quest: &str, attempt: u32) {
    let request = json!({"rawAttempts": {"to": {quest: {"nums": [attempt]}}}});
    service
        .call("dm.Deps/EnsureGraphData", &request)
        .expect("a further attempt");
}

fn version(attempt: &Value) -> Value {
    attempt["executions"]["1"]["data"]["distributorInfo"]["configVersion"].clone()
}

/// Waits until the attempt has an execution.
fn wait_until_started(service: &Service, quest: &str, attempt: u32) -> Value {
    service.wait_for(|| {
        let seen = walk(service, quest, attempt);
        (!seen["executions"]["1"].is_null()).then_some(seen)
    })
}

const SLOW: &str =
    r#"distributor_configs { key: "farm" value { noop { delay { seconds: 100000 } } } }"#;
const QUICK: &str = r#"distributor_configs { key: "farm" value { noop {} } }"#;

#[test]
fn dc_02_and_dc_03_hold_over_a_reload_and_a_restart() {
    let place = Place::new();
    place.write("config/distributors.cfg", SLOW);
    place.write("config/revision", "one");
    let mut service = place.serve(&["--config-dir", "config"]);
    let quest = ask(&service, "farm", &json!({}));
    let first = wait_until_started(&service, &quest, 1);
    assert_eq!(version(&first), "one", "{first}");

    place.write("config/distributors.cfg", QUICK);
    place.write("config/revision", "two");
    service.running.wait_for("took a new configuration");
    attempt_again(&service, &quest, 2);
    let second = wait_until_over(&service, &quest, 2);
    assert_eq!(version(&second), "two", "{second}");
    assert!(!second["data"]["finished"].is_null(), "{second}");
    // It goes on with the configuration that it was started with.
    let first = walk(&service, &quest, 1);
    assert_eq!(version(&first), "one", "{first}");
    assert!(!first["data"]["executing"].is_null(), "{first}");

    service.kill();
    let service = place.serve(&["--config-dir", "config"]);
    let first = walk(&service, &quest, 1);
    assert_eq!(version(&first), "one", "{first}");
    assert!(!first["data"]["executing"].is_null(), "{first}");
    let cancel = json!({"attempts": [{"quest": &quest, "id": 1}], "reason": "seen enough"});
    service
        .call("distributor.control.Control/Cancel", &cancel)
        .expect("it is cancelled");
    let first = wait_until_over(&service, &quest, 1);
    assert_eq!(
        first["data"]["abnormalFinish"]["status"], "CANCELLED",
        "{first}"
    );
    assert_eq!(version(&first), "one", "{first}");
}

#[test]
fn a_bad_version_is_refused_loudly_and_the_last_good_one_stays() {
    let place = Place::new();
    place.write("config/distributors.cfg", QUICK);
    let mut service = place.serve(&["--config-dir", "config"]);
    place.write(
        "config/distributors.cfg",
        "distributor_configs { key: \"farm\"\n  valu",
    );
    let line = service.running.wait_for("the new configuration is refused");
    assert!(line.contains("distributors.cfg:1:21: "), "{line}");
    let quest = ask(&service, "farm", &json!({}));
    wait_until_over(&service, &quest, 1);
}
