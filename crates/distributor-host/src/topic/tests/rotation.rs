//! Rotation: seen by whoever runs, and no token is worthless before its time.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::super::{DEFAULT_LIFETIME, DEFAULT_QUEUE_LIFETIME, SecretError, TokenRefusal};
use super::{ISSUED, MINUTE, World, execution, text};

const DRIFT: Duration = Duration::from_secs(30);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

#[test]
fn k10_a_rotation_by_another_process_counts_at_once_and_old_tokens_stay_good() {
    let world = World::new();
    let running = world.tokens();
    let old = running.issue(execution(1, 1), "farm").unwrap();
    let summary = world.tokens().secrets().rotate(false).unwrap().unwrap();
    assert_eq!(summary.previous, 1);
    // Another secret signs, also in the process that ran all along.
    let new = running.issue(execution(1, 1), "farm").unwrap();
    assert_ne!(text(&old), text(&new));
    for token in [&old, &new] {
        assert!(running.verify(text(token)).is_ok());
    }
    // The one who rotates for a leaked secret wants no old token to be good.
    let summary = world.tokens().secrets().rotate(true).unwrap().unwrap();
    assert_eq!(summary.previous, 0);
    for token in [&old, &new] {
        assert_eq!(running.verify(text(token)), Err(TokenRefusal::BadMac));
    }
    let newest = running.issue(execution(1, 1), "farm").unwrap();
    assert!(running.verify(text(&newest)).is_ok());
}

#[test]
fn a_former_secret_is_kept_for_the_lifetime_and_drift_and_not_longer() {
    let world = World::new();
    let running = world.tokens();
    let first = running.issue(execution(1, 1), "farm").unwrap();
    let honoured =
        |tokens: &super::TopicTokens| tokens.secrets().summary().unwrap().unwrap().previous;
    world.tokens().secrets().rotate(false).unwrap();
    world.clock.advance(DEFAULT_LIFETIME);
    assert!(running.verify(text(&first)).is_ok());
    world.clock.advance(DRIFT);
    assert_eq!(running.verify(text(&first)), Err(TokenRefusal::Expired));
    assert_eq!(honoured(&running), 1);
    assert_eq!(
        world
            .tokens()
            .secrets()
            .rotate(false)
            .unwrap()
            .unwrap()
            .previous,
        2
    );
    // One moment later it is not honoured any more, wherever it was loaded, and dropped by the next
    // rotation.
    world.clock.advance(Duration::from_millis(1));
    assert_eq!(running.verify(text(&first)), Err(TokenRefusal::BadMac));
    assert_eq!(honoured(&running), 1);
    let stored = || {
        let bytes = std::fs::read(world.file()).unwrap();
        let stored: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        stored["previous"].as_array().unwrap().len()
    };
    assert_eq!(stored(), 2);
    assert_eq!(
        world
            .tokens()
            .secrets()
            .rotate(false)
            .unwrap()
            .unwrap()
            .previous,
        2
    );
    assert_eq!(stored(), 2);
}

#[test]
fn old_secrets_are_listed_newest_first() {
    let world = World::new();
    let tokens = world.tokens();
    tokens.issue(execution(1, 1), "farm").unwrap();
    let stored = || {
        let bytes = std::fs::read(world.file()).unwrap();
        serde_json::from_slice::<serde_json::Value>(&bytes).unwrap()
    };
    let first = stored()["current"].clone();
    tokens.secrets().rotate(false).unwrap();
    let second = stored()["current"].clone();
    tokens.secrets().rotate(false).unwrap();
    assert_eq!(stored()["previous"], serde_json::json!([second, first]));
}

#[test]
fn a_longer_lifetime_in_the_service_is_known_to_whoever_rotates() {
    let world = World::new();
    let service = world.tokens_for(DAY * 7);
    // As where the service was configured otherwise before.
    world.tokens().issue(execution(1, 1), "farm").unwrap();
    let token = service.issue(execution(1, 2), "farm").unwrap();
    world.tokens().secrets().rotate(false).unwrap();
    world.clock.advance(DAY * 6);
    world.tokens().secrets().rotate(false).unwrap();
    assert!(service.verify(text(&token)).is_ok());
    world.clock.advance(DAY);
    assert!(service.verify(text(&token)).is_ok());
    world.clock.advance(DRIFT + DRIFT);
    assert_eq!(service.verify(text(&token)), Err(TokenRefusal::BadMac));
}

