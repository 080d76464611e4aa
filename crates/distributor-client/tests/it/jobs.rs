//! What a job asks, and what answers mean for it.

use distributor_client::Code;
use distributor_client::job::{Depended, JobContext, JobError};
use distributor_proto::dm;

use crate::fake::{Asked, Fake};

const ACTIVATION: &[u8] = b"activation canary activation canary";

fn job(fake: &Fake) -> JobContext {
    let auth = dm::execution::Auth {
        id: Some(id()),
        token: ACTIVATION.to_vec(),
    };
    JobContext::new(fake.client(), auth).unwrap()
}

fn id() -> dm::execution::Id {
    dm::execution::Id {
        quest: "q".to_owned(),
        attempt: 1,
        id: 2,
    }
}

fn activation(asked: &Asked) -> dm::ActivateExecutionReq {
    asked.decode()
}

async fn depend(job: &JobContext) -> Result<Depended, JobError> {
    let desc = dm::quest::Desc {
        distributor_config_name: "here".to_owned(),
        ..dm::quest::Desc::default()
    };
    job.depend(vec![(desc, vec![2, 1])], None, true).await
}

#[tokio::test]
async fn a_job_activates_with_a_token_of_its_own_and_uses_it_from_then_on() {
    let fake = Fake::new().await;
    let job = job(&fake);
    fake.answers(()).answers(());
    job.activate().await.unwrap();
    job.finish(r#"{"a":1}"#).await.unwrap();
    let asked = fake.asked();
    let first = activation(&asked[0]);
    let auth = first.auth.unwrap();
    assert_eq!((auth.id, auth.token.as_slice()), (Some(id()), ACTIVATION));
    assert_eq!(first.execution_token.len(), 32);
    let finish: dm::FinishAttemptReq = asked[1].decode();
    assert_eq!(finish.auth.unwrap().token, first.execution_token);
    assert_eq!(finish.data.unwrap().object, r#"{"a":1}"#);
    let other = self::job(&fake);
    fake.answers(());
    other.activate().await.unwrap();
    assert_ne!(
        activation(&fake.asked()[2]).execution_token,
        first.execution_token
    );
}

#[tokio::test]
async fn an_activation_is_repeated_with_the_same_token() {
    let fake = Fake::new().await;
    fake.fails(Code::Unavailable).answers(());
    job(&fake).activate().await.unwrap();
    let asked = fake.asked();
    assert_eq!(asked.len(), 2);
    assert_eq!(asked[0], asked[1]);
}

#[tokio::test]
async fn a_job_stops_if_another_was_faster() {
    for code in [
        Code::AlreadyExists,
        Code::PermissionDenied,
        Code::Unauthenticated,
    ] {
        let fake = Fake::new().await;
        fake.fails(code);
        let error = job(&fake).activate().await.unwrap_err();
        assert!(matches!(error, JobError::Stop { .. }), "{code:?}: {error}");
    }
    let fake = Fake::new().await;
    fake.fails(Code::InvalidArgument);
    let error = job(&fake).activate().await.unwrap_err();
    assert!(matches!(error, JobError::Client(_)), "{error}");
}

#[tokio::test]
async fn dependencies_are_asked_for_with_results_and_give_them_or_a_halt() {
    let fake = Fake::new().await;
    let job = job(&fake);
    let graph = dm::GraphData {
        had_more: true,
        ..dm::GraphData::default()
    };
    fake.answers(dm::EnsureGraphDataRsp {
        accepted: true,
        result: Some(graph.clone()),
        ..dm::EnsureGraphDataRsp::default()
    });
    fake.answers(dm::EnsureGraphDataRsp {
        accepted: true,
        should_halt: true,
        ..dm::EnsureGraphDataRsp::default()
    });
    assert_eq!(depend(&job).await.unwrap(), Depended::Results(graph));
    assert_eq!(depend(&job).await.unwrap(), Depended::Halt);
    let request: dm::EnsureGraphDataReq = fake.asked()[0].decode();
    assert_eq!(request.quest.len(), 1);
    assert_eq!(request.quest_attempt[0].nums, [2, 1]);
    assert_eq!(request.for_execution.unwrap().id, Some(id()));
    assert!(request.include.unwrap().attempt.unwrap().result);
}

#[tokio::test]
async fn an_answer_that_was_lost_is_taken_for_what_it_was() {
    let fake = Fake::new().await;
    let job = job(&fake);
    // The first try revoked the token, so the second is refused.
    fake.fails(Code::Unavailable).fails(Code::Unauthenticated);
    assert_eq!(depend(&job).await.unwrap(), Depended::Halt);
    fake.fails(Code::Unavailable).fails(Code::PermissionDenied);
    job.finish("{}").await.unwrap();
}

#[tokio::test]
async fn a_job_whose_execution_is_over_stops() {
    let fake = Fake::new().await;
    let job = job(&fake);
    fake.fails(Code::Unauthenticated);
    let error = depend(&job).await.unwrap_err();
    assert!(matches!(error, JobError::Stop { .. }), "{error}");
    fake.fails(Code::PermissionDenied);
    let error = job.finish("{}").await.unwrap_err();
    assert!(matches!(error, JobError::Stop { .. }), "{error}");
    // Waiting for itself is no reason to stop quietly.
    fake.fails(Code::FailedPrecondition);
    let error = depend(&job).await.unwrap_err();
    assert!(matches!(error, JobError::Client(_)), "{error}");
}

#[tokio::test]
async fn no_token_is_shown() {
    let fake = Fake::new().await;
    let job = job(&fake);
    fake.answers(());
    job.activate().await.unwrap();
    let token = activation(&fake.asked()[0]).execution_token;
    let shown = format!("{job:?} {:?}", fake.client());
    assert!(!shown.contains("canary"), "{shown}");
    assert!(!shown.contains("hunter2"), "{shown}");
    assert!(!shown.contains(&format!("{token:?}")), "{shown}");
    assert!(!shown.contains(&format!("{ACTIVATION:?}")), "{shown}");
}
