//! EnsureGraphData of executions.

use distributor_api::Code;
use distributor_core::dm::attempt::data::AttemptType;
use distributor_core::dm::{attempt, execution};
use distributor_core::{AttemptId, TaskResult, dm};

use crate::support::{Job, World, assert_refused, desc, id_of, raw, request, run, shown, state};

/// A request for these attempts, with their results.
fn results_of(attempts: &[AttemptId]) -> dm::EnsureGraphDataReq {
    let include = dm::ensure_graph_data_req::Include {
        attempt: Some(dm::ensure_graph_data_req::include::Options { result: true }),
    };
    dm::EnsureGraphDataReq {
        raw_attempts: Some(raw(attempts)),
        include: Some(include),
        ..Default::default()
    }
}

async fn running_job(world: &World) -> Job {
    let attempt = world.executing(&desc("job")).await;
    world.running(attempt).await
}

#[test]
fn a12_depending_on_what_is_not_finished_halts() {
    run(async {
        let world = World::new();
        let job = running_job(&world).await;
        let response = world.depend(&job, request(&[desc("need")])).await;
        let response = response.expect("good");
        assert!(response.accepted && response.should_halt);
        assert_eq!(response.result, None);
        assert_eq!(response.quest_ids, vec![id_of(&desc("need")).into()]);

        let id = job.execution.attempt;
        let record = world.get(id);
        assert_eq!(record.state, attempt::State::Executing);
        let stopping = record.execution.expect("an execution").state;
        assert_eq!(stopping, execution::State::Stopping);
        let dependencies = world.dependencies(id);
        assert_eq!(dependencies.len(), 1);
        assert_eq!(dependencies[0].dependency, id_of(&desc("need")).attempt(1));

        // The token is revoked.
        let again = world.depend(&job, request(&[desc("need")])).await;
        assert_refused(again, Code::Unauthenticated, "execution Auth");
        let finish = world.finish(&job, "{}").await;
        assert_refused(finish, Code::PermissionDenied, "requires execution Auth");
    });
}

