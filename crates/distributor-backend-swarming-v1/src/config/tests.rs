//! Each rule of a configuration, each default.

use distributor_core::dm::quest::desc::{Meta, meta};
use prost_types::Duration as Message;

use super::*;
use proto::config::{Isolate, Publish, Swarming, credentials as source};

fn message() -> proto::Config {
    proto::Config {
        swarming: Some(Swarming {
            url: "https://swarming.example".to_owned(),
        }),
        ..proto::Config::default()
    }
}

/// Settings of a server that is not there.
pub(crate) fn settings() -> Settings {
    Settings::new(message()).unwrap()
}

fn duration(seconds: i64) -> Option<Message> {
    Some(Message { seconds, nanos: 0 })
}

#[track_caller]
fn refused(change: impl FnOnce(&mut proto::Config)) -> String {
    let mut message = message();
    change(&mut message);
    let error = Settings::new(message).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(!error.is_transient());
    error.to_string()
}

fn set_url(url: &str) -> impl FnOnce(&mut proto::Config) {
    move |message| message.swarming.as_mut().unwrap().url = url.to_owned()
}

fn set_isolate(url: &str) -> impl FnOnce(&mut proto::Config) {
    move |message| {
        message.isolate = Some(Isolate {
            url: url.to_owned(),
            expiration: None,
        });
    }
}

fn set_source(source: Option<Source>) -> impl FnOnce(&mut proto::Config) {
    move |message| message.credentials = Some(proto::config::Credentials { source })
}

fn command(argv: &[&str]) -> Option<Source> {
    let argv = argv.iter().map(|&argument| argument.to_owned()).collect();
    Some(Source::Command(source::Command { argv }))
}

#[test]
fn a_server_is_all_that_is_required() {
    let settings = settings();
    assert_eq!(settings.url, "https://swarming.example");
    assert_eq!(settings.credentials, Credentials::None);
    assert_eq!(settings.result_expiration, None);
    assert_eq!(settings.request_timeout, Duration::from_secs(30));
    assert_eq!(settings.default_expiration_secs, 604_800);
    assert!(settings.publish);
}

#[test]
fn u01_to_u05_hold_for_both_urls_and_name_them() {
    let rules = [
        ("", "is required"),
        ("https://Host", "must be lower-case"),
        ("host", "is not a URL: relative URL without a base"),
        ("ftp://host", "scheme must be http or https"),
        ("https://host/", "must be scheme://host only"),
    ];
    for (url, text) in rules {
        let expected = format!("config.swarming.host: {text}");
        assert_eq!(refused(set_url(url)), expected);
        let expected = format!("config.isolate.host: {text}");
        assert_eq!(refused(set_isolate(url)), expected);
    }
    let absent = refused(|message| message.swarming = None);
    assert_eq!(absent, "config.swarming.host: is required");
}

#[test]
fn every_wrong_field_is_named() {
    const POSITIVE: &str = "must be positive; leave it out for the default";
    for (error, expected) in [
        (
            refused(|message| {
                set_isolate("https://isolate.example")(message);
                message.isolate.as_mut().unwrap().expiration = duration(-1);
            }),
            format!("config.isolate.expiration: {POSITIVE}"),
        ),
        (
            refused(|message| message.poll_timeout = duration(0)),
            format!("config.poll_timeout: {POSITIVE}"),
        ),
        (
            refused(|message| message.poll_timeout = duration(43_201)),
            "config.poll_timeout: must be at most 12h".to_owned(),
        ),
        (
            refused(|message| message.request_timeout = duration(i64::MIN)),
            format!("config.request_timeout: {POSITIVE}"),
        ),
        (
            refused(|message| message.request_timeout = duration(i64::MAX)),
            "config.request_timeout: must be at most 10m".to_owned(),
        ),
        (
            refused(|message| message.default_expiration = duration(0)),
            format!("config.default_expiration: {POSITIVE}"),
        ),
        (
            refused(|message| message.default_expiration = duration(29)),
            "config.default_expiration: must be 30 s to 7 days".to_owned(),
        ),
        (
            refused(|message| message.default_expiration = duration(604_801)),
            "config.default_expiration: must be 30 s to 7 days".to_owned(),
        ),
        (
            refused(set_source(None)),
            "config.credentials: set `token_file` or `command`, or leave all of it out".to_owned(),
        ),
        (
            refused(set_source(Some(Source::TokenFile(String::new())))),
            "config.credentials.token_file: is empty".to_owned(),
        ),
        (
            refused(set_source(command(&[]))),
            "config.credentials.command.argv: names no program".to_owned(),
        ),
        (
            refused(set_source(command(&["", "x"]))),
            "config.credentials.command.argv: names no program".to_owned(),
        ),
        (
            refused(|message| {
                set_url("http://swarming.example")(message);
                set_source(command(&["token"]))(message);
            }),
            "config.credentials: an access token would be sent in plain text: the server's url must \
             be https"
                .to_owned(),
        ),
    ] {
        assert_eq!(error, expected);
    }
}

