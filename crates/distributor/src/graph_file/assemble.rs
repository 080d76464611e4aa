//! From drafts of jobs to the graph: needs become indexes, folders are looked up, inputs are digested.
//!
//! Here everything is checked that one job alone cannot tell. A graph with problems is still put together
//! as far as it goes, for the caller to find more problems in it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::document::{Document, Draft, JOBS, Text};
use super::fields::{FieldPath, Reader};
use super::inputs::Inputs;
use super::model::{Graph, Input, Job, Positions};
use super::order;
use super::tree::Tree;

/// Puts the graph together; `graph.directory` is already known.
pub(super) fn assemble<'t>(
    reader: &mut Reader<'t>,
    tree: &mut Tree,
    document: Document<'_>,
    graph: &mut Graph,
) {
    let Document {
        config,
        directory,
        jobs: drafts,
    } = document;
    if let Some(config) = config {
        graph.config = config_file(reader, &graph.directory, &config);
    }
    let default = match directory {
        Some(text) => {
            let at = FieldPath::Key(&FieldPath::Root, "defaults");
            folder(reader, tree, &graph.directory, &text, at)
        }
        None => Some(graph.directory.clone()),
    };
    let mut directories = Vec::with_capacity(drafts.len());
    for draft in &drafts {
        directories.push(match &draft.directory {
            Some(text) => folder(
                reader,
                tree,
                &graph.directory,
                text,
                FieldPath::Key(&JOBS, draft.name.text),
            ),
            None => default.clone(),
        });
    }
    let needs = resolve_needs(reader, &drafts);
    report_cycles(reader, &drafts, &needs);
    let made_by = outputs(reader, &drafts, &directories);
    let mut inputs = Inputs::new(tree, made_by);
    let mut checked = Vec::with_capacity(drafts.len());
    for ((draft, directory), needs) in drafts.into_iter().zip(directories).zip(needs) {
        let inputs = match &directory {
            Some(directory) => digest_inputs(reader, &mut inputs, &draft, directory),
            None => Vec::new(),
        };
        checked.push(Checked {
            draft,
            needs,
            inputs,
            directory: directory.unwrap_or_else(|| graph.directory.clone()),
        });
    }
    graph.jobs = in_order(reader, checked);
}

/// A draft and what was found out about it.
struct Checked<'d> {
    draft: Draft<'d>,
    needs: Vec<Need>,
    inputs: Vec<Arc<Input>>,
    directory: PathBuf,
}

/// The jobs, each after what it needs.
fn in_order(reader: &Reader<'_>, checked: Vec<Checked<'_>>) -> Vec<Job> {
    let edges: Vec<_> = checked.iter().map(|job| targets(&job.needs)).collect();
    let order = order::topological(&edges);
    let mut place = vec![0; order.len()];
    for (new, &old) in order.iter().enumerate() {
        place[old] = new;
    }
    let mut checked: Vec<_> = checked.into_iter().map(Some).collect();
    let mut jobs = Vec::with_capacity(order.len());
    for old in order {
        if let Some(mut checked) = checked[old].take() {
            for need in &mut checked.needs {
                need.job = place[need.job];
            }
            // Only a cycle, which is a problem already, leads forwards.
            checked.needs.retain(|need| need.job < jobs.len());
            jobs.push(job(reader, checked));
        }
    }
    jobs
}

/// A need that names an existing job.
struct Need {
    job: usize,
    /// Its place in the list of drafts.
    listed: usize,
    position: super::Position,
}

fn job(reader: &Reader<'_>, checked: Checked<'_>) -> Job {
    let Checked {
        draft,
        needs,
        inputs,
        directory,
    } = checked;
    let name = reader.position(&draft.name.span);
    let or_name = |span: &Option<std::ops::Range<usize>>| {
        span.as_ref().map_or(name, |span| reader.position(span))
    };
    Job {
        name: draft.name.text.to_owned(),
        distributor: draft.distributor.0.to_owned(),
        positions: Positions {
            name,
            distributor: or_name(&draft.distributor.1),
            run: or_name(&draft.run.1),
            parameters: or_name(&draft.parameters.1),
            needs: needs.iter().map(|need| need.position).collect(),
        },
        run: draft.run.0,
        parameters: draft.parameters.0,
        needs: needs.iter().map(|need| need.job).collect(),
        inputs,
        outputs: draft.outputs.into_iter().map(|(path, _)| path).collect(),
        retries: draft.retries,
        timeouts: draft.timeouts,
        directory,
        run_anyway: draft.run_anyway,
    }
}

fn config_file(
    reader: &mut Reader<'_>,
    directory: &Path,
    config: &Text<'_>,
) -> Option<(PathBuf, super::Position)> {
    let path = directory.join(config.text);
    if path.is_file() {
        return Some((path, reader.position(&config.span)));
    }
    let message = if path.is_dir() {
        format!("{} is a folder", path.display())
    } else {
        format!("no file {}", path.display())
    };
    let at = FieldPath::Key(&FieldPath::Root, "config");
    reader.report_with_help(
        &config.span,
        at,
        message,
        "the path is relative to the folder of this file",
    );
    None
}

fn folder(
    reader: &mut Reader<'_>,
    tree: &mut Tree,
    directory: &Path,
    text: &Text<'_>,
    at: FieldPath<'_>,
) -> Option<PathBuf> {
    let path = directory.join(text.text);
    let real = tree.folder(&path);
    if real.is_none() {
        let at = FieldPath::Key(&at, "directory");
        let message = format!("no folder {}", path.display());
        let help = "the folder must exist before anything runs; the path is relative to the folder of this file";
        reader.report_with_help(&text.span, at, message, help);
    }
    real
}

