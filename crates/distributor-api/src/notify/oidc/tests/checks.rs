//! Each row of the table of checks.

use super::*;

#[tokio::test]
async fn a_good_token_is_let_in_as_often_as_it_comes() {
    let issuer = Issuer::one();
    let world = World::new([Ok(key_set(&[&issuer]))]);
    for _ in 0..3 {
        world.check(&issuer.token()).await.unwrap();
    }
    assert_eq!(world.source.asked(), 1);
    for changes in [
        json!({ "iss": "accounts.google.com" }),
        json!({ "aud": "https://other.example.com" }),
        json!({ "aud": ["https://stranger.example.com", AUDIENCE] }),
        json!({ "email": "other@example.com", "sub": null, "azp": null }),
        json!({ "new": { "claim": [1] } }),
    ] {
        let token = issuer.sign(&issuer.header(), &claims_with(&changes));
        world.check(&token).await.unwrap();
    }
    let token = issuer.token();
    for value in [format!("bearer {token}"), format!("  BEARER   {token} ")] {
        world.callers.check(&[value.as_bytes()]).await.unwrap();
    }
}

#[tokio::test]
async fn without_one_token_nobody_is_let_in() {
    let issuer = Issuer::one();
    let world = World::new([Ok(key_set(&[&issuer]))]);
    let good = format!("Bearer {}", issuer.token());
    for (values, part) in [
        (&[][..], "there is no header"),
        (&[good.as_bytes(), good.as_bytes()], "more than one"),
        (&[b"canary"], "is not `Bearer TOKEN`"),
        (&[b"Basic canary"], "is not `Bearer TOKEN`"),
        (&[b"Bearer canary-\xff"], "is not `Bearer TOKEN`"),
        (&[b"Bearer canary"], "no identity token"),
        (&[b"Bearer "], "no"),
        (&[b"Bearer ..canary"], "no identity token"),
        (&[b"Bearer a.b.c.canary"], "no identity token"),
    ] {
        assert_unauthenticated(world.callers.check(values).await, part);
    }
    assert_eq!(world.source.asked(), 0);
}

#[tokio::test]
async fn only_rs256_with_a_known_key_is_a_signature() {
    let (issuer, stranger) = (Issuer::one(), Issuer::two());
    let world = World::new([Ok(key_set(&[&issuer]))]);
    for (header, part) in [
        (json!({ "alg": "none", "kid": "one" }), "no identity token"),
        (
            json!({ "alg": "HS256", "kid": "one" }),
            "not signed with RS256",
        ),
        (
            json!({ "alg": "RS512", "kid": "one" }),
            "not signed with RS256",
        ),
        (
            json!({ "alg": "PS256", "kid": "one" }),
            "not signed with RS256",
        ),
        (json!({ "kid": "one" }), "no identity token"),
        (json!({ "alg": "RS256" }), "does not say which key"),
        (
            json!({ "alg": "RS256", "kid": "one", "crit": ["canary"] }),
            "critical header",
        ),
        (json!({ "alg": "RS256", "kid": "canary" }), "does not have"),
        // Keys that a token brings along are not looked at.
        (
            json!({ "alg": "RS256", "kid": "two", "jwk": stranger.jwk() }),
            "does not have",
        ),
    ] {
        let token = issuer.sign(&header, &claims());
        assert_unauthenticated(world.check(&token).await, part);
    }
    let forged = stranger.sign(&issuer.header(), &claims());
    assert_unauthenticated(world.check(&forged).await, "the signature");
    // Other claims under a good signature.
    let token = issuer.token();
    let parts: Vec<&str> = token.split('.').collect();
    let other = URL_SAFE_NO_PAD.encode(claims_with(&json!({ "email": "canary" })).to_string());
    let forged = format!("{}.{other}.{}", parts[0], parts[2]);
    assert_unauthenticated(world.check(&forged).await, "the signature");
    let unsigned = format!("{}.{}.", parts[0], parts[1]);
    assert_unauthenticated(world.check(&unsigned).await, "the signature");
}

