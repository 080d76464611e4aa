//! The promises of the contract, on a clock that stands still.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use distributor_backend_noop as _;
use distributor_core::dm::abnormal_finish::Status;
use distributor_core::{
    Abandoned, Clock, ConfigSnapshot, Distributor, Error, ErrorKind, ExecutionId, HelperCommand,
    Host, ManualClock, Notification, QueueTask, Registry, Result, RunRequest, Secret, Started,
    TaskResult, TaskState, Timestamp, Token, Topic, dm,
};

#[derive(Debug)]
struct TestHost(Arc<ManualClock>);

#[async_trait]
impl Host for TestHost {
    fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.0) as Arc<dyn Clock>
    }

    fn notify(&self, _: Notification) {}

    async fn prepare_topic(&self, _: &ConfigSnapshot, _: ExecutionId) -> Result<Topic> {
        Err(Error::new(ErrorKind::Unsupported, "not in this test"))
    }

    async fn enqueue_task(&self, _: &ConfigSnapshot, _: QueueTask) -> Result<()> {
        Err(Error::new(ErrorKind::Unsupported, "not in this test"))
    }

    fn state_directory(&self, _: &ConfigSnapshot) -> Result<PathBuf> {
        Err(Error::new(ErrorKind::Unsupported, "not in this test"))
    }

    fn helper(&self, _: &str) -> Result<HelperCommand> {
        Err(Error::new(ErrorKind::Unsupported, "not in this test"))
    }
}

/// A backend under the name `test`, and its clock.
struct Bench {
    clock: Arc<ManualClock>,
    config: &'static str,
    backend: Arc<dyn Distributor>,
}

impl Bench {
    /// `config` is what stands between the braces of `noop`.
    fn new(config: &'static str) -> Self {
        let clock = Arc::new(ManualClock::new(Timestamp::from_micros(1_000_000)));
        let backend = build(config, &clock).expect("a good configuration");
        Bench {
            clock,
            config,
            backend,
        }
    }

    /// The same after a restart of the host: nothing but clock and configuration is left.
    fn restart(&mut self) {
        self.backend = build(self.config, &self.clock).expect("a good configuration");
    }

    async fn run(&self, execution: u32) -> Started {
        let request = request(execution, "{}");
        self.backend.run(request).await.expect("it runs")
    }

    async fn status(&self, token: &Token) -> TaskState {
        let status = self.backend.get_status(&quest("{}"), token).await;
        status.expect("a known task")
    }
}

fn build(config: &str, clock: &Arc<ManualClock>) -> Result<Arc<dyn Distributor>> {
    let registry = Registry::linked().expect("the linked kinds fit together");
    let text = format!("distributor_configs {{ key: \"test\" value {{ noop {{ {config} }} }} }}");
    let file = registry.parse("distributors.cfg", &text, "1");
    let snapshot = file.resolve("test", "dm.example.com")?;
    registry.build(snapshot, Arc::new(TestHost(Arc::clone(clock))))
}

fn quest(parameters: &str) -> dm::quest::Desc {
    dm::quest::Desc {
        distributor_parameters: parameters.to_owned(),
        ..Default::default()
    }
}

fn execution(number: u32) -> ExecutionId {
    let text = format!("{}|1|{number}", "A".repeat(43));
    text.parse().expect("an execution id")
}

fn request(number: u32, parameters: &str) -> RunRequest {
    RunRequest {
        execution: execution(number),
        quest: Arc::new(quest(parameters)),
        activation_token: Secret::default(),
        previous_result: None,
        needs: Vec::new(),
        abandoned: Abandoned::never(),
    }
}

fn finished(object: &str) -> TaskState {
    TaskState::Finished(TaskResult::data(object))
}

fn cancelled() -> TaskState {
    let result = TaskResult::abnormal(Status::Cancelled, "cancelled before its end");
    TaskState::Finished(result)
}