#[test]
fn access_tokens_may_travel_in_plain_text_within_the_machine() {
    for url in [
        "http://localhost:8080",
        "http://127.0.0.1:8080",
        "http://[::1]:8080",
    ] {
        let mut message = message();
        set_url(url)(&mut message);
        set_source(Some(Source::TokenFile("token".to_owned())))(&mut message);
        let settings = Settings::new(message).unwrap();
        assert_eq!(settings.credentials, Credentials::TokenFile("token".into()));
    }
}

#[test]
fn the_arguments_of_a_command_are_not_shown() {
    let mut message = message();
    set_source(command(&["print-token", "--key", "canary"]))(&mut message);
    let shown = format!("{:?}", Settings::new(message).unwrap());
    assert!(
        shown.contains("print-token") && !shown.contains("canary"),
        "{shown}"
    );
}

#[test]
fn what_is_configured_counts() {
    let mut message = message();
    set_isolate("http://isolate.example")(&mut message);
    message.isolate.as_mut().unwrap().expiration = duration(60);
    message.poll_timeout = duration(7);
    message.default_expiration = duration(30);
    message.request_timeout = duration(600);
    message.set_publish(Publish::Never);
    let settings = Settings::new(message).unwrap();
    assert_eq!(settings.result_expiration, Some(Duration::from_secs(60)));
    assert_eq!(settings.default_expiration_secs, 30);
    assert_eq!(settings.request_timeout, Duration::from_secs(600));
    assert!(!settings.publish);
    for is_published in [true, false] {
        let poll = settings.poll_timeout(&quest(true, None), is_published);
        assert_eq!(poll, Duration::from_secs(7));
    }
}

fn quest(is_simple: bool, stop: Option<Message>) -> dm::quest::Desc {
    dm::quest::Desc {
        meta: Some(Meta {
            timeouts: Some(meta::Timeouts {
                stop,
                ..meta::Timeouts::default()
            }),
            simple: is_simple.then(meta::Simple::default),
            ..Meta::default()
        }),
        ..dm::quest::Desc::default()
    }
}

const HOUR: u64 = 3_600;

#[track_caller]
fn check_polls(is_published: bool, expected: [(bool, Option<Message>, u64); 8]) {
    for (is_simple, stop, expected) in expected {
        let poll = settings().poll_timeout(&quest(is_simple, stop), is_published);
        assert_eq!(poll, Duration::from_secs(expected), "{is_simple} {stop:?}");
    }
    let bare = dm::quest::Desc::default();
    assert!(!settings().poll_timeout(&bare, is_published).is_zero());
}

#[test]
fn dc_34_a_host_that_nobody_tells_asks_when_the_task_can_be_over() {
    check_polls(
        false,
        [
            (true, None, 60),
            (true, duration(3_600), 60),
            (false, None, 300),
            (false, duration(0), 300),
            (false, duration(-1), 300),
            (false, duration(30), 30 + 30 + 60),
            (false, duration(7_200), 2 * HOUR + HOUR + 60),
            (false, duration(i64::MAX), 12 * HOUR),
        ],
    );
}

#[test]
fn dc_35_a_host_that_is_told_asks_too_in_case_it_was_not() {
    check_polls(
        true,
        [
            (true, None, 600),
            (true, duration(3_600), 600),
            (false, None, 12 * HOUR),
            (false, duration(0), 12 * HOUR),
            (false, duration(-1), 12 * HOUR),
            (false, duration(30), 30 + 30 + 60),
            (false, duration(7_200), 2 * HOUR + HOUR + 60),
            (false, duration(i64::MAX), 12 * HOUR),
        ],
    );
}
