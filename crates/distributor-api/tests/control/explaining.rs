//! `Explain` of what a real host does. What is said in every state is a table beside the code.

use distributor_api::{Caller, Code, Status};
use distributor_core::dm::attempt::State;
use distributor_core::{AttemptId, Secret, dm};
use distributor_host::driver::{Dependent, GraphRequest};
use distributor_proto::control::{ExplainRequest, ExplainResponse};

use super::support::{Backend, Quest, World, id, run};

async fn explain(world: &World, attempt: AttemptId) -> ExplainResponse {
    let request = ExplainRequest {
        attempt: Some(attempt.into()),
    };
    world.api.explain(&World::reader(), request).await.unwrap()
}

/// The sentence about an attempt has all of `parts` in this order.
#[track_caller]
fn says(answer: &ExplainResponse, state: Option<State>, parts: &[String]) {
    assert_eq!(answer.state, state.map(i32::from), "{}", answer.sentence);
    let mut rest = answer.sentence.as_str();
    for part in parts {
        match rest.split_once(part.as_str()) {
            Some((_, after)) => rest = after,
            None => panic!("no {part:?} (in this order) in: {}", answer.sentence),
        }
    }
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn fact<'a>(answer: &'a ExplainResponse, name: &str) -> Option<&'a str> {
    let found = answer.facts.iter().find(|fact| fact.name == name);
    found.map(|fact| fact.value.as_str())
}

#[test]
fn what_does_not_exist_is_explained_too() {
    run(async {
        let world = World::new();
        world.backend("now", Backend::instant());
        let attempt = world.ensure(&Quest::simple("now", 1)).await;
        let answer = explain(&world, id(9)).await;
        says(
            &answer,
            None,
            &words(&["does not exist", "its quest does not either"]),
        );
        let answer = explain(&world, attempt.quest.attempt(5)).await;
        says(
            &answer,
            None,
            &words(&["but its quest does, with 1 attempt", "number 1"]),
        );
    });
}

#[test]
fn a_chain_is_followed_to_what_stands_in_line() {
    run(async {
        let world = World::new();
        world.backend("farm", Backend::running().with_capacity(2));
        let mut line = Vec::new();
        for number in 0..15 {
            line.push(world.ensure(&Quest::simple("farm", number)).await);
        }
        world.until_executing(line[0]).await;
        world.until_executing(line[1]).await;
        let last = line[14];
        let middle = world
            .ensure(&Quest::simple("farm", "m").needs(&[last]))
            .await;
        let first = world
            .ensure(&Quest::simple("farm", "f").needs(&[middle]))
            .await;
        let queued = "is queued behind 12 others at configuration \"farm\" (2 slots)".to_owned();

        let answer = explain(&world, last).await;
        says(
            &answer,
            Some(State::Scheduling),
            &[queued.clone(), ", all of which are taken".into()],
        );
        assert_eq!(fact(&answer, "capacity"), Some("2"));
        let answer = explain(&world, first).await;
        let parts = [
            format!("waits for {middle} (WAITING), which waits for {last} (SCHEDULING), which "),
            queued,
        ];
        says(&answer, Some(State::Waiting), &parts);
        let answer = explain(&world, line[2]).await;
        says(
            &answer,
            Some(State::Scheduling),
            &words(&["is next in line"]),
        );
    });
}

#[test]
fn a_long_chain_and_many_needs_are_cut() {
    run(async {
        let world = World::new();
        world.backend("farm", Backend::running());
        let mut chain = vec![world.ensure(&Quest::simple("farm", 0)).await];
        for number in 1..30 {
            let need = [chain[number - 1]];
            chain.push(
                world
                    .ensure(&Quest::simple("farm", number).needs(&need))
                    .await,
            );
        }
        let answer = explain(&world, chain[29]).await;
        says(
            &answer,
            Some(State::Waiting),
            &words(&["(WAITING), which waits for", ", and so on"]),
        );
        let named = answer.facts.iter().filter(|it| it.name == "waits_for");
        assert_eq!(named.count(), 7);

        let needs = (100..1300).map(|number| Quest::simple("farm", number));
        let needs = world.ensure_all(needs).await;
        world.until_executing(needs[1199]).await;
        let many = world
            .ensure(&Quest::simple("farm", "many").needs(&needs))
            .await;
        let answer = explain(&world, many).await;
        let parts = words(&[
            "waits for 1200 attempts, ",
            "and 1197 more",
            "is running as",
        ]);
        says(&answer, Some(State::Waiting), &parts);
    });
}

