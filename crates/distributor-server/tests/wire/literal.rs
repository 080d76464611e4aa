//! The life of two jobs in the JSON that other programs write and read, to the letter.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use distributor_core::{ExecutionId, QuestId, TaskResult};

use crate::support::{World, run};
use crate::wire::Prpc;

/// `{"name":"quest"}` for `fakeDistributor`, as `dm-api.md` section 3 has it.
const QUEST: &str = "ROqFs2Xvi5bHNJdXu0UmXL2IAXOAC1aA5_YsfZYeoLY";
/// `{}` for the same.
const OTHER: &str = "omX0-yLD8dUx8vUfDvhSkgQ8vicWB37GRTUiAw-8C0I";
/// Thirty-two bytes of 7.
const TOKEN: &str = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";

async fn post(caller: &Prpc, method: &str, json: String) -> String {
    let path = format!("dm.Deps/{method}");
    let answer = caller.post(&path, json.clone()).await;
    answer.unwrap_or_else(|failure| panic!("{method} {json}: {failure:?}"))
}

fn execution(quest: &str) -> ExecutionId {
    let quest: QuestId = quest.parse().expect("a quest id");
    quest.attempt(1).execution(1)
}

/// The first execution of the quest's first attempt says that it lives.
async fn activate(world: &World<Prpc>, quest: &str) {
    let invitation = world.backend.activation_token(execution(quest));
    let invitation = STANDARD.encode(invitation);
    let auth =
        format!(r#"{{"id":{{"quest":"{quest}","attempt":1,"id":1}},"token":"{invitation}"}}"#);
    let request = format!(r#"{{"auth":{auth},"execution_token":"{TOKEN}"}}"#);
    let answer = post(&world.anonymous, "ActivateExecution", request).await;
    assert_eq!(answer, "{}");
}

#[tokio::test]
async fn jobs_live_by_literal_json_over_prpc() {
    run::<Prpc>(async |world| {
        // Names in either style.
        let request = r#"{"quest":[{"distributor_config_name":"fakeDistributor",
            "parameters":"{ \"name\" : \"quest\" }","distributorParameters":"{}"}],
            "questAttempt":[{"nums":[1]}]}"#;
        let answer = post(&world.writer, "EnsureGraphData", request.to_owned()).await;
        let expected = format!(
            r#"{{"accepted":true,"questIds":[{{"id":"{QUEST}"}}],"result":{{"quests":{{"{QUEST}":{{"DNE":true,"attempts":{{"1":{{"DNE":true}}}}}}}}}}}}"#
        );
        assert_eq!(answer, expected);
        world.drain().await;
        activate(world, QUEST).await;

        let auth = format!(r#"{{"id":{{"quest":"{QUEST}","attempt":1,"id":1}},"token":"{TOKEN}"}}"#);
        let request = format!(
            r#"{{"forExecution":{auth},"quest":[{{"distributorConfigName":"fakeDistributor","parameters":"{{}}","distributorParameters":"{{}}"}}],"questAttempt":[{{"nums":[1]}}]}}"#
        );
        let answer = post(&world.anonymous, "EnsureGraphData", request).await;
        let expected =
            format!(r#"{{"accepted":true,"questIds":[{{"id":"{OTHER}"}}],"shouldHalt":true}}"#);
        assert_eq!(answer, expected);
        world.drain().await;
        activate(world, OTHER).await;

        let auth = format!(r#"{{"id":{{"quest":"{OTHER}","attempt":1,"id":1}},"token":"{TOKEN}"}}"#);
        let request = format!(
            r#"{{"auth":{auth},"data":{{"object":"{{\"a\" : 1}}","size":77,"expiration":"2033-05-18T03:33:20Z"}}}}"#
        );
        let answer = post(&world.anonymous, "FinishAttempt", request).await;
        assert_eq!(answer, "{}");
        world.end(execution(OTHER), TaskResult::data("{}")).await;

        let request = format!(
            r#"{{"query":{{"attemptList":{{"to":{{"{QUEST}":{{}}}}}}}},"include":{{"attempt":{{"result":true}},"fwdDeps":true}},"limit":{{"maxDepth":"1","maxTime":"10s"}}}}"#
        );
        let answer = post(&world.reader, "WalkGraph", request).await;
        let graph: serde_json::Value = serde_json::from_str(&answer).expect("JSON");
        let attempt = |quest| &graph["quests"][quest]["attempts"]["1"];
        let executing = serde_json::json!({"curExecutionId": 1});
        assert_eq!(attempt(QUEST)["data"]["executing"], executing);
        let created = "2020-09-13T12:26:40.123456Z";
        assert_eq!(attempt(QUEST)["data"]["created"], created);
        let edges = serde_json::json!({"to": {OTHER: {"nums": [1]}}});
        assert_eq!(attempt(QUEST)["fwdDeps"], edges);
        let finished = serde_json::json!({"data":
            {"object": "{\"a\":1}", "size": 7, "expiration": "2033-05-18T03:33:20Z"}});
        assert_eq!(attempt(OTHER)["data"]["finished"], finished);
        assert_eq!(attempt(OTHER)["fwdDeps"], serde_json::json!({}));
    })
    .await;
}
