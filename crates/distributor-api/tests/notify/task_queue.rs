//! Who may deliver tasks of external queues.

use std::time::Duration;

use distributor_api::notify::{TaskQueueReceiver, TaskRefusal};
use distributor_host::topic::QueueTokens;

use crate::log::{run, said};
use crate::support::{CONFIG, OTHER_CONFIG, World};

fn queue(world: &World) -> &TaskQueueReceiver {
    &world.api.parts().inbound.task_queue
}

fn token(world: &World, name: &str) -> String {
    let tokens = QueueTokens::new(world.secrets.path().to_owned(), world.clock.clone());
    let token = tokens
        .issue(name, Duration::from_secs(60))
        .expect("a token");
    String::from_utf8(token.expose().to_vec()).expect("text")
}

#[test]
fn dc_50_only_the_token_of_the_configuration_lets_a_task_in() {
    run(async {
        let world = World::new();
        let good = token(&world, CONFIG);
        let delivery = queue(&world).admit(Some(&good), CONFIG).expect("let in");
        let delivered = delivery.complete(Default::default(), Vec::new()).await;
        delivered.expect("the backend takes it");

        let _before = said();
        let other = token(&world, OTHER_CONFIG);
        for (token, name) in [
            (None, CONFIG),
            (Some(""), CONFIG),
            (Some("canary"), CONFIG),
            (Some(&*other), CONFIG),
            (Some(&*good), OTHER_CONFIG),
            (Some(&*good), ""),
            (Some(&*good), &*"canary".repeat(100_000)),
        ] {
            let refused = queue(&world).admit(token, name).expect_err("not let in");
            assert!(matches!(refused, TaskRefusal::Forbidden(_)), "{refused}");
        }
        let lines = said();
        assert_eq!(lines.len(), 7);
        for line in lines {
            assert!(line.text.len() < 1000);
            assert!(!line.text.contains(&good[20..]) && !line.text.contains(&other[20..]));
        }
        world.clock.advance(Duration::from_secs(61));
        let late = queue(&world).admit(Some(&good), CONFIG);
        assert!(matches!(late, Err(TaskRefusal::Forbidden(_))));
    });
}

#[test]
fn a_flood_of_strangers_does_not_fill_the_log() {
    run(async {
        let world = World::new();
        let _before = said();
        for _ in 0..1000 {
            queue(&world).admit(None, CONFIG).expect_err("not let in");
        }
        assert_eq!(said().len(), 10);
    });
}
