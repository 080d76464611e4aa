//! Tables of the life cycle, and a random walk through it.
//!
//! Every step that a test takes is also checked against [`invariants`].

mod cancel;
mod dependencies;
mod end;
mod invariants;
mod job;
mod left_alone;
mod news;
mod poll;
mod result;
mod start;
mod transitions;
mod walk;

use std::sync::Arc;
use std::time::Duration;

use distributor_core::dm::abnormal_finish::Status;
use distributor_core::dm::{attempt, execution};
use distributor_core::{
    AttemptId, ConfigSnapshot, QuestId, Secret, TaskResult, Timestamp, Token, dm,
};
use distributor_store::records::{AttemptRecord, ExecutionRecord, Outcome, Policy, Retries};

use super::{
    AnsweredState, Effect, Event, FinalResult, Refusal, RunAnswer, StatusAnswer, apply,
    authenticate, create,
};

const ID: AttemptId = QuestId::from_bytes([7; 32]).attempt(1);
const ACTIVATION: &[u8] = b"activation token of thirty two b";
const EXECUTION: &[u8] = b"execution token of 32 bytes, too";
const WRONG: &[u8] = b"a token that nobody has given out";

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

/// `seconds` after the beginning of the test.
fn at(seconds: u64) -> Timestamp {
    Timestamp::from_micros(1_444_945_245_000_000).after(Duration::from_secs(seconds))
}

fn config() -> Arc<ConfigSnapshot> {
    Arc::new(ConfigSnapshot {
        name: "fake".to_owned(),
        version: "1".to_owned(),
        config_type: "fake.Config".to_owned(),
        content: vec![1, 2, 3],
        dm_host: "dm.example.com".to_owned(),
    })
}

fn token(number: u32) -> Token {
    Token(format!("task {number}"))
}

fn simple() -> Policy {
    Policy {
        simple: true,
        ..Policy::default()
    }
}

/// A job that speaks the API, with 10, 100 and 60 seconds.
fn timed() -> Policy {
    Policy {
        start_timeout: 10 * SECOND,
        run_timeout: 100 * SECOND,
        stop_timeout: 60 * SECOND,
        ..Policy::default()
    }
}

fn one_retry_each() -> Retries {
    Retries {
        failed: 1,
        crashed: 1,
        expired: 1,
        timed_out: 1,
    }
}

fn data(object: &str) -> FinalResult {
    FinalResult::normalize(TaskResult::data(object))
}

fn failure(status: Status, reason: &str) -> FinalResult {
    FinalResult::normalize(TaskResult::abnormal(status, reason))
}

fn normal(object: &str) -> Outcome {
    data(object).into_outcome()
}

fn abnormal(status: Status, reason: &str) -> Outcome {
    Outcome::Abnormal(super::abnormal(status, reason))
}

fn json(object: &str) -> Arc<dm::JsonResult> {
    Arc::new(dm::JsonResult {
        object: object.to_owned(),
        size: u32::try_from(object.len()).unwrap(),
        expiration: None,
    })
}

fn pending() -> RunAnswer {
    run_answer(0, Duration::ZERO, AnsweredState::Pending)
}

fn run_answer(number: u32, poll_timeout: Duration, state: AnsweredState) -> RunAnswer {
    RunAnswer {
        token: token(number),
        poll_timeout,
        state,
    }
}

/// One attempt and the time.
#[derive(Debug, Clone)]
struct Life {
    record: AttemptRecord,
    now: Timestamp,
}

impl Life {
    /// A new attempt, ready to be started, at second 0.
    fn new(policy: Policy) -> Self {
        let (record, effects) = create(ID, "fake", policy, 0, at(0));
        assert_eq!(effects, [Effect::Ready]);
        Life { record, now: at(0) }
    }

    /// A new attempt that waits for `pending` declared dependencies.
    fn declared(policy: Policy, pending: u32) -> Self {
        let (record, effects) = create(ID, "fake", policy, pending, at(0));
        assert_eq!(effects, []);
        Life { record, now: at(0) }
    }

    /// Its first execution is SCHEDULING.
    fn scheduled(policy: Policy) -> Self {
        let mut life = Life::new(policy);
        life.execute();
        life
    }

    /// Its first execution is RUNNING.
    fn running(policy: Policy) -> Self {
        let mut life = Life::scheduled(policy);
        if policy.simple {
            life.status(AnsweredState::Running);
        } else {
            life.activate();
        }
        assert_eq!(life.execution_state(), execution::State::Running);
        life
    }

    /// Its first execution has delivered `{"a":1}` and is STOPPING.
    fn stopping(policy: Policy) -> Self {
        let mut life = Life::running(policy);
        life.finish_attempt().unwrap();
        life
    }

    /// Its first execution waits for `pending` attempts and has ended.
    fn waiting(policy: Policy, pending: usize) -> Self {
        let mut life = Life::running(policy);
        life.halt(&vec![false; pending]).unwrap();
        life.ended(data("{}"));
        assert_eq!(life.record.state, attempt::State::Waiting);
        life
    }