#[tokio::test]
async fn a_token_of_another_issuer_or_for_another_audience_is_refused() {
    let issuer = Issuer::one();
    let world = World::new([Ok(key_set(&[&issuer]))]);
    for (changes, part) in [
        (
            json!({ "iss": "https://canary.example.com" }),
            "another issuer",
        ),
        (json!({ "iss": null }), "has no `iss`"),
        (
            json!({ "aud": "https://canary.example.com" }),
            "another audience",
        ),
        (json!({ "aud": format!("{AUDIENCE}/") }), "another audience"),
        (json!({ "aud": ["canary"] }), "another audience"),
        (json!({ "aud": [] }), "another audience"),
        (json!({ "aud": null }), "has no `aud`"),
        (json!({ "aud": 1 }), "has no `aud`"),
        (
            json!({ "email_verified": "canary" }),
            "not what it should be",
        ),
        (json!({ "email": ["canary"] }), "not what it should be"),
        (json!({ "exp": "canary" }), "not what it should be"),
        (json!({ "exp": null }), "missing"),
        (json!({ "iat": null }), "missing"),
    ] {
        let token = issuer.sign(&issuer.header(), &claims_with(&changes));
        assert_unauthenticated(world.check(&token).await, part);
    }
    let token = issuer.sign(&issuer.header(), &json!(["canary"]));
    assert_unauthenticated(world.check(&token).await, "not what it should be");
}

#[tokio::test]
async fn a_token_counts_while_it_is_good_with_a_minute_for_the_clocks() {
    let issuer = Issuer::one();
    let world = World::new([Ok(key_set(&[&issuer]))]);
    let check = async |changes: Value| {
        let token = issuer.sign(&issuer.header(), &claims_with(&changes));
        world.check(&token).await
    };
    for good in [
        json!({ "exp": NOW - 60 }),
        json!({ "iat": NOW + 60, "exp": NOW + 60 + 3600 }),
        json!({ "nbf": NOW + 60 }),
        json!({ "iat": NOW, "exp": NOW }),
    ] {
        check(good).await.unwrap();
    }
    for (bad, part) in [
        (json!({ "exp": NOW - 61 }), "has expired"),
        (json!({ "iat": NOW + 61 }), "from the future"),
        (json!({ "nbf": NOW + 61 }), "from the future"),
        (
            json!({ "iat": NOW, "exp": NOW + 3601 }),
            "more than an hour",
        ),
        (json!({ "iat": i64::MIN, "exp": NOW }), "more than an hour"),
        (
            json!({ "iat": i64::MIN, "exp": i64::MAX }),
            "more than an hour",
        ),
        (
            json!({ "iat": i64::MAX, "exp": i64::MAX }),
            "from the future",
        ),
        (json!({ "iat": -3600, "exp": 0 }), "has expired"),
    ] {
        assert_unauthenticated(check(bad).await, part);
    }
    let token = issuer.token();
    world.check(&token).await.unwrap();
    world.clock.advance(Duration::from_secs(3600 - 10 + 60));
    world.check(&token).await.unwrap();
    world.clock.advance(Duration::from_micros(1));
    assert_unauthenticated(world.check(&token).await, "has expired");
}

#[tokio::test]
async fn a_genuine_token_of_another_account_is_somebody_else() {
    let issuer = Issuer::one();
    let world = World::new([Ok(key_set(&[&issuer]))]);
    for (changes, part) in [
        (
            json!({ "email": "stranger@example.com" }),
            "stranger@example.com",
        ),
        (
            json!({ "email": ACCOUNT.to_uppercase() }),
            "is not an account",
        ),
        (json!({ "email": null }), "names no service account"),
        (json!({ "email_verified": false }), "has not verified"),
        (json!({ "email_verified": null }), "has not verified"),
    ] {
        let token = issuer.sign(&issuer.header(), &claims_with(&changes));
        match world.check(&token).await {
            Err(PushRefusal::WrongCaller(reason)) => assert!(reason.contains(part), "{reason}"),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_list_that_is_empty_is_refused() {
    let make = |settings| {
        let source = Script::new([Err("unused")]);
        let clock = Arc::new(ManualClock::new(Timestamp::from_micros(0)));
        PushCallers::new(settings, source, clock).map(drop)
    };
    let none = Vec::new;
    for (settings, field) in [
        (
            PushCallersSettings {
                issuers: none(),
                ..settings()
            },
            "issuers",
        ),
        (
            PushCallersSettings {
                audiences: none(),
                ..settings()
            },
            "audiences",
        ),
        (
            PushCallersSettings {
                accounts: none(),
                ..settings()
            },
            "accounts",
        ),
    ] {
        assert_eq!(make(settings), Err(PushCallersError { field }));
    }
}
