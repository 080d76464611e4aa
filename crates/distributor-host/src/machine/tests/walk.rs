//! A random walk: any event in any state, likely and absurd, with the invariants checked after each
//! step, and each event sent twice.

use distributor_core::dm::attempt::State as Attempt;

use super::*;

const EVENTS: u32 = 400_000;

/// SplitMix64: a walk is repeated by its seed.
pub(super) struct Dice(pub(super) u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(super) fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    pub(super) fn one_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }

    pub(super) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        let index = self.below(from.len() as u64);
        from[usize::try_from(index).unwrap()]
    }

    fn number(&mut self, limit: u32) -> u32 {
        u32::try_from(self.below(limit.into())).unwrap()
    }

    fn timeout(&mut self) -> Duration {
        let seconds = self.pick(&[0, 0, 1, 10, 60, 3600]);
        Duration::from_secs(seconds)
    }

    fn policy(&mut self) -> Policy {
        Policy {
            retries: Retries {
                failed: self.number(3),
                crashed: self.number(3),
                expired: self.number(3),
                timed_out: self.number(3),
            },
            start_timeout: self.timeout(),
            run_timeout: self.timeout(),
            stop_timeout: self.timeout(),
            simple: self.one_in(2),
            run_anyway: self.one_in(2),
        }
    }

    fn result(&mut self) -> FinalResult {
        match self.below(4) {
            0 => data("junk"),
            1 => {
                let status = i32::try_from(self.below(10)).unwrap();
                FinalResult::normalize(TaskResult::Abnormal(dm::AbnormalFinish {
                    status,
                    reason: "x".to_owned(),
                }))
            }
            _ => data("{}"),
        }
    }

    fn answered_state(&mut self) -> AnsweredState {
        match self.below(4) {
            0 => AnsweredState::Finished(self.result()),
            1 => AnsweredState::Pending,
            _ => AnsweredState::Running,
        }
    }

    fn secret(&mut self, right: &[u8]) -> Secret {
        match self.below(8) {
            0 => Secret::new(WRONG),
            1 => Secret::default(),
            _ => Secret::new(right),
        }
    }

    fn event(&mut self, record: &AttemptRecord) -> Event {
        let current = record.current_execution;
        let execution = match self.below(8) {
            0 => current + 1,
            1 => current.saturating_sub(1),
            _ => current,
        };
        match self.below(24) {
            0..3 => Event::Start {
                activation_token: Secret::new(ACTIVATION),
                config: config(),
            },
            3 if self.one_in(20) => Event::StartImpossible {
                config: config(),
                reason: "gone".to_owned(),
            },
            3..6 => Event::RunAnswered {
                execution: record
                    .prepared
                    .as_ref()
                    .map_or(execution, |it| it.execution),
                answer: if self.one_in(20) {
                    Err("no".to_owned())
                } else {
                    let poll_timeout = self.timeout();
                    Ok(run_answer(execution, poll_timeout, self.answered_state()))
                },
            },
            6..9 => Event::Activate {
                execution,
                activation_token: self.secret(ACTIVATION),
                execution_token: self.secret(EXECUTION),
            },
            9 => Event::FinishAttempt {
                execution,
                token: self.secret(EXECUTION),
                result: json("{}"),
            },
            10..12 => Event::Halt {
                execution,
                token: self.secret(EXECUTION),
                satisfied: (0..self.below(4)).map(|_| self.one_in(2)).collect(),
            },
            12..15 => Event::StatusAnswered {
                execution,
                answer: match self.below(8) {
                    0 => StatusAnswer::Permanent("no such task".to_owned()),
                    1 => StatusAnswer::Transient("busy".to_owned()),
                    _ => StatusAnswer::State(self.answered_state()),
                },
            },
            15 => Event::TaskEnded {
                execution,
                result: self.result(),
            },
            16 => Event::Poke { execution },
            17 if self.one_in(2) => Event::News { execution },
            17 => Event::AskStatus,
            18..20 => Event::DependencyEnded {
                bit: self.number(4),
                for_execution: execution,
                culprit: self.one_in(10).then(|| "somebody".to_owned()),
            },
            20 if self.one_in(20) => Event::Cancel {
                reason: "enough".to_owned(),
            },
            20 if self.one_in(20) => Event::CancelExecution {
                execution,
                reason: "enough".to_owned(),
            },
            _ => Event::Wake,
        }
    }

    /// Usually on to the next deadline, sometimes a little or far beyond it, rarely back.
    fn pass_time(&mut self, life: &mut Life) {
        let delay = match self.below(6) {
            0 => Duration::from_micros(1),
            1 => Duration::from_millis(self.below(40_000)),
            2 if self.one_in(50) => Duration::from_secs(self.below(100_000)),
            2 if self.one_in(50) => {
                life.now = at(0);
                return;
            }
            3 => {
                life.now = life.record.wake_at().unwrap_or(life.now).max(life.now);
                return;
            }
            _ => return,
        };
        life.now = life.now.after(delay);
    }

    fn life(&mut self) -> Life {
        let policy = self.policy();
        match self.number(4) {
            0 => Life::new(policy),
            pending => Life::declared(policy, pending),
        }
    }
}

#[test]
fn no_sequence_of_events_breaks_an_invariant() {
    let mut dice = Dice(20_240_229);
    let mut reached = [0_u32; 5];
    let mut life = dice.life();
    for _ in 0..EVENTS {
        dice.pass_time(&mut life);
        let event = dice.event(&life.record);
        let executions = life.record.current_execution;
        let _refused = life.apply(event.clone());
        assert!(life.record.current_execution - executions <= 1);
        if !matches!(event, Event::Wake) {
            replay(&life, event);
        }
        if life.record.state == Attempt::Scheduling && life.record.prepared.is_none() {
            // The host numbers those who are ready.
            life.record.ready = Some(1);
        }
        reached[life.record.state as usize] += 1;
        if life.record.is_final() && dice.one_in(8) {
            life = dice.life();
        }
    }
    // A walk that stays at home proves nothing.
    assert!(
        reached.iter().all(|times| *times > EVENTS / 100),
        "{reached:?}"
    );
}

/// The same event at the same time once more.
fn replay(life: &Life, event: Event) {
    let mut again = life.clone();
    let starts = matches!(
        (&event, again.record.state),
        (
            Event::Start { .. } | Event::StartImpossible { .. },
            Attempt::Scheduling
        )
    );
    let effects = again.apply(event.clone()).unwrap_or_default();
    if starts && life.record.prepared.is_none() {
        return;
    }
    let mut expected = life.record.clone();
    if let (Event::News { execution: number }, Some(execution)) = (&event, &mut expected.execution)
        && execution.number == *number
    {
        // The question may be older than the second news, so another must follow.
        execution.ask_again |= execution.polling;
    }
    assert_eq!(effects, [], "replayed {event:?} on {:#?}", life.record);
    assert_eq!(again.record, expected, "replayed {event:?}");
}
