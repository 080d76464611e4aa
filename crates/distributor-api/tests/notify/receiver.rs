//! From a message to what its sender is told, and to the log.

use std::collections::BTreeMap;
use std::time::Duration;

use distributor_api::notify::{
    MessageError, NotificationCounts, Outcome, PubsubMessage, PushRefusal, Receiver, Verdict,
};
use distributor_core::{ExecutionId, QuestId, TaskResult};
use distributor_host::topic::{DEFAULT_LIFETIME, TopicTokens};
use tracing::Level;

use crate::log::{run, said};
use crate::support::{CONFIG, OTHER_CONFIG, World, desc};

fn receiver(world: &World) -> &Receiver {
    &world.api.parts().inbound.receiver
}

fn token(world: &World, execution: ExecutionId, config: &str) -> String {
    let folder = world.secrets.path().to_owned();
    let tokens = TopicTokens::new(folder, world.clock.clone(), DEFAULT_LIFETIME);
    let token = tokens.issue(execution, config).expect("a token");
    String::from_utf8(token.expose().to_vec()).expect("text")
}

fn message(attributes: &[(&str, &str)]) -> PubsubMessage {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    PubsubMessage {
        subscription: "projects/p/subscriptions/s".to_owned(),
        data: b"canary-data".to_vec(),
        attributes: attributes.iter().map(owned).collect::<BTreeMap<_, _>>(),
        message_id: Some("4711".to_owned()),
        publish_time: None,
        ordering_key: None,
        delivery_attempt: None,
    }
}

async fn handle(world: &World, token: &str) -> Outcome {
    let message = message(&[("auth_token", token), ("a", "canary-attribute")]);
    receiver(world).handle(message).await
}

#[test]
fn dc_70_each_message_has_one_outcome_which_is_counted() {
    run(async {
        let world = World::new();
        let attempt = world.executing(&desc("one")).await;
        let execution = attempt.execution(1);
        let nobody = QuestId::from_bytes([7; 32]).attempt(1).execution(1);
        for (execution, config, expected) in [
            (execution, CONFIG, Outcome::Recorded),
            (execution, OTHER_CONFIG, Outcome::OtherConfiguration),
            (attempt.execution(9), CONFIG, Outcome::Unknown),
            (nobody, CONFIG, Outcome::Unknown),
        ] {
            let outcome = handle(&world, &token(&world, execution, config)).await;
            assert_eq!((outcome, outcome.verdict()), (expected, Verdict::Ack));
        }
        world.drain().await;
        let job = world.running(attempt).await;
        world.finish(&job, "{}").await.expect("a good result");
        world.end(execution, TaskResult::data("{}")).await;
        let good = token(&world, execution, CONFIG);
        assert_eq!(handle(&world, &good).await, Outcome::Over);
        assert_eq!(handle(&world, "bad").await, Outcome::BadToken);
        let missing = receiver(&world).handle(message(&[])).await;
        assert_eq!(missing, Outcome::BadToken);
        let problem = MessageError::NotWrapped("subscription");
        assert_eq!(receiver(&world).malformed(&problem), Outcome::Malformed);

        world.engine.stop().await;
        let deferred = handle(&world, &good).await;
        assert_eq!(
            (deferred, deferred.verdict()),
            (Outcome::Deferred, Verdict::Nack)
        );
        let expected = NotificationCounts {
            recorded: 1,
            other_configuration: 1,
            unknown: 2,
            over: 1,
            bad_token: 2,
            malformed: 1,
            deferred: 1,
            ..NotificationCounts::default()
        };
        assert_eq!(receiver(&world).counts(), expected);
    });
}

#[test]
fn dc_06_secrets_that_cannot_be_read_are_no_proof_that_a_token_is_bad() {
    run(async {
        let world = World::new();
        let attempt = world.executing(&desc("one")).await;
        let good = token(&world, attempt.execution(1), CONFIG);
        let secrets = std::fs::read_dir(world.secrets.path()).expect("a folder");
        for secret in secrets {
            std::fs::write(secret.expect("a file").path(), "no JSON").expect("written");
        }
        assert_eq!(handle(&world, &good).await, Outcome::Deferred);
    });
}

#[test]
fn the_log_gives_reasons_and_neither_tokens_nor_contents() {
    run(async {
        let world = World::new();
        let attempt = world.executing(&desc("one")).await;
        let good = token(&world, attempt.execution(1), CONFIG);
        let other = token(&world, attempt.execution(1), OTHER_CONFIG);
        let (start, end) = good.split_at(good.len() / 2);
        let changed = if end.starts_with('A') { 'B' } else { 'A' };
        let forged = format!("{start}{changed}{}", &end[1..]);
        let _before = said();
        for token in [&*good, &other, &forged, "canary-token"] {
            handle(&world, token).await;
        }
        receiver(&world).handle(message(&[])).await;
        let body = b"{\"message\":{\"attributes\":{\"auth_token\":[\"canary-token\"]}},\"subscription\":\"s\"}";
        let malformed = PubsubMessage::from_push(body).expect_err("no text");
        receiver(&world).malformed(&malformed);
        receiver(&world).refused_caller(&PushRefusal::Unauthenticated("no header".to_owned()));
        world.engine.stop().await;
        handle(&world, &good).await;

        let lines = said();
        let all: String = lines.iter().map(|it| format!("{}\n", it.text)).collect();
        for reason in [
            "another configuration than its token says",
            "bad MAC",
            "too small",
            "`auth_token` is missing",
            "message.attributes: all values must be texts",
            "was not let in: no header",
            "the host has stopped",
        ] {
            assert!(all.contains(reason), "{reason} is not in\n{all}");
        }
        assert!(all.contains("4711") && all.contains("projects/p/subscriptions/s"));
        for secret in ["canary", &good[20..], &other[20..], &forged[20..]] {
            assert!(!all.contains(secret), "{all}");
        }
        let errors = lines.iter().filter(|it| it.level == Level::ERROR);
        assert_eq!(errors.count(), 2, "{all}");
    });
}

#[test]
fn a_flood_of_bad_tokens_does_not_fill_the_log() {
    run(async {
        let world = World::new();
        let _before = said();
        for _ in 0..1000 {
            handle(&world, "bad").await;
        }
        assert_eq!(said().len(), 10);
        // What else goes wrong is said all the same.
        receiver(&world).malformed(&MessageError::NotWrapped("message"));
        assert_eq!(said().len(), 1);
        world.clock.advance(Duration::from_secs(60));
        handle(&world, "bad").await;
        let [line] = said().try_into().expect("one line");
        assert!(line.text.contains("left_out=990"), "{}", line.text);
        assert_eq!(receiver(&world).counts().bad_token, 1001);
    });
}

#[test]
fn long_names_are_cut_in_the_log() {
    run(async {
        let world = World::new();
        let _before = said();
        let long = PubsubMessage {
            subscription: "ü\n".repeat(1_000_000),
            message_id: Some("x".repeat(1_000_000)),
            ..message(&[])
        };
        receiver(&world).handle(long).await;
        let [line] = said().try_into().expect("one line");
        assert!(line.text.len() < 1000 && !line.text.contains('\n'));
    });
}
