//! Input that nobody should send: every call is answered, nothing is created, and the service goes on.

use distributor_api::{Code, ProjectTemplates, Status};
use distributor_core::dm;
use prost::Message;

use crate::support::{World, anonymous, assert_refused, desc, id_of, named, nums, request, run};

/// Numbers that look random and are the same in every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }

    fn byte(&mut self) -> u8 {
        u8::try_from(self.next() % 256).expect("below 256")
    }
}

/// Sends bytes as all three requests; counts those that are requests at all.
async fn send(world: &World, bytes: &[u8]) -> usize {
    let caller = named("writers");
    let mut sent = 0;
    let mut answers = Vec::new();
    if let Ok(request) = dm::EnsureGraphDataReq::decode(bytes) {
        sent += 1;
        let answer = world.api.ensure_graph_data(&caller, request).await;
        answers.extend(answer.err());
    }
    if let Ok(request) = dm::ActivateExecutionReq::decode(bytes) {
        sent += 1;
        let answer = world.api.activate_execution(&caller, request).await;
        answers.extend(answer.err());
    }
    if let Ok(request) = dm::FinishAttemptReq::decode(bytes) {
        sent += 1;
        let answer = world.api.finish_attempt(&caller, request).await;
        answers.extend(answer.err());
    }
    for Status { code, message } in answers {
        let expected = [
            Code::InvalidArgument,
            Code::Unauthenticated,
            Code::PermissionDenied,
            Code::Internal,
        ];
        assert!(expected.contains(&code), "{code:?}: {message}");
        assert!(!message.is_empty());
    }
    sent
}

#[test]
fn random_bytes_are_answered() {
    run(async {
        let world = World::new();
        let mut random = Random(1);
        for _ in 0..10_000 {
            let length = random.next() % 64;
            let bytes: Vec<u8> = (0..length).map(|_| random.byte()).collect();
            send(&world, &bytes).await;
        }
        assert!(world.is_empty());
        assert!(world.ensure(request(&[desc("a")])).await.is_ok());
    });
}

#[test]
fn damaged_requests_are_answered() {
    run(async {
        let world = World::new();
        let id = id_of(&desc("a")).attempt(1).execution(1);
        let mut whole = request(&[desc("a"), desc("b")]);
        whole.for_execution = Some(dm::execution::Auth {
            id: Some(id.into()),
            token: vec![7; 32],
        });
        let bytes = whole.encode_to_vec();
        let mut random = Random(2);
        let mut sent = 0;
        for _ in 0..10_000 {
            let mut damaged = bytes.clone();
            for _ in 0..=random.next() % 3 {
                let at = usize::try_from(random.next()).expect("31 bits") % damaged.len();
                damaged[at] = random.byte();
            }
            sent += send(&world, &damaged).await;
        }
        assert!(sent > 1_000, "{sent}");
        assert!(world.ensure(request(&[desc("a")])).await.is_ok());
    });
}

#[test]
fn too_many_attempts_in_one_request_are_refused() {
    run(async {
        let world = World::new();
        let many: Vec<u32> = (1..=65_537).collect();
        let mut list = request(&[desc("a")]);
        list.quest_attempt = vec![nums(&many)];
        let message = "quest_attempt[0]: too many attempts";
        assert_refused(world.ensure(list).await, Code::InvalidArgument, message);

        // Not many each, but many in all.
        let mut list = request(&vec![desc("a"); 66]);
        list.quest_attempt = vec![nums(&many[..1_000]); 66];
        let message = "quest_attempt[65]: too many attempts";
        assert_refused(world.ensure(list).await, Code::InvalidArgument, message);

        let mut needs = dm::AttemptList::default();
        needs
            .to
            .insert(id_of(&desc("b")).to_string(), nums(&many[..1_000]));
        let mut list = request(&[desc("a")]);
        list.quest_attempt = vec![nums(&many[..1_000])];
        list.quest_needs = vec![needs];
        let message = "send several requests";
        assert_refused(world.ensure(list).await, Code::InvalidArgument, message);

        // What they wait for counts in all, too.
        let mut needs = dm::AttemptList::default();
        needs
            .to
            .insert(id_of(&desc("b")).to_string(), nums(&many[..300]));
        let mut list = request(&[desc("a"), desc("c")]);
        list.quest_attempt = vec![nums(&many[..500]); 2];
        list.quest_needs = vec![needs; 2];
        let message = "quest_needs[1].to[";
        assert_refused(world.ensure(list).await, Code::InvalidArgument, message);
        assert!(world.is_empty());
    });
}

