//! Names of topics.

use super::super::{TopicName, TopicNameError};

fn name(topic: Result<TopicName, TopicNameError>) -> String {
    topic.unwrap().to_string()
}

#[test]
fn dc_19_a_project_has_the_originals_topic_and_loses_its_domain() {
    let expected = "projects/app/topics/dm-distributor-notify";
    assert_eq!(name(TopicName::of_project("app")), expected);
    assert_eq!(name(TopicName::of_project("dom.com:app")), expected);
    let full = "projects/my-app-1/topics/Notify.all_%20~+x";
    assert_eq!(name(TopicName::parse(full)), full);
    let domain = TopicName::parse("projects/google.com:app/topics/abc");
    assert_eq!(name(domain), "projects/app/topics/abc");
    assert_eq!(
        name(TopicName::in_project("app", "other")),
        "projects/app/topics/other"
    );
}

#[test]
fn dc_19_a_name_that_google_would_refuse_is_refused() {
    for project in [
        "",
        "1app",
        "App",
        "app-",
        "a_b",
        "a b",
        "é",
        ":app",
        "dom.com:",
        "a:b:app",
        "dom..com:app",
        "Dom.com:app",
        "dom com:app",
        "app/topics/x",
        &"a".repeat(31),
    ] {
        let refused = TopicName::of_project(project).unwrap_err();
        assert_eq!(refused, TopicNameError::Project(project.to_owned()));
        assert!(refused.to_string().contains("lower-case"), "{refused}");
    }
    for topic in [
        "",
        "ab",
        "1abc",
        "-abc",
        "a b c",
        "abcé",
        "goog-topic",
        "abc\n",
        "abc?",
        &"a".repeat(256),
    ] {
        let refused = TopicName::in_project("app", topic).unwrap_err();
        assert_eq!(refused, TopicNameError::Topic(topic.to_owned()));
    }
    assert!(TopicName::in_project("app", &"a".repeat(255)).is_ok());
    for text in [
        "",
        "abc",
        "projects/app/topics",
        "projects/app/topics/abc/",
        "/projects/app/topics/abc",
        "projects/app/subscriptions/abc",
        "Projects/app/topics/abc",
    ] {
        let refused = TopicName::parse(text).unwrap_err();
        assert_eq!(refused, TopicNameError::Form(text.to_owned()));
        assert!(
            refused
                .to_string()
                .contains("projects/PROJECT/topics/TOPIC")
        );
    }
}
