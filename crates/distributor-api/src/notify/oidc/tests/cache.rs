//! When the issuer is asked for its keys.

use super::*;

#[tokio::test]
async fn a_new_key_is_asked_for_once_and_believed() {
    let (old, new) = (Issuer::one(), Issuer::two());
    let world = World::new([Ok(key_set(&[&old])), Ok(key_set(&[&new]))]);
    world.check(&old.token()).await.unwrap();
    world.clock.advance(Duration::from_secs(30));
    world.check(&new.token()).await.unwrap();
    assert_eq!(world.source.asked(), 2);
    // The issuer has taken the old one back.
    assert_unauthenticated(world.check(&old.token()).await, "does not have");
    world.check(&new.token()).await.unwrap();
    assert_eq!(world.source.asked(), 2);
}

#[tokio::test]
async fn unknown_keys_do_not_make_the_issuer_be_asked_often() {
    let issuer = Issuer::one();
    let world = World::new([Ok(key_set(&[&issuer]))]);
    let (good, strange) = (issuer.token(), Issuer::two().token());
    for _ in 0..1000 {
        assert_unauthenticated(world.check(&strange).await, "does not have");
    }
    assert_eq!(world.source.asked(), 1);
    world.clock.advance(Duration::from_secs(30));
    for _ in 0..1000 {
        assert_unauthenticated(world.check(&strange).await, "does not have");
        world.check(&good).await.unwrap();
    }
    assert_eq!(world.source.asked(), 2);
}

#[tokio::test]
async fn old_keys_are_asked_for_again_and_go_on_to_be_good_for_a_day() {
    let issuer = Issuer::one();
    let world = World::new([Ok(key_set(&[&issuer])), Err("the network is down")]);
    let fresh = |world: &World| {
        let now = world.clock.now().as_micros() / 1_000_000;
        let times = json!({ "iat": now, "exp": now + 3600 });
        issuer.sign(&issuer.header(), &claims_with(&times))
    };
    world.check(&fresh(&world)).await.unwrap();
    world.clock.advance(Duration::from_secs(3600));
    for _ in 0..10 {
        world.check(&fresh(&world)).await.unwrap();
    }
    assert_eq!(world.source.asked(), 2);
    // That there is no such key would be a guess now.
    let stranger = Issuer::two();
    let checked = world.check(&stranger.token()).await;
    assert!(matches!(checked, Err(PushRefusal::Unavailable(_))));

    world.clock.advance(Duration::from_secs(23 * 3600 - 1));
    world.check(&fresh(&world)).await.unwrap();
    world.clock.advance(Duration::from_secs(1));
    let checked = world.check(&fresh(&world)).await;
    assert!(matches!(checked, Err(PushRefusal::Unavailable(_))));
}

#[tokio::test]
async fn without_keys_nobody_is_judged_until_they_come() {
    let issuer = Issuer::one();
    let world = World::new([Err("the network is down"), Ok(key_set(&[&issuer]))]);
    for _ in 0..10 {
        let error = world.check(&issuer.token()).await.unwrap_err();
        assert!(matches!(error, PushRefusal::Unavailable(_)));
        assert!(error.to_string().contains("the network is down"), "{error}");
    }
    assert_eq!(world.source.asked(), 1);
    world.clock.advance(Duration::from_secs(30));
    world.check(&issuer.token()).await.unwrap();
    assert_eq!(world.source.asked(), 2);
}
