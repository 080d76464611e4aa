//! An attempt with time limits that everybody has forgotten ends by itself: the host does its part,
//! and neither job nor backend ever says anything of use.

use distributor_core::dm::attempt::State as Attempt;

use super::walk::Dice;
use super::*;

/// Wake-ups and calls that the longest such life may take.
const PATIENCE: u32 = 2_000;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Backend {
    Silent,
    Busy,
    Forgetful,
    Pending,
    Running,
}

fn answer(backend: Backend) -> Option<StatusAnswer> {
    match backend {
        Backend::Silent => None,
        Backend::Busy => Some(StatusAnswer::Transient("busy".to_owned())),
        Backend::Forgetful => Some(StatusAnswer::Permanent("no such task".to_owned())),
        Backend::Pending => Some(StatusAnswer::State(AnsweredState::Pending)),
        Backend::Running => Some(StatusAnswer::State(AnsweredState::Running)),
    }
}

fn limited(dice: &mut Dice) -> Policy {
    let mut seconds = || Duration::from_secs(1 + dice.below(5000));
    Policy {
        start_timeout: seconds(),
        run_timeout: seconds(),
        stop_timeout: seconds(),
        retries: one_retry_each(),
        simple: dice.one_in(2),
        run_anyway: false,
    }
}

/// What the job and people do before they forget the attempt.
fn lead_in(life: &mut Life, dice: &mut Dice) {
    if life.record.policy.simple {
        if dice.one_in(2) {
            life.status(AnsweredState::Running);
        }
    } else if dice.one_in(2) {
        life.activate();
        match dice.below(3) {
            0 => life.finish_attempt().unwrap(),
            1 => life.halt(&[false]).unwrap(),
            _ => {}
        }
    }
    if dice.one_in(4) {
        life.does(Event::AskStatus);
    }
    if dice.one_in(4) {
        life.cancel();
    }
}

/// Goes on until nothing is left to do for the host; true if the attempt is over then.
fn ends(life: &mut Life, dice: &mut Dice, backend: Backend) -> bool {
    for _ in 0..PATIENCE {
        match life.record.state {
            Attempt::Scheduling => {
                life.execute();
            }
            Attempt::Executing => {
                let asked = life.execution().polling;
                match answer(backend).filter(|_| asked) {
                    Some(answer) => {
                        life.answers(answer);
                    }
                    None => {
                        let Some(due) = life.record.wake_at() else {
                            return false;
                        };
                        life.now = life.now.max(due);
                        if dice.one_in(50) {
                            // The service was down.
                            life.now = life.now.after(Duration::from_secs(dice.below(10_000)));
                        }
                        life.wake();
                    }
                }
            }
            Attempt::Waiting => return false,
            Attempt::Finished | Attempt::AbnormalFinished => return true,
        }
    }
    false
}

#[test]
fn an_attempt_with_time_limits_always_ends() {
    let backends = [
        Backend::Silent,
        Backend::Busy,
        Backend::Forgetful,
        Backend::Pending,
        Backend::Running,
    ];
    for seed in 0..5_000 {
        let dice = &mut Dice(seed);
        let backend = dice.pick(&backends);
        let mut life = Life::new(limited(dice));
        life.start();
        let poll_timeout = Duration::from_secs(dice.pick(&[0, 0, 20, 600]));
        life.run_answers(Ok(run_answer(1, poll_timeout, AnsweredState::Pending)));
        lead_in(&mut life, dice);
        let ended = ends(&mut life, dice, backend);
        assert!(ended, "seed {seed}, {backend:?}: {:#?}", life.record);
        // It ends for good: whatever is said later concerns nobody.
        life.ignores(Event::Wake);
    }
}
