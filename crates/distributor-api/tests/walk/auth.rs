//! Executions that walk: who they are, and which results they see.

use distributor_api::{Caller, Code};
use distributor_core::dm::execution::State;
use distributor_core::{AttemptId, ExecutionId};
use distributor_proto::dm;
use distributor_proto::dm::attempt::partial;
use distributor_store::records::{AttemptRecord, ExecutionRecord};

use crate::support::{
    World, all_of, assert_status, attempts, data, everything, executing, execution, finished, id,
    limited, list, names, result, results, shown, walk,
};

const TOKEN: &[u8] = b"the token that the job has chosen";

/// Adds the word of an execution to a request.
fn by(execution: ExecutionId, token: &[u8], mut request: dm::WalkGraphReq) -> dm::WalkGraphReq {
    request.auth = Some(dm::execution::Auth {
        id: Some(execution.into()),
        token: token.to_vec(),
    });
    request
}

impl World {
    /// A walk by execution 1 of an attempt; who calls does not matter.
    async fn walk_by(&self, own: AttemptId, request: dm::WalkGraphReq) -> dm::GraphData {
        let request = by(own.execution(1), TOKEN, request);
        let walked = self.api.walk_graph(&Caller::Anonymous, request).await;
        walked.expect("a running execution may walk")
    }
}

fn done(id: AttemptId) -> AttemptRecord {
    AttemptRecord {
        current_execution: 1,
        execution: Some(ExecutionRecord {
            outcome: Some(data("{\"left\":\"over\"}")),
            ..execution(1, State::Finished)
        }),
        ..finished(id, "{\"done\":true}")
    }
}

fn is_visible(data: &dm::GraphData, id: AttemptId) -> bool {
    let attempt = shown(data, id);
    let withheld = attempt
        .partial
        .is_some_and(|partial| partial.result() == partial::Result::NotAuthorized);
    assert_eq!(withheld, result(attempt).0.is_empty());
    !withheld
}

#[tokio::test]
async fn a24_an_execution_sees_only_the_results_that_its_attempt_depends_on() {
    let world = World::new();
    let own = id("w", 2);
    world.put([executing(own, TOKEN), done(id("x", 1)), done(id("x", 2))]);
    world.depend([(own, id("x", 1))]);
    let request = walk(all_of("x"), 0, everything());
    let answer = world.walk_by(own, request).await;
    assert!(is_visible(&answer, id("x", 1)) && !is_visible(&answer, id("x", 2)));
    let (x1, x2) = (shown(&answer, id("x", 1)), shown(&answer, id("x", 2)));
    assert_eq!(result(x1), ("{\"done\":true}", 13));
    assert_eq!(result(x2), ("", 13));
    assert!(x2.data.is_some());
    let left = |attempt: &dm::Attempt| format!("{:?}", attempt.executions[&1]);
    assert!(left(x1).contains("over"));
    assert!(!left(x2).contains("over") && left(x2).contains("size: 15"));
    assert!(!answer.had_more, "asking again would not help");
}

#[tokio::test]
async fn a25_an_execution_sees_its_own_attempt_and_what_it_walks_to() {
    let world = World::new();
    let own = id("w", 1);
    let mut record = executing(own, TOKEN);
    record.current_execution = 1;
    world.put([record, done(id("x", 1)), done(id("y", 1))]);
    world.depend([(own, id("x", 1)), (id("x", 1), id("y", 1))]);
    let answer = world.walk_by(own, walk(list(&[own]), 1, results())).await;
    assert_eq!(names(&answer).len(), 2);
    use dm::attempt::data::{AttemptType, Executing};
    let data = shown(&answer, own).data.as_ref().expect("data");
    let expected = AttemptType::Executing(Executing {
        cur_execution_id: 1,
    });
    assert_eq!(data.attempt_type, Some(expected));
    assert!(is_visible(&answer, id("x", 1)));
    let answer = world.walk_by(own, walk(list(&[own]), 2, results())).await;
    assert!(is_visible(&answer, id("y", 1)), "at any distance");
    let answer = world
        .walk_by(own, walk(list(&[id("y", 1)]), 2, results()))
        .await;
    assert!(!is_visible(&answer, id("y", 1)), "it was not walked to");
}

#[tokio::test]
async fn what_was_found_before_it_may_be_seen_is_seen_all_the_same() {
    let world = World::new();
    let own = id("w", 1);
    let chain = ["a", "b", "c", "d", "e", "f"].map(|name| id(name, 1));
    world.put(chain.map(done));
    world.put([executing(own, TOKEN), done(id("other", 1))]);
    world.depend([(own, chain[0])]);
    world.depend(chain.windows(2).map(|pair| (pair[0], pair[1])));
    // The ends of the chain are visited long before the walk from its own attempt gets there.
    let mut asked = chain.to_vec();
    asked.extend([own, id("other", 1)]);
    for depth in [-1, 6] {
        let request = walk(list(&asked), depth, results());
        // Exactly the six results fit: none is counted twice.
        let request = limited(request, |limit| limit.max_data_size = 6 * 13);
        let answer = world.walk_by(own, request).await;
        for id in chain {
            assert!(is_visible(&answer, id), "{id}");
        }
        assert!(!is_visible(&answer, id("other", 1)));
        assert!(!answer.had_more);
    }
}

#[tokio::test]
async fn what_depends_on_its_attempt_is_not_for_an_execution_to_see() {
    let world = World::new();
    let own = id("w", 1);
    world.put([executing(own, TOKEN), done(id("x", 1))]);
    world.depend([(id("x", 1), own)]);
    let mut request = walk(list(&[own]), -1, results());
    request.mode.get_or_insert_default().direction = 2;
    let answer = world.walk_by(own, request).await;
    assert!(!is_visible(&answer, id("x", 1)));
}

#[tokio::test]
async fn a_reader_sees_every_result() {
    let world = World::new();
    world.put([done(id("x", 1)), done(id("x", 2))]);
    let answer = world.walk(walk(all_of("x"), 0, results())).await;
    assert!(attempts(&answer).all(|(id, _)| is_visible(&answer, id)));
}

#[tokio::test]
async fn a_caller_who_cannot_show_the_token_of_a_running_execution_is_refused() {
    let world = World::new();
    let own = id("w", 1);
    let with_state = |number: u32, state| {
        let mut record = executing(id("w", number), TOKEN);
        if let Some(execution) = &mut record.execution {
            execution.state = state;
        }
        record
    };
    world.put([
        executing(own, TOKEN),
        with_state(2, State::Scheduling),
        with_state(3, State::Stopping),
        done(id("w", 4)),
        executing(id("w", 5), b""),
    ]);
    let cases: [(ExecutionId, &[u8]); 9] = [
        (own.execution(1), b"another token that has the length"),
        (own.execution(1), &TOKEN[..31]),
        (own.execution(1), b""),
        (own.execution(2), TOKEN),
        (id("w", 2).execution(1), TOKEN),
        (id("w", 3).execution(1), TOKEN),
        (id("w", 4).execution(1), TOKEN),
        (id("w", 5).execution(1), b""),
        (id("unknown", 1).execution(1), TOKEN),
    ];
    for (execution, token) in cases {
        // Not even one who may read everything: the word of an execution is always checked.
        for caller in [Caller::Anonymous, Caller::Trusted] {
            let request = by(execution, token, walk(list(&[own]), 0, results()));
            let status = world.refused(&caller, request).await;
            assert_status(&status, Code::Unauthenticated, "execution Auth");
            assert!(!format!("{status:?}").contains("the token that"));
        }
    }
}