#[test]
fn a_job_is_explained_from_its_start_to_its_end() {
    run(async {
        let world = World::new();
        let backend = world.backend("farm", Backend::running());
        let attempt = world.ensure(&Quest::speaking("farm", 1)).await;
        world.until_executing(attempt).await;
        let answer = explain(&world, attempt).await;
        let parts = words(&[
            "handed to configuration \"farm\" as execution 1",
            "no start timeout",
        ]);
        says(&answer, Some(State::Executing), &parts);

        let token = world.activate(&backend, attempt).await;
        let answer = explain(&world, attempt).await;
        says(
            &answer,
            Some(State::Executing),
            &words(&["is running as execution 1"]),
        );

        let needed = world.ensure(&Quest::simple("farm", "needed")).await;
        world.until_executing(needed).await;
        halt(&world, attempt, token, needed).await;
        let answer = explain(&world, attempt).await;
        let parts = words(&["is stopping to wait for 1 attempt", "execution 1 is over"]);
        says(&answer, Some(State::Executing), &parts);
        assert_eq!(fact(&answer, "execution_state"), Some("STOPPING"));

        world.say_finished(attempt);
        world.until(attempt, |it| it.state == State::Waiting).await;
        let answer = explain(&world, attempt).await;
        let parts = [
            format!("waits for {needed} (EXECUTING), which is running"),
            "its execution 1 asked for that".to_owned(),
        ];
        says(&answer, Some(State::Waiting), &parts);
    });
}

async fn halt(world: &World, attempt: AttemptId, token: Secret, needed: AttemptId) {
    let request = GraphRequest {
        attempts: vec![needed],
        dependent: Some(Dependent {
            execution: attempt.execution(1),
            token,
        }),
        ..GraphRequest::default()
    };
    assert!(world.engine.ensure_graph(request).await.unwrap().halted);
}

#[test]
fn a_backend_that_cannot_be_reached_is_explained_with_its_tries() {
    run(async {
        let world = World::new();
        world.backend("farm", Backend::unreachable());
        let attempt = world.ensure(&Quest::simple("farm", 1)).await;
        world.until_delayed(attempt).await;
        let answer = explain(&world, attempt).await;
        let parts = words(&[
            "is being started as execution 1",
            "1 try has failed, the next",
        ]);
        says(&answer, Some(State::Scheduling), &parts);

        let request = distributor_proto::control::CancelRequest {
            attempts: vec![attempt.into()],
            ..Default::default()
        };
        world.api.cancel(&Caller::Trusted, request).await.unwrap();
        let answer = explain(&world, attempt).await;
        let parts = words(&["is being called off (CANCELLED: cancelled by a trusted caller)"]);
        says(&answer, Some(State::Scheduling), &parts);
    });
}

#[test]
fn a_configuration_that_cannot_be_used_now_is_named() {
    run(async {
        let world = World::new();
        world.backend("farm", Backend::running().with_capacity(1));
        let first = world.ensure(&Quest::simple("farm", 1)).await;
        world.until_executing(first).await;
        let second = world.ensure(&Quest::simple("farm", 2)).await;
        world.backends.set_unreadable(true);
        let answer = explain(&world, second).await;
        let parts = words(&["configuration \"farm\" cannot be read", "tries again"]);
        says(&answer, Some(State::Scheduling), &parts);
        world.backends.set_unreadable(false);
        world.backends.remove("farm");
        let answer = explain(&world, second).await;
        let parts = words(&["cannot start, because configuration \"farm\"", "REJECTED"]);
        says(&answer, Some(State::Scheduling), &parts);
    });
}

#[test]
fn ends_are_explained() {
    run(async {
        let world = World::new();
        world.backend("now", Backend::instant());
        world.backend("bad", Backend::failing());
        let finished = world.ensure(&Quest::simple("now", 1)).await;
        world.until_final(finished).await;
        let answer = explain(&world, finished).await;
        let parts = words(&[
            "finished at ",
            "after 1 execution, with a result of 2 bytes",
        ]);
        says(&answer, Some(State::Finished), &parts);

        let failed = world.ensure(&Quest::simple("bad", 1)).await;
        world.until_final(failed).await;
        let answer = explain(&world, failed).await;
        let parts = words(&["ended FAILED: exit code 1 at", "0 of 0 retries used"]);
        says(&answer, Some(State::AbnormalFinished), &parts);
        let dependent = world
            .ensure(&Quest::simple("now", 2).needs(&[failed]))
            .await;
        world.until_final(dependent).await;
        let answer = explain(&world, dependent).await;
        let parts = words(&[
            "ended CANCELLED: needs",
            "FAILED: exit code 1",
            "without any execution",
        ]);
        says(&answer, Some(State::AbnormalFinished), &parts);
        assert_eq!(fact(&answer, "culprit"), Some(failed.to_string().as_str()));
    });
}

#[test]
fn a_bad_request_names_its_field() {
    run(async {
        let world = World::new();
        let zero = dm::attempt::Id {
            id: 0,
            ..id(1).into()
        };
        for attempt in [None, Some(dm::attempt::Id::default()), Some(zero)] {
            let request = ExplainRequest { attempt };
            let answer = world.api.explain(&World::reader(), request).await;
            let Err(Status { code, message }) = answer else {
                panic!("{answer:?}");
            };
            assert_eq!(code, Code::InvalidArgument);
            assert!(message.starts_with("attempt: "), "{message}");
        }
    });
}
