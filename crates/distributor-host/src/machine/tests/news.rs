//! News that could not be kept becomes a question, and one that is asked after the news.

use distributor_core::dm::attempt::State as Attempt;

use super::*;

fn news() -> Event {
    Event::News { execution: 1 }
}

#[test]
fn news_asks_for_the_status() {
    let mut life = Life::running(simple());
    assert_eq!(life.does(news()), [Effect::GetStatus]);
    assert!(!life.execution().ask_again);
}

#[test]
fn news_during_a_query_is_asked_for_after_its_answer() {
    for policy in [simple(), Policy::default()] {
        let mut life = Life::running(policy);
        life.does(Event::AskStatus);
        for _ in 0..3 {
            assert_eq!(life.does(news()), []);
        }
        life.set(5).status(AnsweredState::Running);
        assert_eq!(life.record.wake_at(), Some(at(5)));
        assert_eq!(life.wake(), [Effect::GetStatus]);
        life.status(AnsweredState::Running);
        assert_eq!(life.record.wake_at(), None, "once is enough");
    }
}

#[test]
fn news_during_a_query_that_fails_is_asked_for_all_the_same() {
    let mut life = Life::running(simple());
    life.does(Event::AskStatus);
    life.does(news());
    life.answers(StatusAnswer::Transient("busy".to_owned()));
    assert_eq!(life.wake(), [Effect::GetStatus]);
}

#[test]
fn after_the_end_there_is_no_news() {
    let mut life = Life::running(simple());
    life.does(Event::AskStatus);
    life.does(news());
    life.ended(data("{}"));
    assert_eq!(life.record.state, Attempt::Finished);
    assert!(!life.execution().ask_again);
    life.ignores(news());
    let mut waiting = Life::new(simple());
    waiting.ignores(news());
    let mut running = Life::running(simple());
    running.ignores(Event::News { execution: 2 });
}
