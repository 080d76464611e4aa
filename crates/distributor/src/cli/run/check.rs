//! Everything that can be found wrong before a run, in graph, configuration and jobs, all at once.
//!
//! It reads, and asks the backends to validate; it refuses to write anything.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::sync::Arc;

use distributor_core::{Distributor, DistributorSource, QuestId};
use distributor_host::Entrance;

use super::quests;
use crate::cli::args::{Global, Run};
use crate::cli::exit::Failure;
use crate::cli::findings::Findings;
use crate::cli::place::{self, Place};
use crate::graph_file::{self, Graph, Job, Problem, Problems, job_field};

/// A graph without problems, and what runs it.
pub(super) struct Checked {
    pub(super) graph: Graph,
    /// What each job is.
    pub(super) quests: Vec<QuestId>,
    pub(super) entrance: Entrance,
    pub(super) backends: Arc<dyn DistributorSource>,
}

/// Reads and checks all that `arguments` name.
///
/// # Errors
/// `Findings` with all problems that there are.
pub(super) fn check(global: &Global, arguments: &Run, place: &Place) -> Result<Checked, Failure> {
    let graph_file::Reading {
        graph,
        mut problems,
    } = graph_file::read(&arguments.file);
    let mut findings = Findings::default();

    let entrance = place.entrance()?;
    let (backends, names_known) = match &place.remote {
        // The configuration is the service's own, and so is the word of its backends.
        Some(remote) => (
            Arc::new(remote.clone()) as Arc<dyn DistributorSource>,
            false,
        ),
        None => {
            let of_graph = graph.config.as_ref().map(|(path, _)| path.as_path());
            let broken = has_problem(&problems, "config");
            local_backends(global, of_graph, broken, &entrance, &mut findings)?
        }
    };

    let broken: BTreeSet<String> = problems
        .sorted()
        .into_iter()
        .map(|problem| problem.path.clone())
        .collect();
    let mut jobs = Jobs {
        backends: backends.as_ref(),
        broken,
        names_known,
        found: HashMap::new(),
        problems: &mut problems,
    };
    let mut quests = Vec::with_capacity(graph.jobs.len());
    for job in &graph.jobs {
        quests.push(jobs.check(&graph.jobs, &quests, job));
    }
    findings.add_graph(&problems);
    if findings.is_empty() {
        Ok(Checked {
            graph,
            quests,
            entrance,
            backends,
        })
    } else {
        Err(Failure::Findings(findings))
    }
}

/// The backends that `--config` or the graph configures, and whether all of their names are known.
fn local_backends(
    global: &Global,
    of_graph: Option<&Path>,
    broken: bool,
    entrance: &Entrance,
    findings: &mut Findings,
) -> Result<(Arc<dyn DistributorSource>, bool), Failure> {
    let registry = place::registry()?;
    let named = global.config.as_deref();
    // Without the file that was meant, every name would be unknown, which helps nobody.
    let mut names_known = named.is_some() || !broken;
    let mut config = match place::configuration(&registry, named.or(of_graph)) {
        Ok(config) => config,
        Err(finding) => {
            findings.problems.push(*finding);
            names_known = false;
            registry.unconfigured("")
        }
    };
    config.check(&registry, &entrance.host(), place::DM_HOST);
    findings.add_config(config.problems());
    let backends = place::live(registry, config, entrance.host(), place::DM_HOST);
    Ok((Arc::new(backends), names_known))
}

fn has_problem(problems: &Problems, path: &str) -> bool {
    problems
        .sorted()
        .into_iter()
        .any(|problem| problem.path == path)
}

struct Jobs<'c> {
    backends: &'c dyn DistributorSource,
    /// Fields that have a problem already: what follows from it is not another one.
    broken: BTreeSet<String>,
    names_known: bool,
    /// The backend of each name; none if the name has a problem.
    found: HashMap<String, Option<Arc<dyn Distributor>>>,
    problems: &'c mut Problems,
}

impl Jobs<'_> {
    /// The job's quest; any other id if there is a problem, since then nothing runs.
    fn check(&mut self, jobs: &[Job], known: &[QuestId], job: &Job) -> QuestId {
        let (desc, id) = match quests::describe(jobs, known, job) {
            Ok(described) => described,
            Err(error) => {
                let position = job.positions.name;
                let path = job_field(&job.name, None);
                self.problems
                    .push(Problem::new(position, path, error.to_string()));
                return QuestId::from_bytes([0; 32]);
            }
        };
        let path = job_field(&job.name, Some("run"));
        if let Some(backend) = self.backend(job)
            && !self.is_broken(&path)
            && let Err(error) = backend.validate(&desc.distributor_parameters)
        {
            let position = job.positions.run;
            self.problems
                .push(Problem::new(position, path, error.to_string()));
        }
        id
    }

    /// True if the field or a part of it has a problem.
    fn is_broken(&self, path: &str) -> bool {
        self.broken
            .range(path.to_owned()..)
            .map_while(|broken| broken.strip_prefix(path))
            .any(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    }

    /// The backend that the job names. A name that leads to none is reported once.
    fn backend(&mut self, job: &Job) -> Option<Arc<dyn Distributor>> {
        if !self.names_known {
            return None;
        }
        if let Some(found) = self.found.get(&job.distributor) {
            return found.clone();
        }
        let built = self
            .backends
            .snapshot(&job.distributor)
            .and_then(|snapshot| self.backends.distributor(&snapshot));
        let found = match built {
            Ok(backend) => Some(backend),
            Err(error) => {
                let position = job.positions.distributor;
                // What is written before the job is the default for all jobs.
                let path = match position < job.positions.name {
                    true => "distributor".to_owned(),
                    false => job_field(&job.name, Some("distributor")),
                };
                self.problems
                    .push(Problem::new(position, path, error.to_string()));
                None
            }
        };
        self.found.insert(job.distributor.clone(), found.clone());
        found
    }
}
