//! Edit distance of two words, one quest per subproblem; the job, and the one who asks for it.
//!
//! `edit_distance submit WORD WORD [--server URL]` asks a service and prints `DISTANCE OPERATIONS`. The
//! service runs `edit_distance job FILE` with the description of the quest; see
//! `examples/edit-distance/README.md`. It keeps to chars and knows nothing of graphemes.

use std::error::Error;
use std::io::Write;
use std::process::ExitCode;

use distributor_client::job::{Depended, JobContext, JobError, Outcome, SERVER_VARIABLE, outcome};
use distributor_client::{Client, ConnectOptions};
use distributor_proto::dm::attempt::data::AttemptType;
use distributor_proto::{control, dm, normalize_desc, quest_id, text};
use prost_types::Duration;
use serde::{Deserialize, Serialize};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const DEFAULT_SERVER: &str = "http://127.0.0.1:8650";
const USAGE: &str = "usage: edit_distance submit WORD WORD [--server URL] | job DESCRIPTION";

/// What a quest is about: its `parameters`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Words {
    a: String,
    b: String,
}

/// What makes `b` of `a`: the result of an attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Distance {
    dist: usize,
    /// One sign for each step: `=` kept, `~` changed, `-` removed, `+` added.
    op_history: String,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments[..] {
        ["submit", a, b] => submit(a, b, &server()).await,
        ["submit", a, b, "--server", server] => submit(a, b, server).await,
        ["job", description] => job(description).await,
        _ => Err(USAGE.into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _nobody_listens = writeln!(std::io::stderr(), "error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn server() -> String {
    std::env::var(SERVER_VARIABLE).unwrap_or_else(|_| DEFAULT_SERVER.to_owned())
}

/// The job: everything that it needs it asks for again in each execution.
async fn job(description: &str) -> Result<()> {
    let own: dm::quest::Desc = text::from_json(&std::fs::read_to_string(description)?)?;
    let words: Words = serde_json::from_str(&own.parameters)?;
    let client = Client::new(&server(), &ConnectOptions::default())?;
    let job = JobContext::from_env(client)?;
    match solve(&job, &own, &words).await {
        // Another task was faster, or this execution is over: nothing is left to do.
        Err(JobError::Stop { .. }) => Ok(()),
        solved => Ok(solved?),
    }
}

async fn solve(
    job: &JobContext,
    own: &dm::quest::Desc,
    words: &Words,
) -> std::result::Result<(), JobError> {
    job.activate().await?;
    let distance = match trivial(words) {
        Some(distance) => distance,
        None => {
            let quests: Vec<dm::quest::Desc> = parts(words)
                .iter()
                .map(|words| description_of(words, own))
                .collect();
            let wanted = quests.iter().map(|desc| (desc.clone(), vec![1])).collect();
            let graph = match job.depend(wanted, None, true).await? {
                Depended::Halt => return Ok(()),
                Depended::Results(graph) => graph,
            };
            match results(&graph, quests) {
                Ok(results) => combine(words, &results),
                Err(reason) => return fail(job, &reason.to_string()).await,
            }
        }
    };
    job.finish(json(&distance)).await
}

/// Says in the result why there is none: whoever depends on this one has to know.
async fn fail(job: &JobContext, reason: &str) -> std::result::Result<(), JobError> {
    job.finish(serde_json::json!({ "error": reason }).to_string())
        .await
}

/// The words for which nothing else is needed.
fn trivial(Words { a, b }: &Words) -> Option<Distance> {
    let each = |sign: &str, word: &str| sign.repeat(word.chars().count());
    let (dist, op_history) = match (a.as_str(), b.as_str()) {
        (a, b) if a == b => (0, each("=", a)),
        ("", b) => (b.chars().count(), each("+", b)),
        (a, "") => (a.chars().count(), each("-", a)),
        _ => return None,
    };
    Some(Distance { dist, op_history })
}

/// The smaller problems: the first char kept or changed, removed, added.
fn parts(Words { a, b }: &Words) -> [Words; 3] {
    let rest = |word: &str| word.chars().skip(1).collect::<String>();
    let words = |a, b| Words { a, b };
    [
        words(rest(a), rest(b)),
        words(rest(a), b.clone()),
        words(a.clone(), rest(b)),
    ]
}

/// The best of the three, of equally good ones the first.
fn combine(Words { a, b }: &Words, parts: &[Distance]) -> Distance {
    let (cost, sign) = match a.chars().next() == b.chars().next() {
        true => (0, '='),
        false => (1, '~'),
    };
    let ways = [(cost, sign), (1, '-'), (1, '+')];
    let totals = ways.iter().zip(parts).map(|((cost, sign), part)| Distance {
        dist: part.dist + cost,
        op_history: format!("{sign}{}", part.op_history),
    });
    totals
        .min_by_key(|total| total.dist)
        .unwrap_or_else(|| Distance {
            dist: 0,
            op_history: String::new(),
        })
}

/// The same job for other words.
fn description_of(words: &Words, like: &dm::quest::Desc) -> dm::quest::Desc {
    dm::quest::Desc {
        parameters: json(words),
        ..like.clone()
    }
}

fn results(graph: &dm::GraphData, quests: Vec<dm::quest::Desc>) -> Result<Vec<Distance>> {
    let one = |mut desc: dm::quest::Desc| {
        normalize_desc(&mut desc)?;
        result(graph, &quest_id(&desc).to_string())
    };
    quests.into_iter().map(one).collect()
}

fn result(graph: &dm::GraphData, quest: &str) -> Result<Distance> {
    match outcome(graph, quest, 1)? {
        Outcome::Finished(object) => {
            serde_json::from_str(object).map_err(|_| format!("{quest}: {object}").into())
        }
        Outcome::Abnormal(finish) => {
            let status = finish.status().as_str_name();
            Err(format!("{quest} ended: {status}: {}", finish.reason).into())
        }
    }
}

fn json(value: &impl Serialize) -> String {
    // Strings and numbers always can be written.
    serde_json::to_string(value).unwrap_or_default()
}

/// Asks for the distance, waits for it and prints it.
async fn submit(a: &str, b: &str, server: &str) -> Result<()> {
    let program = std::env::current_exe()?;
    let program = program
        .to_str()
        .ok_or("the path of this program is not UTF-8")?;
    let argv = [program, "job", "${DM.QUEST.DATA.DESC:PATH}"];
    let minutes = |minutes: i64| {
        Some(Duration {
            seconds: minutes * 60,
            nanos: 0,
        })
    };
    let job = dm::quest::Desc {
        distributor_config_name: "local-process".to_owned(),
        distributor_parameters: serde_json::json!({ "argv": argv }).to_string(),
        meta: Some(dm::quest::desc::Meta {
            retry: Some(dm::quest::desc::meta::Retry {
                crashed: 2,
                ..Default::default()
            }),
            timeouts: Some(dm::quest::desc::meta::Timeouts {
                start: minutes(5),
                run: minutes(5),
                stop: minutes(5),
            }),
            ..Default::default()
        }),
        ..Default::default()
    };
    let words = Words {
        a: a.to_owned(),
        b: b.to_owned(),
    };
    let client = Client::new(server, &ConnectOptions::default())?;
    let response = client
        .ensure_graph_data(dm::EnsureGraphDataReq {
            quest: vec![description_of(&words, &job)],
            quest_attempt: vec![dm::attempt_list::Nums { nums: vec![1] }],
            ..Default::default()
        })
        .await?;
    let quest = response.quest_ids.first().ok_or("no quest in the answer")?;
    let graph = wait(&client, &quest.id).await?;
    let Distance { dist, op_history } = result(&graph, &quest.id)?;
    writeln!(std::io::stdout(), "{dist} {op_history}")?;
    Ok(())
}

/// What is known of attempt 1 when it is over.
async fn wait(client: &Client, quest: &str) -> Result<dm::GraphData> {
    let attempt = dm::attempt::Id {
        quest: quest.to_owned(),
        id: 1,
    };
    let mut changes = client
        .watch(control::WatchRequest {
            attempts: vec![attempt],
        })
        .await?;
    // The first message says that from now on no change is missed.
    while changes.message().await?.is_some() {
        let graph = client.walk_graph(look_at(quest)).await?;
        let attempt = graph.quests.get(quest).and_then(|it| it.attempts.get(&1));
        let state = attempt.and_then(|it| it.data.as_ref()?.attempt_type.as_ref());
        if let Some(AttemptType::Finished(_) | AttemptType::AbnormalFinish(_)) = state {
            return Ok(graph);
        }
    }
    Err("the service has stopped".into())
}

fn look_at(quest: &str) -> dm::WalkGraphReq {
    let list = dm::AttemptList {
        to: [(quest.to_owned(), dm::attempt_list::Nums { nums: vec![1] })].into(),
    };
    dm::WalkGraphReq {
        query: Some(dm::GraphQuery {
            attempt_list: Some(list),
            ..Default::default()
        }),
        include: Some(dm::walk_graph_req::Include {
            attempt: Some(dm::walk_graph_req::include::Options {
                data: true,
                result: true,
                abnormal: true,
                ..Default::default()
            }),
            ..Default::default()
        }),
        ..Default::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(a: &str, b: &str) -> Words {
        Words {
            a: a.to_owned(),
            b: b.to_owned(),
        }
    }

    fn distance(dist: usize, op_history: &str) -> Distance {
        Distance {
            dist,
            op_history: op_history.to_owned(),
        }
    }

    fn solved(of: &Words) -> Distance {
        trivial(of).unwrap_or_else(|| combine(of, &parts(of).map(|part| solved(&part))))
    }

    #[test]
    fn the_cases_of_the_original() {
        assert_eq!(trivial(&words("", "")), Some(distance(0, "")));
        assert_eq!(trivial(&words("hello", "")), Some(distance(5, "-----")));
        assert_eq!(trivial(&words("", "hello")), Some(distance(5, "+++++")));
        assert_eq!(trivial(&words("a", "a")), Some(distance(0, "=")));
        let of = words("a", "b");
        assert_eq!(trivial(&of), None);
        assert_eq!(parts(&of), [words("", ""), words("", "b"), words("a", "")]);
        let nothing = [distance(0, ""), distance(0, ""), distance(0, "")];
        assert_eq!(combine(&of, &nothing), distance(1, "~"));
    }

    #[test]
    fn kitten_and_sitting() {
        assert_eq!(solved(&words("kitten", "sitting")), distance(3, "~===~=+"));
    }
}