fn resolve_needs(reader: &mut Reader<'_>, drafts: &[Draft<'_>]) -> Vec<Vec<Need>> {
    let jobs = drafts.iter().enumerate();
    let jobs: HashMap<&str, usize> = jobs
        .map(|(index, draft)| (draft.name.text, index))
        .collect();
    // The last job that named each job: finds duplicates without a set for each job.
    let mut named_by = vec![usize::MAX; drafts.len()];
    let mut all = Vec::with_capacity(drafts.len());
    for (index, draft) in drafts.iter().enumerate() {
        let job = FieldPath::Key(&JOBS, draft.name.text);
        let field = FieldPath::Key(&job, "needs");
        let mut needs = Vec::with_capacity(draft.needs.len());
        for (listed, need) in draft.needs.iter().enumerate() {
            let at = FieldPath::Item(&field, need.index);
            match jobs.get(need.text) {
                None => unknown_need(reader, drafts, need, at),
                Some(&needed) if needed == index => {
                    reader.report_with_help(
                        &need.span,
                        at,
                        "the job needs itself",
                        "remove this entry",
                    );
                }
                Some(&needed) if named_by[needed] == index => {
                    let message = format!("`{}` is listed twice", need.text);
                    reader.report_with_help(&need.span, at, message, "remove one of the two");
                }
                Some(&needed) => {
                    named_by[needed] = index;
                    let position = reader.position(&need.span);
                    needs.push(Need {
                        job: needed,
                        listed,
                        position,
                    });
                }
            }
        }
        all.push(needs);
    }
    all
}

fn unknown_need(
    reader: &mut Reader<'_>,
    drafts: &[Draft<'_>],
    need: &super::document::Listed<'_>,
    at: FieldPath<'_>,
) {
    let names = drafts.iter().map(|draft| draft.name.text);
    let help = match reader.suggestions.nearest(need.text, names) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!(
            "add a table [jobs.{}], or remove this entry",
            super::fields::key(need.text)
        ),
    };
    reader.report_with_help(
        &need.span,
        at,
        format!("no job `{}` in this file", need.text),
        help,
    );
}

fn targets(needs: &[Need]) -> Vec<usize> {
    needs.iter().map(|need| need.job).collect()
}

fn report_cycles(reader: &mut Reader<'_>, drafts: &[Draft<'_>], needs: &[Vec<Need>]) {
    let edges: Vec<_> = needs.iter().map(|needs| targets(needs)).collect();
    for cycle in order::cycles(&edges) {
        let name = |&job: &usize| drafts[job].name.text;
        let mut names: Vec<_> = cycle.head.iter().map(name).map(str::to_owned).collect();
        if cycle.left_out > 0 {
            names.push(format!("({} more)", cycle.left_out));
        }
        names.extend(
            cycle
                .tail
                .iter()
                .chain(cycle.head.first())
                .map(name)
                .map(str::to_owned),
        );
        let draft = &drafts[cycle.job];
        let closing = &draft.needs[needs[cycle.job][cycle.need].listed];
        let job = FieldPath::Key(&JOBS, draft.name.text);
        let field = FieldPath::Key(&job, "needs");
        reader.report_with_help(
            &closing.span,
            FieldPath::Item(&field, closing.index),
            format!(
                "jobs that need each other cannot start: {}",
                names.join(" -> ")
            ),
            "remove one of these needs",
        );
    }
}

/// Which job makes which file.
fn outputs<'d>(
    reader: &mut Reader<'_>,
    drafts: &[Draft<'d>],
    directories: &[Option<PathBuf>],
) -> HashMap<PathBuf, &'d str> {
    let mut made_by = HashMap::new();
    for (draft, directory) in drafts.iter().zip(directories) {
        let Some(directory) = directory else {
            continue;
        };
        let job = FieldPath::Key(&JOBS, draft.name.text);
        let field = FieldPath::Key(&job, "outputs");
        for (path, listed) in &draft.outputs {
            let Some(other) = made_by.insert(directory.join(path), draft.name.text) else {
                continue;
            };
            let at = FieldPath::Item(&field, listed.index);
            if other == draft.name.text {
                let message = format!("`{}` is listed twice", listed.text);
                reader.report_with_help(&listed.span, at, message, "remove one of the two");
            } else {
                let message = format!("`{}` is an output of job `{other}` too", listed.text);
                reader.report_with_help(
                    &listed.span,
                    at,
                    message,
                    "two jobs must not make the same file",
                );
            }
        }
    }
    made_by
}

fn digest_inputs(
    reader: &mut Reader<'_>,
    inputs: &mut Inputs<'_>,
    draft: &Draft<'_>,
    directory: &Path,
) -> Vec<Arc<Input>> {
    let job = FieldPath::Key(&JOBS, draft.name.text);
    let field = FieldPath::Key(&job, "inputs");
    let mut all = Vec::new();
    for glob in &draft.inputs {
        match &*inputs.of(directory, glob.text) {
            Ok(found) => all.extend(found.iter().cloned()),
            Err(refusals) => {
                for refusal in refusals {
                    reader.refuse(
                        &glob.span,
                        FieldPath::Item(&field, glob.index),
                        refusal.clone(),
                    );
                }
            }
        }
    }
    all.sort();
    all.dedup();
    all
}