    fn set(&mut self, seconds: u64) -> &mut Self {
        self.now = at(seconds);
        self
    }

    fn apply(&mut self, event: Event) -> Result<Vec<Effect>, Refusal> {
        let before = self.record.clone();
        let answer = apply(&mut self.record, event.clone(), self.now);
        match &answer {
            Ok(effects) => invariants::check(&before, &self.record, effects, &event),
            Err(_) => assert_eq!(self.record, before, "refused, and yet changed: {event:?}"),
        }
        answer
    }

    /// An event that cannot be refused.
    fn does(&mut self, event: Event) -> Vec<Effect> {
        self.apply(event).unwrap()
    }

    /// An event that changes nothing.
    fn ignores(&mut self, event: Event) {
        let before = self.record.clone();
        assert_eq!(self.does(event.clone()), [], "{event:?}");
        assert_eq!(self.record, before, "{event:?}");
    }

    fn start(&mut self) -> Vec<Effect> {
        self.does(Event::Start {
            activation_token: Secret::new(ACTIVATION),
            config: config(),
        })
    }

    fn run_answers(&mut self, answer: Result<RunAnswer, &str>) -> Vec<Effect> {
        let execution = self.record.current_execution + 1;
        let answer = answer.map_err(str::to_owned).map(|answer| RunAnswer {
            token: token(execution),
            ..answer
        });
        self.does(Event::RunAnswered { execution, answer })
    }

    /// The next execution: decided, and `run` says that the task is pending.
    fn execute(&mut self) -> Vec<Effect> {
        let mut effects = self.start();
        effects.extend(self.run_answers(Ok(pending())));
        effects
    }

    fn activate(&mut self) {
        self.activate_with(ACTIVATION, EXECUTION).unwrap();
    }

    fn activate_with(&mut self, activation: &[u8], execution: &[u8]) -> Result<(), Refusal> {
        let effects = self.apply(Event::Activate {
            execution: self.record.current_execution,
            activation_token: Secret::new(activation),
            execution_token: Secret::new(execution),
        })?;
        assert_eq!(effects, []);
        Ok(())
    }

    fn finish_attempt(&mut self) -> Result<(), Refusal> {
        let number = self.record.current_execution;
        self.finish_attempt_with(number, EXECUTION)
    }

    fn finish_attempt_with(&mut self, number: u32, token: &[u8]) -> Result<(), Refusal> {
        let effects = self.apply(Event::FinishAttempt {
            execution: number,
            token: Secret::new(token),
            result: json(r#"{"a":1}"#),
        })?;
        assert_eq!(effects, []);
        Ok(())
    }

    fn halt(&mut self, satisfied: &[bool]) -> Result<(), Refusal> {
        let effects = self.apply(Event::Halt {
            execution: self.record.current_execution,
            token: Secret::new(EXECUTION),
            satisfied: satisfied.to_vec(),
        })?;
        assert_eq!(effects, []);
        Ok(())
    }

    fn ended(&mut self, result: FinalResult) -> Vec<Effect> {
        let execution = self.record.current_execution;
        self.does(Event::TaskEnded { execution, result })
    }

    fn answers(&mut self, answer: StatusAnswer) -> Vec<Effect> {
        let execution = self.record.current_execution;
        self.does(Event::StatusAnswered { execution, answer })
    }

    fn status(&mut self, state: AnsweredState) -> Vec<Effect> {
        self.answers(StatusAnswer::State(state))
    }

    fn wake(&mut self) -> Vec<Effect> {
        self.does(Event::Wake)
    }

    fn cancel(&mut self) -> Vec<Effect> {
        self.does(Event::Cancel {
            reason: "enough".to_owned(),
        })
    }

    fn dependency_ended(&mut self, bit: u32, culprit: Option<&str>) -> Vec<Effect> {
        self.does(Event::DependencyEnded {
            bit,
            for_execution: self.record.current_execution,
            culprit: culprit.map(str::to_owned),
        })
    }

    fn execution(&self) -> &ExecutionRecord {
        self.record.execution.as_ref().unwrap()
    }

    fn execution_state(&self) -> execution::State {
        self.execution().state
    }

    fn states(&self) -> (attempt::State, execution::State) {
        (self.record.state, self.execution_state())
    }

    /// The current execution as `Archive` will have it.
    fn archived(&self) -> Effect {
        Effect::Archive(Box::new(self.execution().clone()))
    }
}

const BOTH_FAILED: (attempt::State, execution::State) = (
    attempt::State::AbnormalFinished,
    execution::State::AbnormalFinished,
);

fn cancel_task(number: u32) -> Effect {
    Effect::CancelTask {
        execution: number,
        config: config(),
        token: token(number),
    }
}

fn release(number: u32) -> Effect {
    Effect::Release {
        config: config(),
        token: token(number),
    }
}