#[test]
fn a13_depending_on_what_is_finished_gives_its_result() {
    run(async {
        let world = World::new();
        let need = world.finished(&desc("need"), r#"{"done": true}"#).await;
        let job = running_job(&world).await;
        let mut list = results_of(&[]);
        list.quest = vec![desc("need")];
        list.quest_attempt = request(&list.quest).quest_attempt;
        let response = world.depend(&job, list).await.expect("good");
        assert!(response.accepted && !response.should_halt);
        let result = response.result.as_ref().expect("a result");
        let quest = &result.quests[&need.quest.to_string()];
        assert!(quest.data.is_some());
        let attempt = shown(&response, need);
        let AttemptType::Finished(finished) = state(attempt) else {
            panic!("not finished: {attempt:?}");
        };
        let data = finished.data.as_ref().expect("data");
        assert_eq!((data.object.as_str(), data.size), (r#"{"done":true}"#, 13));
        assert_eq!(attempt.data.as_ref().map(|it| it.num_executions), Some(1));
        assert_eq!(attempt.partial, None);
        let dependencies = world.dependencies(job.execution.attempt);
        assert_eq!(dependencies.len(), 1);
        assert_eq!(dependencies[0].dependency, need);
        // The job goes on with the same token.
        assert_eq!(world.finish(&job, "{}").await, Ok(()));
    });
}

#[test]
fn a_halted_job_runs_again_and_then_gets_its_results() {
    run(async {
        let world = World::new();
        let job = running_job(&world).await;
        let halted = world.depend(&job, request(&[desc("need")])).await;
        assert!(halted.expect("good").should_halt);
        let need = world.finished(&desc("need"), r#"{"n":5}"#).await;
        let state_of_job = TaskResult::data(r#"{"stage":1}"#);
        world.end(job.execution, state_of_job).await;
        let attempt = job.execution.attempt;
        assert_eq!(world.get(attempt).current_execution, 2);
        let job = world.running(attempt).await;
        let response = world.depend(&job, results_of(&[need])).await;
        let response = response.expect("good");
        assert!(!response.should_halt);
        assert!(matches!(
            state(shown(&response, need)),
            AttemptType::Finished(_)
        ));
    });
}

#[test]
fn results_are_shown_only_if_asked_for_and_as_far_as_they_fit() {
    run(async {
        let world = World::new();
        let needs = [
            world.finished(&desc("x"), r#"{"r":"0123456789"}"#).await,
            world.finished(&desc("y"), r#"{"r":"0123456789"}"#).await,
        ];
        let job = running_job(&world).await;
        let mut list = results_of(&needs);
        list.limit = Some(dm::ensure_graph_data_req::Limit { max_data_size: 20 });
        let response = world.depend(&job, list.clone()).await.expect("good");
        let mut full = 0;
        for need in needs {
            let attempt = shown(&response, need);
            let AttemptType::Finished(finished) = state(attempt) else {
                panic!("not finished: {attempt:?}");
            };
            let data = finished.data.as_ref().expect("data");
            assert_eq!(data.size, 18);
            let result = attempt.partial.map(|partial| partial.result());
            match data.object.is_empty() {
                false => {
                    full += 1;
                    assert_eq!(result, None);
                }
                true => assert_eq!(result, Some(attempt::partial::Result::DataSizeLimit)),
            }
        }
        assert_eq!(full, 1);

        list.include = None;
        let response = world.depend(&job, list).await.expect("good");
        let attempt = shown(&response, needs[0]);
        assert_eq!(attempt.partial, None);
        let AttemptType::Finished(finished) = state(attempt) else {
            panic!("not finished: {attempt:?}");
        };
        let data = finished.data.as_ref().expect("data");
        assert_eq!((data.object.as_str(), data.size), ("", 18));
    });
}

#[test]
fn an_execution_that_is_not_what_it_says_is_unauthenticated_and_creates_nothing() {
    run(async {
        let world = World::new();
        let job = running_job(&world).await;
        let attempt = job.execution.attempt;
        for (execution, token) in [
            (job.execution, vec![]),
            (job.execution, vec![8; 32]),
            (attempt.execution(2), job.token.clone()),
            (attempt.quest.attempt(2).execution(1), job.token.clone()),
            (
                id_of(&desc("nowhere")).attempt(1).execution(1),
                job.token.clone(),
            ),
        ] {
            let stranger = Job { execution, token };
            let answer = world.depend(&stranger, request(&[desc("x")])).await;
            assert_refused(answer, Code::Unauthenticated, "execution Auth");
            // Strangers do not learn which configurations there are.
            let mut unknown = desc("x");
            unknown.distributor_config_name = "nowhere".to_owned();
            let answer = world.depend(&stranger, request(&[unknown])).await;
            assert_refused(answer, Code::Unauthenticated, "execution Auth");
        }
        assert!(world.quest(&desc("x")).is_none());
        let scheduled = world.executing(&desc("other")).await.execution(1);
        let invited = Job {
            execution: scheduled,
            token: world.backend.activation_token(scheduled),
        };
        let answer = world.depend(&invited, request(&[desc("x")])).await;
        assert_refused(answer, Code::Unauthenticated, "execution Auth");
    });
}

#[test]
fn a_job_that_would_wait_for_itself_is_told_the_way() {
    run(async {
        let world = World::new();
        let job = running_job(&world).await;
        let itself = world.depend(&job, request(&[desc("job")])).await;
        let way = format!("{0} -> {0}", job.execution.attempt);
        assert_refused(itself, Code::FailedPrecondition, &way);

        let halted = world.depend(&job, request(&[desc("need")])).await;
        assert!(halted.expect("good").should_halt);
        world.drain().await;
        let need = world.running(id_of(&desc("need")).attempt(1)).await;
        let around = world.depend(&need, request(&[desc("job")])).await;
        let (need, job) = (need.execution.attempt, job.execution.attempt);
        let way = format!("{need} -> {job} -> {need}");
        assert_refused(around, Code::FailedPrecondition, &way);
    });
}

#[test]
fn a_dependency_that_ended_abnormally_is_shown_and_does_not_halt() {
    run(async {
        let world = World::new();
        let need = world.executing(&desc("need")).await;
        let failed = TaskResult::abnormal(dm::abnormal_finish::Status::Crashed, "boom");
        world.end(need.execution(1), failed).await;
        let job = running_job(&world).await;
        let response = world.depend(&job, results_of(&[need])).await;
        let response = response.expect("good");
        assert!(!response.should_halt);
        let AttemptType::AbnormalFinish(finish) = state(shown(&response, need)) else {
            panic!("not abnormal: {response:?}");
        };
        assert_eq!(finish.reason, "boom");
    });
}
