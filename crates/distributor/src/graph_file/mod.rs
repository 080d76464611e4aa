//! Graph files: jobs and what they need, written down in TOML.
//!
//! [`read`] turns a file into a [`Graph`] whose jobs are in an order in which they can run, and finds *all*
//! problems of the file with line and column before anything runs. It reads the graph file and the files
//! named by `inputs`, writes nothing, and knows no backend: what a job hands to its backend is passed on
//! as JSON, for the caller to have validated; the caller adds what it finds to the same [`Problems`].
//!
//! ```toml
//! config = "distributors.cfg"            # optional, relative to this file
//! distributor = "local-process"          # optional: of jobs that name none (this is the default)
//!
//! [defaults]                             # optional: for all jobs that do not say otherwise
//! retries = 1
//! timeouts = { run = "10m" }             # single retries and timeouts of a job override these one by one
//! directory = "src"
//!
//! [jobs.compile]
//! distributor = "local-process"          # the name of a distributor configuration
//! run = { argv = ["cc", "-c", "x.c"] }   # what the backend gets: any table
//! parameters = { level = 3 }             # what the job itself gets: any table
//! needs = ["generate"]                   # other jobs of this file
//! inputs = ["src/*.c", "include/**/*.h"] # files the job reads: their content is part of what the job is
//! outputs = ["build/x.o"]                # files it makes: a finished job whose outputs are gone runs again
//! retries = { failed = 2, crashed = 1 }  # or one number for failed, crashed, expired and timed_out
//! timeouts = { start = "1m", run = "5m", stop = "30s" } # "0s" is none
//! directory = "sub"                      # relative to this file; default: its folder
//! run_anyway = true                      # run even if something it needs failed
//! ```
//!
//! # Inputs
//!
//! Globs are relative to the directory of the job, with `*`, `?`, `[…]`, `{a,b}` inside a name and `**` for
//! any number of folders. They must match something. Hidden names need a written dot. Wildcards follow
//! symbolic links to files but not to folders; a folder written out is entered whatever it is. Outputs of
//! jobs of the same file are never inputs: wildcards pass over them, and naming one is a problem. Each folder
//! is listed, and each file read, at most once for one reading, in pieces: size does not matter.

mod assemble;
mod document;
mod fields;
mod inputs;
mod json;
mod lines;
mod model;
mod order;
mod pattern;
mod problem;
mod relative;
pub mod render;
mod source;
mod suggest;
mod syntax;
mod tree;

use std::path::Path;

pub use model::{Graph, Input, Job, Positions, Retries, Timeouts};
pub use problem::{Position, Problem, Problems};

/// A graph file as far as it could be read, and what is wrong with it.
#[derive(Clone, Debug)]
pub struct Reading {
    /// The graph. If there are problems, it lacks what they are about, and is only good for finding more
    /// of them; the order of its jobs holds even then.
    pub graph: Graph,
    /// All problems found so far.
    pub problems: Problems,
}

/// Reads the graph file at `path`, of at most 64 MiB, and digests the inputs of its jobs.
///
/// Never fails: whatever is wrong, from a missing file to a cycle of needs, is in
/// [`problems`](Reading::problems). A file that is not TOML has one problem, its first.
pub fn read(path: &Path) -> Reading {
    read_with(&mut tree::Tree::default(), path)
}

/// How problems call a field of a job: `jobs.compile.run`, with quotes where TOML needs them. Without
/// `field` the job itself.
pub fn job_field(job: &str, field: Option<&str>) -> String {
    match field {
        Some(field) => format!("jobs.{}.{field}", fields::key(job)),
        None => format!("jobs.{}", fields::key(job)),
    }
}

fn read_with(tree: &mut tree::Tree, path: &Path) -> Reading {
    let mut problems = Problems::new(path);
    let mut graph = Graph {
        path: path.to_owned(),
        ..Graph::default()
    };
    let text = match source::read(path) {
        Ok((directory, text)) => {
            graph.directory = directory;
            text
        }
        Err(problem) => {
            problems.push(problem);
            return Reading { graph, problems };
        }
    };
    let mut reader = fields::Reader::new(&text, problems);
    match syntax::parse(&reader, &text) {
        Ok(root) => {
            let document = document::read(&mut reader, &root);
            assemble::assemble(&mut reader, tree, document, &mut graph);
        }
        Err(problem) => reader.problems.push(problem),
    }
    Reading {
        graph,
        problems: reader.problems,
    }
}

#[cfg(test)]
mod tests;
