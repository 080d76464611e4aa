//! Key sets, and the file with one.

use super::*;

#[tokio::test]
async fn keys_of_other_kinds_are_left_out() {
    let issuer = Issuer::one();
    let mut keys = vec![
        json!({ "kty": "of the future", "kid": "a" }),
        json!(1),
        json!({}),
    ];
    for (name, value) in [("use", "enc"), ("alg", "RS512"), ("kty", "EC"), ("n", "!")] {
        let mut key = issuer.jwk();
        key["kid"] = json!(name);
        key[name] = json!(value);
        keys.push(key);
    }
    let no_name = issuer.jwk();
    keys.push(no_name);
    keys.last_mut()
        .unwrap()
        .as_object_mut()
        .unwrap()
        .remove("kid");
    let parse = |keys: &[Value]| KeySet::parse(json!({ "keys": keys }).to_string().as_bytes());
    let error = parse(&keys).unwrap_err();
    assert!(error.to_string().contains("no key for RS256"), "{error}");

    keys.push(issuer.jwk());
    let set = parse(&keys).unwrap();
    assert_eq!(format!("{set:?}"), "{\"one\"}");
    World::new([Ok(set)]).check(&issuer.token()).await.unwrap();
    for no_set in ["", "[]", "{}", r#"{"keys":{}}"#, "\u{0}"] {
        let error = KeySet::parse(no_set.as_bytes()).unwrap_err();
        assert!(
            error.to_string().contains("not a JSON Web Key Set"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn keys_that_may_leave_out_what_they_are_for_are_taken() {
    let issuer = Issuer::one();
    let mut key = issuer.jwk();
    for name in ["use", "alg"] {
        key.as_object_mut().unwrap().remove(name);
    }
    let set = KeySet::parse(json!({ "keys": [key] }).to_string().as_bytes()).unwrap();
    World::new([Ok(set)]).check(&issuer.token()).await.unwrap();
}

#[tokio::test]
async fn a_file_is_read_again_when_its_keys_may_have_changed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.json");
    let (old, new) = (Issuer::one(), Issuer::two());
    let write = |issuer: &Issuer| {
        std::fs::write(&path, json!({ "keys": [issuer.jwk()] }).to_string()).unwrap();
    };
    write(&old);
    let clock = Arc::new(ManualClock::new(Timestamp::from_micros(NOW * 1_000_000)));
    let file = Arc::new(KeyFile::new(path.clone()).unwrap());
    let callers = PushCallers::new(settings(), file, clock.clone()).unwrap();
    let check = async |issuer: &Issuer| {
        let value = format!("Bearer {}", issuer.token());
        callers.check(&[value.as_bytes()]).await
    };
    check(&old).await.unwrap();
    write(&new);
    check(&old).await.unwrap();
    clock.advance(Duration::from_secs(30));
    assert_unauthenticated(check(&old).await, "does not have");
    check(&new).await.unwrap();
}

#[test]
fn a_file_that_is_no_key_set_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.json");
    let problem = || {
        let error = KeyFile::new(path.clone()).unwrap_err().to_string();
        assert!(error.contains("keys.json"), "{error}");
        error
    };
    assert!(problem().contains("No such file"));
    std::fs::write(&path, "canary").unwrap();
    assert!(problem().contains("not a JSON Web Key Set"));
    std::fs::write(&path, vec![b' '; 1024 * 1024 + 1]).unwrap();
    assert!(problem().contains("more than 1048576 bytes"));
}