#[test]
fn a_shorter_lifetime_in_the_service_ends_a_leaked_secret_earlier() {
    let world = World::new();
    let service = world.tokens_for(MINUTE * 30);
    let rotate = || world.tokens().secrets().rotate(false).unwrap();
    service.issue(execution(1, 1), "farm").unwrap();
    rotate();
    let token = service.issue(execution(1, 1), "farm").unwrap();
    let summary = rotate().unwrap();
    let until = ISSUED.after(MINUTE * 30 + DRIFT);
    assert_eq!(summary.previous, 2);
    assert_eq!(summary.honoured_until, Some(until));
    world.clock.advance(MINUTE * 31);
    assert_eq!(service.verify(text(&token)), Err(TokenRefusal::BadMac));
}

#[test]
fn k08_a_queue_token_with_a_long_life_survives_rotations() {
    let world = World::new();
    let tokens = world.queue_tokens();
    let token = tokens.issue("farm", DAY * 365).unwrap();
    for _ in 0..3 {
        world.queue_tokens().secrets().rotate(false).unwrap();
        world.clock.advance(DAY * 120);
    }
    assert!(tokens.verify(text(&token)).is_ok());
    // A secret that has signed nothing so long is kept for no more than the usual time.
    let usual = tokens.issue("farm", DEFAULT_QUEUE_LIFETIME).unwrap();
    world.queue_tokens().secrets().rotate(false).unwrap();
    world.clock.advance(DEFAULT_QUEUE_LIFETIME + MINUTE);
    assert_eq!(tokens.verify(text(&usual)), Err(TokenRefusal::BadMac));
}

#[test]
fn secrets_from_elsewhere_are_used_and_of_unknown_age_kept() {
    let world = World::new();
    let [old, new] = [1, 2].map(|byte: u8| STANDARD.encode([byte; 40]));
    world.write(&format!(r#"{{"current": "{new}", "previous": ["{old}"]}}"#));
    let tokens = world.tokens();
    let summary = tokens.secrets().summary().unwrap().unwrap();
    assert_eq!((summary.made, summary.previous), (None, 1));
    assert_eq!(summary.honoured_until, None);
    world.clock.advance(DAY * 365);
    assert_eq!(tokens.secrets().summary().unwrap().unwrap().previous, 1);
    // From a rotation on its age is known.
    let summary = tokens.secrets().rotate(false).unwrap().unwrap();
    assert_eq!(summary.previous, 2);
    assert!(summary.honoured_until.is_some());
    world.clock.advance(DEFAULT_LIFETIME + MINUTE);
    assert_eq!(tokens.secrets().rotate(false).unwrap().unwrap().previous, 1);
    // Absent and null are the same.
    world.write(&format!(
        r#"{{"current": "{new}", "previous": null, "x": 1}}"#
    ));
    assert_eq!(tokens.secrets().summary().unwrap().unwrap().previous, 0);
}

#[test]
fn no_rotation_is_lost_when_several_rotate_at_once() {
    let world = World::new();
    let old = world.tokens().issue(execution(1, 1), "farm").unwrap();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            let tokens = world.tokens();
            scope.spawn(move || tokens.secrets().rotate(false).unwrap());
        }
    });
    let tokens = world.tokens();
    assert_eq!(tokens.secrets().summary().unwrap().unwrap().previous, 8);
    assert!(tokens.verify(text(&old)).is_ok());
}

#[test]
fn former_secrets_are_limited_in_number_and_none_is_lost_for_it() {
    let world = World::new();
    let tokens = world.tokens();
    let old = tokens.issue(execution(1, 1), "farm").unwrap();
    for _ in 0..100 {
        tokens.secrets().rotate(false).unwrap();
    }
    let error = tokens.secrets().rotate(false).unwrap_err();
    assert!(matches!(error, SecretError::TooMany { .. }), "{error}");
    assert!(error.to_string().contains("--drop-previous"));
    assert!(tokens.verify(text(&old)).is_ok());
    assert_eq!(tokens.secrets().rotate(true).unwrap().unwrap().previous, 0);
}
