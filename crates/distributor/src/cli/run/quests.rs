//! From a job of a graph file to the description of a quest, and so to what the job *is*.
//!
//! What it runs, with which parameters, budgets and time limits, on which inputs, where, after which
//! other quests: all that is part of its identity, and its name and outputs are not. Pure.

use distributor_core::{QuestId, dm};
use distributor_proto::quest_id::DescError;
use distributor_proto::time::duration_from_std;
use distributor_proto::{normalize_desc, quest_id};
use dm::quest::desc::Meta;
use dm::quest::desc::meta::simple::{Input, Need};
use dm::quest::desc::meta::{Retry, Simple, Timeouts};
use serde_json::{Map, Value};

use crate::graph_file::Job;

/// Why a job is no quest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(in crate::cli) enum NoQuest {
    /// The directory has no text.
    #[error("its directory is not UTF-8: {0}")]
    Directory(String),
    /// The description has no normal form.
    #[error(transparent)]
    Description(#[from] DescError),
}

/// The normalized description of `job` and its id. `known` has the ids of all earlier jobs.
pub(in crate::cli) fn describe(
    jobs: &[Job],
    known: &[QuestId],
    job: &Job,
) -> Result<(dm::quest::Desc, QuestId), NoQuest> {
    let Some(directory) = job.directory.to_str() else {
        return Err(NoQuest::Directory(job.directory.display().to_string()));
    };
    let needs = job.needs.iter().filter_map(|need| {
        Some(Need {
            name: jobs.get(*need)?.name.clone(),
            quest: known.get(*need)?.to_string(),
        })
    });
    let inputs = job.inputs.iter().map(|input| Input {
        path: input.path.clone(),
        sha256: input.sha256.to_vec(),
    });
    let simple = Simple {
        needs: needs.collect(),
        inputs: inputs.collect(),
        run_anyway: job.run_anyway,
        directory: directory.to_owned(),
    };
    let mut desc = dm::quest::Desc {
        distributor_config_name: job.distributor.clone(),
        parameters: text(&job.parameters),
        distributor_parameters: text(&job.run),
        meta: Some(Meta {
            as_account: String::new(),
            retry: Some(Retry {
                failed: job.retries.failed,
                crashed: job.retries.crashed,
                expired: job.retries.expired,
                timed_out: job.retries.timed_out,
            }),
            timeouts: Some(Timeouts {
                start: job.timeouts.start.map(duration_from_std),
                run: job.timeouts.run.map(duration_from_std),
                stop: job.timeouts.stop.map(duration_from_std),
            }),
            simple: Some(simple),
        }),
    };
    normalize_desc(&mut desc)?;
    let id = quest_id(&desc);
    Ok((desc, id))
}

fn text(object: &Map<String, Value>) -> String {
    let mut text = String::from("{");
    for (index, (key, value)) in object.iter().enumerate() {
        if index > 0 {
            text.push(',');
        }
        text.push_str(&Value::String(key.clone()).to_string());
        text.push(':');
        text.push_str(&value.to_string());
    }
    text.push('}');
    text
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use super::*;
    use crate::graph_file;

    const FILE: &str = r#"
[jobs.generate]
run.argv = ["gen", "1"]
outputs = ["table.c"]

[jobs.compile]
needs = ["generate"]
run.argv = ["cc"]
inputs = ["*.c"]
retries = 1
timeouts = { run = "5m" }
"#;

    /// Ids of `generate` and `compile`, as if the file lay in a folder that is always called alike.
    fn ids(file: &str, source: &str) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a.c"), source).unwrap();
        let path = folder.path().join("graph.toml");
        fs::write(&path, file).unwrap();
        let reading = graph_file::read(&path);
        assert!(reading.problems.is_empty(), "{}", reading.problems);
        let mut jobs = reading.graph.jobs;
        for job in &mut jobs {
            job.directory = PathBuf::from("/project");
        }
        let mut known = Vec::new();
        for job in &jobs {
            known.push(describe(&jobs, &known, job).unwrap().1);
        }
        known.iter().map(QuestId::to_string).collect()
    }

    /// All users' states depend on these ids: a change of them makes every job run again.
    #[test]
    fn ids_do_not_change_between_versions() {
        assert_eq!(
            ids(FILE, "int x;"),
            [
                "cVb87BNa7ilteMqcqd0hzVuWDTYreYCx1ijv6hsWMmI",
                "-rNwZeeWpyVQ6jBf4lA2l_Pc1DwErYKUFENdE95TySE"
            ]
        );
    }

    #[test]
    fn a_job_is_another_one_if_what_it_is_changes() {
        let before = ids(FILE, "int x;");
        for (what, from, to) in [
            ("command", "[\"cc\"]", "[\"gcc\"]"),
            ("retries", "retries = 1", "retries = 2"),
            ("timeout", "5m", "6m"),
            (
                "distributor",
                "retries = 1",
                "retries = 1\ndistributor = \"x\"",
            ),
            (
                "parameters",
                "retries = 1",
                "retries = 1\nparameters = { a = 1 }",
            ),
            (
                "run_anyway",
                "retries = 1",
                "retries = 1\nrun_anyway = true",
            ),
        ] {
            let after = ids(&FILE.replace(from, to), "int x;");
            assert_eq!(before[0], after[0], "{what}");
            assert_ne!(before[1], after[1], "{what}");
        }
        let after = ids(FILE, "int y;");
        assert_eq!(before[0], after[0]);
        assert_ne!(before[1], after[1]);
    }

    #[test]
    fn a_job_is_another_one_if_what_it_needs_changes() {
        let before = ids(FILE, "int x;");
        let after = ids(&FILE.replace("\"1\"", "\"2\""), "int x;");
        assert_ne!(before[0], after[0]);
        assert_ne!(before[1], after[1]);
    }

    #[test]
    fn names_that_nobody_uses_and_outputs_change_nothing() {
        let before = ids(FILE, "int x;");
        let renamed = FILE
            .replace("jobs.compile", "jobs.other")
            .replace("table.c", "t.c");
        assert_eq!(before, ids(&renamed, "int x;"));
    }
}