#[tokio::test]
async fn without_delay_run_answers_finished() {
    let bench = Bench::new("");
    let started = bench.run(1).await;
    assert_eq!(started.state, finished("{}"));
    assert_eq!(bench.status(&started.token).await, finished("{}"));
    assert_eq!(started.token.0, format!("{}|1|1@0", "A".repeat(43)));
}

#[tokio::test]
async fn the_data_of_a_normal_end_come_from_the_parameters() {
    let parameters = r#"{"result": {"answer": 42}}"#;
    let bench = Bench::new("delay { seconds: 5 }");
    let started = bench.backend.run(request(1, parameters)).await.unwrap();
    assert_eq!(started.state, TaskState::Running);
    bench.clock.advance(Duration::from_secs(5));
    let state = bench
        .backend
        .get_status(&quest(parameters), &started.token)
        .await;
    assert_eq!(state.unwrap(), finished(r#"{"answer": 42}"#));
}

#[tokio::test]
async fn a_configured_failure_is_the_end() {
    let bench = Bench::new(r#"failure { status: "CRASHED" reason: "as ordered" }"#);
    let expected = TaskResult::abnormal(Status::Crashed, "as ordered");
    assert_eq!(bench.run(1).await.state, TaskState::Finished(expected));
}

#[tokio::test]
async fn dc_26_a_repeated_run_gives_the_first_token() {
    for config in ["", "delay { seconds: 5 }"] {
        let bench = Bench::new(config);
        let first = bench.run(1).await;
        bench.clock.advance(Duration::from_secs(2));
        let second = bench.run(1).await;
        assert_eq!(first.token, second.token);
        bench.clock.advance(Duration::from_secs(9));
        assert_eq!(bench.run(1).await.token, first.token);
    }
}

#[tokio::test]
async fn dc_28_wrong_parameters_are_a_permanent_error() {
    let bench = Bench::new("");
    let error = bench.backend.run(request(1, r#"{"x": 1}"#)).await;
    let error = error.expect_err("an unknown field");
    assert!(!error.is_transient());
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
}

#[tokio::test]
async fn dc_34_one_poll_after_the_poll_timeout_finds_the_end() {
    let bench = Bench::new("delay { seconds: 5 }");
    let started = bench.run(1).await;
    assert_eq!(started.poll_timeout, Duration::from_secs(5));
    bench.clock.advance(Duration::from_secs(2));
    assert_eq!(bench.run(1).await.poll_timeout, Duration::from_secs(3));
    bench.clock.advance(Duration::from_secs(3));
    assert_eq!(bench.status(&started.token).await, finished("{}"));
}

#[tokio::test]
async fn dc_38_cancelling_again_or_after_the_end_succeeds() {
    let bench = Bench::new("delay { seconds: 5 }");
    let token = bench.run(1).await.token;
    for _ in 0..2 {
        bench.backend.cancel(&quest("{}"), &token).await.unwrap();
        assert_eq!(bench.status(&token).await, cancelled());
    }
    assert_eq!(bench.run(1).await.state, cancelled());

    let over = bench.run(2).await.token;
    bench.clock.advance(Duration::from_secs(5));
    bench.backend.cancel(&quest("{}"), &over).await.unwrap();
    assert_eq!(bench.status(&over).await, finished("{}"));
    assert_eq!(bench.status(&token).await, cancelled());
}

#[tokio::test]
async fn dc_39_running_until_the_end_then_the_same_for_ever_also_after_a_restart() {
    let mut bench = Bench::new("delay { seconds: 5 }");
    let token = bench.run(1).await.token;
    bench.clock.advance(Duration::from_micros(4_999_999));
    assert_eq!(bench.status(&token).await, TaskState::Running);
    bench.restart();
    assert_eq!(bench.status(&token).await, TaskState::Running);
    bench.clock.advance(Duration::from_micros(1));
    for _ in 0..2 {
        assert_eq!(bench.status(&token).await, finished("{}"));
        bench.backend.release(&token);
        bench.clock.advance(Duration::from_secs(1_000_000));
    }
}

#[tokio::test]
async fn a_cancel_that_is_repeated_after_a_restart_works() {
    let mut bench = Bench::new("delay { seconds: 5 }");
    let token = bench.run(1).await.token;
    bench.restart();
    bench.backend.cancel(&quest("{}"), &token).await.unwrap();
    assert_eq!(bench.status(&token).await, cancelled());
}

#[tokio::test]
async fn dc_40_a_token_of_nobody_is_a_permanent_error() {
    let bench = Bench::new("");
    for token in ["", "@", "x@1", "A|1|1@1", &format!("{}@x", execution(1))] {
        let token = Token(token.to_owned());
        let error = bench.backend.get_status(&quest("{}"), &token).await;
        let error = error.expect_err("no such task");
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert!(!error.is_transient());
        assert!(bench.backend.cancel(&quest("{}"), &token).await.is_err());
        bench.backend.release(&token);
    }
}

#[tokio::test]
async fn dc_43_an_info_url_needs_no_valid_token() {
    let bench = Bench::new("");
    let token = bench.run(1).await.token;
    assert_eq!(
        bench.backend.info_url(&token),
        format!("noop://test/{token}")
    );
    let bogus = Token("bogus \u{1f980}".to_owned());
    assert_eq!(
        bench.backend.info_url(&bogus),
        "noop://test/bogus \u{1f980}"
    );
}

#[tokio::test]
async fn dc_46_notifications_are_ignored() {
    let bench = Bench::new("");
    let notification = Notification::new(execution(1), b"\xff".to_vec());
    let answer = bench
        .backend
        .handle_notification(&quest("{}"), &Token::default(), &notification)
        .await;
    assert_eq!(answer.unwrap(), None);
    let task = bench
        .backend
        .handle_task_queue_task(QueueTask::default())
        .await;
    assert_eq!(
        task.expect_err("never queued").kind(),
        ErrorKind::Unsupported
    );
}

#[test]
fn dc_53_validate_names_the_wrong_field() {
    let bench = Bench::new("");
    assert!(bench.backend.validate("{}").is_ok());
    assert!(bench.backend.validate(r#"{"result": {}}"#).is_ok());
    let error = bench.backend.validate(r#"{"delay": "1s"}"#);
    let error = error.expect_err("an unknown field");
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    assert!(
        error.to_string().contains("unknown field `delay`"),
        "{error}"
    );
}

#[test]
fn dc_56_a_wrong_configuration_is_an_error_of_the_factory() {
    let clock = Arc::new(ManualClock::new(Timestamp::default()));
    let check = |config: &str, message: &str| {
        let error = build(config, &clock).err().expect("a wrong configuration");
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().starts_with(message), "{error}");
    };
    check(
        "delay { seconds: -1 }",
        "delay: `seconds` must be from 0 on",
    );
    check(
        "failure { status: \"OK\" }",
        "failure.status: `OK` is no status",
    );
}

#[tokio::test]
async fn dc_72_executions_have_different_tokens() {
    for config in ["", "delay { seconds: 5 }"] {
        let bench = Bench::new(config);
        assert_ne!(bench.run(1).await.token, bench.run(2).await.token);
    }
}

#[test]
fn dc_10_the_registered_example_and_no_configuration_at_all_work() {
    let registry = Registry::linked().expect("the linked kinds fit together");
    let descriptor = registry.get("noop").expect("this crate is linked");
    let clock = Arc::new(ManualClock::new(Timestamp::default()));
    assert!(build(descriptor.example, &clock).is_ok());
    let snapshot = registry.unconfigured("1").resolve("noop", "h").unwrap();
    let host = Arc::new(TestHost(clock));
    assert!(registry.build(snapshot, host).is_ok());
}
