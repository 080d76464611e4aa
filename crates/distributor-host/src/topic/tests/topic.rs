//! What a host lends: a topic with a token for each execution.

use std::sync::Arc;

use distributor_core::{ConfigSnapshot, ErrorKind, Host, Topic};

use super::super::format::{self, Fields};
use super::super::{
    DEFAULT_LIFETIME, DEFAULT_QUEUE_LIFETIME, TokenRefusal, TopicClaims, TopicName, TopicSettings,
};
use super::{ISSUED, MINUTE, QUEST, V1, V1_SECRET, World, execution, text, v1_fields};
use crate::driver::{Entrance, Surroundings};

impl World {
    fn host(&self, topic: Option<TopicSettings>) -> Arc<dyn Host> {
        let surroundings = Surroundings {
            backends_directory: None,
            helper_program: None,
            topic,
        };
        Entrance::new(self.clock.clone(), surroundings).host()
    }

    fn topic(&self) -> Option<TopicSettings> {
        Some(TopicSettings {
            name: TopicName::of_project("dom.com:app").unwrap(),
            tokens: Arc::new(self.tokens()),
        })
    }

    /// Secrets as somebody else made them.
    fn with_the_secret_of_v1(self) -> Self {
        self.write(r#"{"current": "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="}"#);
        self
    }

    /// A token around these fields, from somebody who has the secret.
    fn signed(&self, fields: Fields) -> String {
        let secret = distributor_core::Secret::new(V1_SECRET);
        let token = format::encode(&secret, b"", fields, ISSUED, None).unwrap();
        text(&token).to_owned()
    }
}

fn config(name: &str) -> ConfigSnapshot {
    ConfigSnapshot {
        name: name.to_owned(),
        version: "1".to_owned(),
        config_type: "x.Config".to_owned(),
        content: Vec::new(),
        dm_host: String::new(),
    }
}

async fn prepare(host: &dyn Host, name: &str, number: u32) -> Topic {
    let id = execution(1, number);
    host.prepare_topic(&config(name), id).await.unwrap()
}

#[tokio::test]
async fn dc_18_a_topic_is_prepared_for_an_execution_that_nobody_has_stored_yet() {
    let world = World::new();
    let host = world.host(world.topic());
    // The first has to make the secret, the second finds it in memory.
    for number in [1, 2] {
        let topic = prepare(&*host, "farm", number).await;
        let claims = world.tokens().verify(text(&topic.auth_token)).unwrap();
        assert_eq!(claims.execution, execution(1, number));
    }
}

#[tokio::test]
async fn dc_19_a_topic_has_its_full_name() {
    let world = World::new();
    let host = world.host(world.topic());
    let topic = prepare(&*host, "farm", 1).await;
    assert_eq!(topic.name, "projects/app/topics/dm-distributor-notify");
}

#[tokio::test]
async fn without_a_topic_the_error_says_how_to_have_one() {
    let world = World::new();
    let host = world.host(None);
    let refused = host.prepare_topic(&config("farm"), execution(1, 1)).await;
    let error = refused.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    for word in ["`farm`", "--project", "--topic"] {
        assert!(error.to_string().contains(word), "{error}");
    }
    assert!(!world.directory().exists());
}

#[tokio::test]
async fn secrets_that_cannot_be_read_are_a_transient_error() {
    let world = World::new();
    world.write("{}");
    let host = world.host(world.topic());
    let refused = host.prepare_topic(&config("farm"), execution(1, 1)).await;
    let error = refused.unwrap_err();
    assert!(error.is_transient(), "{error:?}");
    assert!(error.to_string().contains("pubsub_auth_token.json"));
}

#[test]
fn dc_20_v1_the_token_of_an_execution_is_that_of_the_specification() {
    let world = World::new().with_the_secret_of_v1();
    let tokens = world.tokens();
    let token = tokens.issue(execution(1, 1), "jobsim").unwrap();
    assert_eq!(text(&token), V1);
    let claims = TopicClaims {
        execution: execution(1, 1),
        config_name: "jobsim".to_owned(),
    };
    assert_eq!(tokens.verify(V1), Ok(claims));
}

#[test]
fn dc_20_what_was_put_in_comes_out() {
    let world = World::new();
    let tokens = world.tokens();
    for (attempt, number, name) in [
        (1, 1, "farm"),
        (u32::MAX, u32::MAX, "a/b c%?"),
        (7, 0, "<&>\u{2028}é\"\\\n"),
        (1, 2, ""),
    ] {
        let id = execution(attempt, number);
        let token = tokens.issue(id, name).unwrap();
        let claims = tokens.verify(text(&token)).unwrap();
        assert_eq!((claims.execution, &*claims.config_name), (id, name));
    }
}

#[test]
fn dc_22_each_token_leads_to_its_own_execution_whatever_the_order() {
    let world = World::new();
    let tokens = world.tokens();
    let issued = [(1, "one"), (2, "two")]
        .map(|(number, name)| (tokens.issue(execution(1, number), name).unwrap(), number));
    for (token, number) in issued.iter().rev().chain(&issued) {
        let claims = tokens.verify(text(token)).unwrap();
        assert_eq!(claims.execution, execution(1, *number));
    }
}

#[test]
fn dc_06_each_bad_token_is_refused_for_good() {
    let world = World::new().with_the_secret_of_v1();
    let tokens = world.tokens();
    let corrupted = V1.replacen("iOiI", "iOiJ", 1);
    let secret = distributor_core::Secret::new(V1_SECRET);
    let version_2 = format::sign(&secret, 2, br#"{"_i":"1"}"#, b"").unwrap();
    let other_secret = World::new().tokens().issue(execution(1, 1), "jobsim");
    for (token, refusal) in [
        ("", TokenRefusal::TooSmall),
        (&corrupted, TokenRefusal::BadMac),
        (text(&version_2), TokenRefusal::BadVersion),
        (text(&other_secret.unwrap()), TokenRefusal::BadMac),
    ] {
        assert!(!refusal.is_transient());
        assert_eq!(tokens.verify(token), Err(refusal));
    }
    world.clock.advance(DEFAULT_LIFETIME);
    assert!(tokens.verify(V1).is_ok());
    world.clock.advance(MINUTE);
    assert_eq!(tokens.verify(V1), Err(TokenRefusal::Expired));
}

#[test]
fn k14_numbers_are_digits_of_32_bits_and_nothing_else() {
    let world = World::new().with_the_secret_of_v1();
    let tokens = world.tokens();
    for field in ["attempt", "execution"] {
        for value in [
            "4294967296",
            "-1",
            "",
            "1.0",
            "+1",
            " 1",
            "1 ",
            "0x1",
            "1e3",
            "1_0",
            "١",
        ] {
            let mut fields = v1_fields();
            fields.insert(field.to_owned(), value.to_owned());
            let read = tokens.verify(&world.signed(fields));
            assert_eq!(read, Err(TokenRefusal::Number(field)), "{value:?}");
        }
        let mut fields = v1_fields();
        fields.insert(field.to_owned(), u32::MAX.to_string());
        assert!(tokens.verify(&world.signed(fields)).is_ok());
    }
}

#[test]
fn every_field_must_be_there_and_the_quest_must_be_one() {
    let world = World::new().with_the_secret_of_v1();
    let tokens = world.tokens();
    for field in ["quest", "attempt", "execution", "cfgName"] {
        let mut fields = v1_fields();
        fields.remove(field);
        let read = tokens.verify(&world.signed(fields));
        assert_eq!(read, Err(TokenRefusal::Missing(field)));
    }
    let mut fields = v1_fields();
    fields.insert("quest".to_owned(), QUEST[1..].to_owned());
    let read = tokens.verify(&world.signed(fields));
    assert_eq!(read, Err(TokenRefusal::Quest));
}

#[test]
fn a_token_that_no_message_could_carry_is_not_issued() {
    let world = World::new();
    let tokens = world.tokens();
    let longest = tokens.issue(execution(1, 1), &"n".repeat(616)).unwrap();
    assert_eq!(longest.expose().len(), 1024);
    let error = tokens.issue(execution(1, 1), &"n".repeat(617)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    assert!(!error.is_transient());
    assert!(error.to_string().contains("1024"), "{error}");
}

#[test]
fn a_queue_token_opens_its_configuration_until_it_expires() {
    let world = World::new();
    let tokens = world.queue_tokens();
    let token = tokens.issue("a/b ?é", MINUTE).unwrap();
    assert_eq!(tokens.verify(text(&token)), Ok("a/b ?é".to_owned()));
    world.clock.advance(MINUTE * 2);
    assert_eq!(tokens.verify(text(&token)), Err(TokenRefusal::Expired));
    let usual = tokens.issue("farm", DEFAULT_QUEUE_LIFETIME).unwrap();
    world.clock.advance(DEFAULT_QUEUE_LIFETIME);
    assert!(tokens.verify(text(&usual)).is_ok());
    for name in ["", &"n".repeat(100_000)] {
        let error = tokens.issue(name, MINUTE).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    }
}

#[test]
fn neither_kind_of_token_is_taken_for_the_other() {
    let world = World::new();
    let (topic, queue) = (world.tokens(), world.queue_tokens());
    let for_topic = topic.issue(execution(1, 1), "farm").unwrap();
    let for_queue = queue.issue("farm", MINUTE).unwrap();
    assert_eq!(queue.verify(text(&for_topic)), Err(TokenRefusal::BadMac));
    assert_eq!(topic.verify(text(&for_queue)), Err(TokenRefusal::BadMac));
}
