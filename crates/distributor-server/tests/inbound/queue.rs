//! Tasks of external queues (DC-17, DC-50 … DC-52, DC-71).

use std::time::Duration;

use distributor_core::{ErrorKind, Notification, QueueTask};

use crate::support::{CONFIG, NAMES, Reply, World, post, run};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const TOKEN: &str = "X-Distributor-Queue-Token";

/// As Go's `url.QueryEscape` writes it.
fn escaped(name: &str) -> String {
    let escape = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
            char::from(byte).to_string()
        }
        b' ' => "+".to_owned(),
        other => format!("%{other:02X}"),
    };
    name.bytes().map(escape).collect()
}

fn path(name: &str) -> String {
    format!("/tq/distributor/{}", escaped(name))
}

impl World {
    fn queue_token(&self, name: &str) -> String {
        let token = self.queue_tokens.issue(name, DAY).expect("a token");
        String::from_utf8(token.expose().to_vec()).expect("text")
    }

    async fn task(&self, name: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
        let token = self.queue_token(name);
        let headers = [&[(TOKEN, &*token)][..], headers].concat();
        post(self.address, &path(name), &headers, body).await
    }
}

#[test]
fn dc_50_71_a_task_reaches_its_backend() {
    run(async {
        let world = World::new().await;
        let headers = [
            ("X-Kind", "a kind"),
            ("Authorization", "Bearer canary"),
            ("Cookie", "canary"),
        ];
        let reply = world.task(CONFIG, &headers, b"\0\xff").await;
        assert_eq!((reply.status, &*reply.body), (200, ""));
        let [(name, task)] = world.backend.tasks().try_into().expect("one");
        let expected = QueueTask {
            headers: [("x-kind".to_owned(), "a kind".to_owned())].into(),
            body: vec![0, 0xff],
            delay: Duration::ZERO,
        };
        assert_eq!((&*name, task), (CONFIG, expected));
        world.stopped().await;
    });
}

#[test]
fn dc_17_names_survive_the_path() {
    run(async {
        let world = World::new().await;
        for name in NAMES {
            let reply = world.task(name, &[], b"").await;
            assert_eq!(reply.status, 200, "{name}: {}", reply.body);
        }
        let tasks = world.backend.tasks();
        let names: Vec<&str> = tasks.iter().map(|(name, _)| &**name).collect();
        assert_eq!(names, NAMES);
        world.stopped().await;
    });
}

#[test]
fn dc_50_without_the_token_of_its_configuration_a_task_is_refused() {
    run(async {
        let world = World::new().await;
        let good = world.queue_token(CONFIG);
        let of_another = world.queue_token(NAMES[0]);
        let execution = world.running("one").await;
        let of_a_topic = world.backend.auth_token(execution);
        for headers in [
            &[][..],
            &[(TOKEN, "")],
            &[(TOKEN, "canary")],
            &[(TOKEN, &*of_another)],
            &[(TOKEN, &*of_a_topic)],
            &[(TOKEN, &good[1..])],
            &[("X-AppEngine-QueueName", "default")],
            &[("Authorization", &*good)],
        ] {
            let reply = post(world.address, &path(CONFIG), headers, b"").await;
            assert_eq!(reply.status, 403, "{headers:?}");
            assert!(!reply.body.contains("canary"), "{}", reply.body);
        }
        let headers = [(TOKEN, &*good)];
        for path in [
            path(NAMES[0]),
            path("nobody"),
            "/tq/distributor/%".to_owned(),
            "/tq/distributor/%zz".to_owned(),
            "/tq/distributor/%ff%fe".to_owned(),
            format!("/tq/distributor/{CONFIG}/"),
            format!("/tq/distributor//{CONFIG}"),
        ] {
            let reply = post(world.address, &path, &headers, b"").await;
            assert_eq!(reply.status, 403, "{path}");
        }
        world.clock.advance(DAY + Duration::from_millis(1));
        let late = post(world.address, &path(CONFIG), &headers, b"").await;
        assert_eq!(late.status, 403);
        assert!(world.backend.tasks().is_empty());
        world.stopped().await;
    });
}

#[test]
fn dc_71_a_name_that_is_not_configured_is_a_bad_distributor() {
    run(async {
        let world = World::new().await;
        let reply = world.task("nobody", &[], b"").await;
        assert_eq!((reply.status, &*reply.body), (400, "bad distributor\n"));
        world.stopped().await;
    });
}

#[test]
fn dc_71_a_task_that_fails_is_the_queues_to_repeat() {
    run(async {
        let world = World::new().await;
        world.backend.fail(ErrorKind::InvalidArgument);
        let reply = world.task(CONFIG, &[], b"").await;
        assert_eq!(
            (reply.status, &*reply.body),
            (500, "Internal Server Error\n")
        );
        assert_eq!(world.backend.tasks().len(), 1);
        world.stopped().await;
    });
}

#[test]
fn dc_71_notifications_that_could_not_be_recorded_fail_the_task() {
    run(async {
        let world = World::new().await;
        let execution = world.running("one").await;
        world
            .backend
            .answer_tasks(vec![Notification::new(execution, "")]);
        world.engine.stop().await;
        assert_eq!(world.task(CONFIG, &[], b"").await.status, 500);
        world.stopped().await;
    });
}

#[test]
fn dc_51_52_a_task_may_notify_of_any_executions_which_are_looked_at_afterwards() {
    run(async {
        let world = World::new().await;
        let one = world.running("one").await;
        let two = world.running_on(NAMES[0], "two").await;
        let notifications = vec![Notification::new(one, "1"), Notification::new(two, "2")];
        world.backend.answer_tasks(notifications.clone());
        assert_eq!(world.task(CONFIG, &[], b"").await.status, 200);
        let mut seen = world.backend.seen(2).await;
        seen.sort_by_key(|it| it.notification.data.clone());
        let configs: Vec<&str> = seen.iter().map(|it| &*it.config).collect();
        assert_eq!(configs, [CONFIG, NAMES[0]]);
        let seen: Vec<_> = seen.into_iter().map(|it| it.notification).collect();
        assert_eq!(seen, notifications);
        world.drain().await;
        assert_eq!(world.backend.tasks().len(), 1);
        world.stopped().await;
    });
}

#[test]
fn dc_71_a_task_that_is_too_large_or_no_text_is_refused_and_not_delivered() {
    run(async {
        let world = World::new().await;
        let token = world.queue_token(CONFIG);
        let start = format!(
            "POST {} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{TOKEN}: {token}\r\n",
            path(CONFIG)
        );
        let too_large = format!("{start}Content-Length: 16777217\r\n\r\n");
        let reply = crate::support::raw(world.address, too_large.as_bytes()).await;
        assert_eq!(reply.status, 413);
        let rest = b"X-Kind: \xff\r\nContent-Length: 0\r\n\r\n";
        let no_text = [start.as_bytes(), rest].concat();
        let reply = crate::support::raw(world.address, &no_text).await;
        assert_eq!(reply.status, 400);
        assert!(reply.body.contains("x-kind"), "{}", reply.body);
        assert!(world.backend.tasks().is_empty());
        world.stopped().await;
    });
}
