//! The client's side for jobs, [`JobContext`], against the real service (gRPC, which it speaks).

use distributor_client::Code;
use distributor_client::job::{Depended, JobContext, JobError, Outcome, outcome};
use distributor_core::dm::abnormal_finish::Status;
use distributor_core::{ExecutionId, TaskResult, dm};

use crate::support::{World, desc, id_of, list, result, results, run, shown, walk};
use crate::wire::Grpc;

/// A task of this execution, which has not said yet that it lives.
fn task(world: &World<Grpc>, execution: ExecutionId) -> JobContext {
    let auth = dm::execution::Auth {
        id: Some(execution.into()),
        token: world.backend.activation_token(execution),
    };
    JobContext::new(world.anonymous.0.clone(), auth).expect("a whole auth")
}

async fn depend(job: &JobContext, needs: &[&str]) -> Result<Depended, JobError> {
    let needs = needs.iter().map(|name| (desc(name), vec![1])).collect();
    job.depend(needs, None, true).await
}

#[tokio::test]
async fn a_job_halts_and_the_next_one_gets_its_results_over_grpc() {
    run::<Grpc>(async |world| {
        let attempt = world.executing(&desc("job")).await;
        let job = task(world, attempt.execution(1));
        job.activate().await.expect("invited");
        let halted = depend(&job, &["good", "bad"]).await;
        assert_eq!(halted.expect("good"), Depended::Halt);
        // Whatever it still tries, it is told to stop.
        let stopped = |answer| matches!(answer, Err(JobError::Stop { .. }));
        assert!(stopped(job.finish("{}").await));
        assert!(stopped(depend(&job, &["good"]).await.map(|_| ())));
        world
            .end(attempt.execution(1), TaskResult::data("{}"))
            .await;

        let [good, bad] = ["good", "bad"].map(|name| id_of(&desc(name)).attempt(1));
        let needed = task(world, good.execution(1));
        needed.activate().await.expect("invited");
        needed.finish(r#"{"n":1}"#).await.expect("good");
        world.end(good.execution(1), TaskResult::data("{}")).await;
        let crashed = TaskResult::abnormal(Status::Crashed, "boom");
        world.end(bad.execution(1), crashed).await;

        let job = task(world, attempt.execution(2));
        job.activate().await.expect("invited");
        let answer = depend(&job, &["good", "bad"]).await.expect("good");
        let Depended::Results(graph) = answer else {
            panic!("halted again");
        };
        let of_good = outcome(&graph, &good.quest.to_string(), 1);
        assert_eq!(of_good, Ok(Outcome::Finished(r#"{"n":1}"#)));
        let expected = dm::AbnormalFinish {
            status: Status::Crashed.into(),
            reason: "boom".to_owned(),
        };
        let of_bad = outcome(&graph, &bad.quest.to_string(), 1);
        assert_eq!(of_bad, Ok(Outcome::Abnormal(&expected)));
        job.finish(r#"{"sum":1}"#).await.expect("good");
        world
            .end(attempt.execution(2), TaskResult::data("{}"))
            .await;
        let graph = world.walk(walk(list(&[attempt]), 0, results())).await;
        assert_eq!(result(shown(&graph, attempt)).0, r#"{"sum":1}"#);
    })
    .await;
}

#[tokio::test]
async fn of_two_tasks_the_second_one_is_told_to_stop_over_grpc() {
    run::<Grpc>(async |world| {
        let execution = world.executing(&desc("job")).await.execution(1);
        let (first, second) = (task(world, execution), task(world, execution));
        first.activate().await.expect("invited");
        first.activate().await.expect("the same call again");
        let late = second.activate().await;
        assert!(matches!(late, Err(JobError::Stop { .. })), "{late:?}");
        first.finish("{}").await.expect("it was not disturbed");
    })
    .await;
}

#[tokio::test]
async fn a_cycle_is_an_error_that_a_job_can_tell_over_grpc() {
    run::<Grpc>(async |world| {
        let attempt = world.executing(&desc("job")).await;
        let job = task(world, attempt.execution(1));
        job.activate().await.expect("invited");
        let JobError::Client(error) = depend(&job, &["job"]).await.expect_err("a cycle") else {
            panic!("another error");
        };
        assert_eq!(error.code(), Code::FailedPrecondition);
        let way = format!("would wait for itself: {attempt} -> {attempt}");
        assert!(error.to_string().contains(&way), "{error}");
        job.finish("{}").await.expect("it was not halted");
    })
    .await;
}