#[test]
fn deep_and_large_json_is_refused_or_kept_and_never_overflows() {
    run(async {
        let world = World::new();
        let nested = |levels: usize| {
            let mut quest = desc("a");
            quest.parameters = "{\"a\":".repeat(levels) + "{}" + &"}".repeat(levels);
            request(&[quest])
        };
        assert!(world.ensure(nested(9_999)).await.is_ok());
        let deeper = world.ensure(nested(10_000)).await;
        assert_refused(
            deeper,
            Code::InvalidArgument,
            "quest[0].parameters: more than 10000 levels",
        );
        let mut large = desc("a");
        large.parameters = format!("{{\"a\":\"{}\"}}", "x".repeat(300_000));
        let answer = world.ensure(request(&[large])).await;
        assert_refused(
            answer,
            Code::InvalidArgument,
            "quest[0].parameters and distributor_parameters: too large",
        );
        // Legal before normalization, and larger after it: normalized once, and once only.
        let mut growing = desc("a");
        growing.parameters = format!("{{\"a\":\"{}\"}}", "<".repeat(200_000));
        let grown = world.ensure(request(&[growing.clone()])).await;
        assert!(grown.expect("good").accepted);
        assert!(world.quest(&growing).is_some());
    });
}

#[test]
fn what_a_client_sent_is_quoted_only_in_part() {
    run(async {
        let world = World::new();
        let mut list = dm::AttemptList::default();
        list.to.insert("x".repeat(1 << 20), nums(&[1]));
        let long = dm::EnsureGraphDataReq {
            raw_attempts: Some(list),
            ..Default::default()
        };
        let status = world.ensure(long).await.expect_err("refused");
        assert!(status.message.starts_with("raw_attempts.to: cannot create"));
        assert!(status.message.len() <= 4096);
        let mut unknown = desc("a");
        unknown.distributor_config_name = "x".repeat(1 << 20);
        let status = world
            .ensure(request(&[unknown]))
            .await
            .expect_err("refused");
        assert!(status.message.len() <= 4096);
    });
}

#[test]
fn secrets_are_in_no_message() {
    run(async {
        let world = World::new();
        let id = id_of(&desc("a")).attempt(1).execution(1);
        let secret = "hunter2-hunter2-hunter2-hunter2-";
        let auth = dm::execution::Auth {
            id: Some(id.into()),
            token: secret.as_bytes().to_vec(),
        };
        let mut depend = request(&[desc("b")]);
        depend.for_execution = Some(auth.clone());
        let depend = world.api.ensure_graph_data(&anonymous(), depend).await;
        let activate = dm::ActivateExecutionReq {
            auth: Some(auth),
            execution_token: secret.as_bytes().to_vec(),
        };
        let activate = world.api.activate_execution(&anonymous(), activate).await;
        for status in [depend.expect_err("refused"), activate.expect_err("refused")] {
            assert!(!status.to_string().contains("hunter2"), "{status}");
        }
    });
}

#[test]
fn random_template_files_are_refused_or_read() {
    let pieces = [
        "template",
        "{",
        "}",
        "key",
        "value",
        ":",
        "\"a\"",
        "'${x}'",
        "param",
        "parameters",
        "body",
        "[",
        "]",
        "<",
        ">",
        ",",
        "#",
        "\n",
        "schema",
        "int",
        "default",
        "\\",
        "\"",
        "1",
        "ä",
        "distributor_parameters",
        "distributor_config_name",
        "-",
        "\0",
    ];
    let mut random = Random(3);
    for _ in 0..20_000 {
        let length = random.next() % 40;
        let file: Vec<&str> = (0..length)
            .map(|_| {
                let index = usize::try_from(random.next()).expect("31 bits") % pieces.len();
                pieces[index]
            })
            .collect();
        if let Err(problems) = ProjectTemplates::parse(&file.join(" ")) {
            assert!(!problems.is_empty());
        }
    }
}
