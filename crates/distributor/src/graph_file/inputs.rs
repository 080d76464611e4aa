//! Finds and digests the files that the globs of `inputs` name.
//!
//! Folders written out in a glob are entered even if they are symbolic links; wildcards follow links to
//! files, never links to folders, so a walk cannot run in a circle. Files that jobs of the same graph
//! declare as outputs are never inputs: what they hold follows from the job that makes them, and counting
//! them would make the first run differ from the second.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use super::model::Input;
use super::pattern::{self, Part};
use super::relative::Refusal;
use super::tree::{self, Entry, Kind, Listing, Tree};

/// The files of one glob sorted by path, or all that is wrong with it.
pub(super) type Matches = Rc<Result<Vec<Arc<Input>>, Vec<Refusal>>>;

/// The inputs of all jobs of one graph file; each glob is followed once for each directory.
pub(super) struct Inputs<'j> {
    tree: &'j mut Tree,
    /// The jobs that make each file, by the path of the file.
    made_by: HashMap<PathBuf, &'j str>,
    known: HashMap<PathBuf, HashMap<String, Matches>>,
}

/// A folder reached on the way, and the part of the glob to look for in it.
struct Step {
    folder: PathBuf,
    relative: String,
    part: usize,
}

impl<'j> Inputs<'j> {
    pub(super) fn new(tree: &'j mut Tree, made_by: HashMap<PathBuf, &'j str>) -> Self {
        Self {
            tree,
            made_by,
            known: HashMap::new(),
        }
    }

    /// The files that `glob` names below `directory`, a real path.
    pub(super) fn of(&mut self, directory: &Path, glob: &str) -> Matches {
        if let Some(matches) = self.known.get(directory).and_then(|globs| globs.get(glob)) {
            return Rc::clone(matches);
        }
        let matches = Rc::new(self.find(directory, glob));
        let globs = self.known.entry(directory.to_owned()).or_default();
        globs.insert(glob.to_owned(), Rc::clone(&matches));
        matches
    }

    fn find(&mut self, directory: &Path, glob: &str) -> Result<Vec<Arc<Input>>, Vec<Refusal>> {
        let parts = pattern::parse(glob).map_err(|refusal| vec![refusal])?;
        let plain = pattern::is_plain(&parts);
        if plain {
            let path = join(parts.iter().map(Part::prefix));
            if let Some(job) = self.made_by.get(&directory.join(path)) {
                let refusal = Refusal::new(format!(
                    "`{glob}` is an output of job `{job}`, not an input"
                ))
                .with_help(format!(
                    "add \"{job}\" to `needs` instead: what it made counts through it"
                ));
                return Err(vec![refusal]);
            }
        }
        let mut walk = Walk {
            inputs: self,
            parts: &parts,
            steps: Vec::new(),
            seen: HashSet::new(),
            found: Vec::new(),
            refusals: Vec::new(),
        };
        walk.go(directory);
        let (mut found, mut refusals) = (walk.found, walk.refusals);
        if found.is_empty() && refusals.is_empty() {
            refusals.push(nothing_found(directory, glob, plain));
        }
        if !refusals.is_empty() {
            return Err(refusals);
        }
        found.sort();
        found.dedup();
        Ok(found.into_iter().map(Arc::new).collect())
    }
}

fn nothing_found(directory: &Path, glob: &str, plain: bool) -> Refusal {
    let directory = directory.display();
    if plain {
        return Refusal::new(format!("no file `{glob}` in {directory}"))
            .with_help("inputs must exist before anything runs; for a file that a job makes, list that job in `needs`");
    }
    Refusal::new(format!("glob `{glob}` matches no file in {directory}"))
        .with_help("hidden files and outputs of jobs of this graph do not count; remove the glob if it is not needed")
}

/// One glob on its way through the folders.
struct Walk<'w, 'j> {
    inputs: &'w mut Inputs<'j>,
    parts: &'w [Part],
    steps: Vec<Step>,
    /// Steps that were taken: `**/a/**` reaches the same one on many ways.
    seen: HashSet<(String, usize)>,
    found: Vec<Input>,
    refusals: Vec<Refusal>,
}

impl Walk<'_, '_> {
    fn go(&mut self, directory: &Path) {
        self.step(directory.to_owned(), String::new(), 0);
        while let Some(step) = self.steps.pop() {
            match &self.parts[step.part] {
                Part::Name(name) => self.name(&step, name),
                Part::AnyDepth => self.any_depth(step),
                part => self.wildcard(&step, part),
            }
        }
    }

    fn step(&mut self, folder: PathBuf, relative: String, part: usize) {
        if self.seen.insert((relative.clone(), part)) {
            self.steps.push(Step {
                folder,
                relative,
                part,
            });
        }
    }

    fn is_last(&self, part: usize) -> bool {
        part + 1 == self.parts.len()
    }

    fn name(&mut self, step: &Step, name: &str) {
        let path = step.folder.join(name);
        let relative = append(&step.relative, name);
        if !self.is_last(step.part) {
            if let Some(folder) = self.inputs.tree.folder(&path) {
                self.step(folder, relative, step.part + 1);
            }
            return;
        }
        let itself = tree::at(&path);
        let is_link = matches!(itself, Ok(Some(Kind::Link)));
        match if is_link { tree::target(&path) } else { itself } {
            Ok(Some(Kind::File)) => self.file(&path, relative, is_link),
            Ok(Some(Kind::Folder)) => {
                self.refusals
                    .push(
                        Refusal::new(format!("`{relative}` is a folder")).with_help(format!(
                            "name files; `{relative}/**` stands for all files below it"
                        )),
                    )
            }
            Ok(Some(_)) => self.refuse(format!("`{relative}` is not a regular file")),
            Ok(None) if is_link => self.refuse(format!("`{relative}` is a link to nothing")),
            Ok(None) => {}
            Err(error) => self.refuse(format!("cannot read {}: {error}", path.display())),
        }
    }

    fn any_depth(&mut self, step: Step) {
        let listing = self.inputs.tree.list(&step.folder);
        let last = self.is_last(step.part);
        for entry in self.matching(&listing, &Part::AnyDepth) {
            let path = step.folder.join(&entry.name);
            if entry.kind == Kind::Folder {
                if let Some(relative) = self.below(&step, entry) {
                    self.step(path, relative, step.part);
                }
            } else if last && let Some(relative) = self.below(&step, entry) {
                self.entry(&path, relative, entry.kind);
            }
        }
        if !last {
            self.step(step.folder, step.relative, step.part + 1);
        }
    }

    fn wildcard(&mut self, step: &Step, part: &Part) {
        let listing = self.inputs.tree.list(&step.folder);
        let last = self.is_last(step.part);
        for entry in self.matching(&listing, part) {
            let path = step.folder.join(&entry.name);
            if last != (entry.kind == Kind::Folder)
                && let Some(relative) = self.below(step, entry)
            {
                if last {
                    self.entry(&path, relative, entry.kind);
                } else {
                    self.step(path, relative, step.part + 1);
                }
            }
        }
    }

    fn matching<'l>(
        &mut self,
        listing: &'l Listing,
        part: &'l Part,
    ) -> impl Iterator<Item = &'l Entry> + use<'l> {
        let entries = match &**listing {
            Ok(entries) => tree::beginning_with(entries, part.prefix()),
            Err(message) => {
                self.refuse(message);
                &[]
            }
        };
        entries.iter().filter(|entry| part.matches(&entry.name))
    }

    /// The path of an entry relative to the directory of the job.
    fn below(&mut self, step: &Step, entry: &Entry) -> Option<String> {
        let Some(name) = entry.name.to_str() else {
            let path = step.folder.join(&entry.name);
            let message = format!("the name of {} is not UTF-8", path.display());
            self.refusals
                .push(Refusal::new(message).with_help("rename it, or use a narrower glob"));
            return None;
        };
        Some(append(&step.relative, name))
    }

    /// A file, or a link to something.
    fn entry(&mut self, path: &Path, relative: String, kind: Kind) {
        match kind {
            Kind::File => self.file(path, relative, false),
            Kind::Link => match tree::target(path) {
                Ok(Some(Kind::File)) => self.file(path, relative, true),
                Ok(Some(_)) => {}
                Ok(None) => self.refuse(format!("`{relative}` is a link to nothing")),
                Err(error) => self.refuse(format!("cannot read {}: {error}", path.display())),
            },
            Kind::Folder | Kind::Other => {}
        }
    }

    fn refuse(&mut self, message: impl Into<String>) {
        self.refusals.push(Refusal::new(message));
    }

    fn file(&mut self, path: &Path, relative: String, is_link: bool) {
        if self.inputs.made_by.contains_key(path) {
            return;
        }
        match self.inputs.tree.digest(path, is_link) {
            Ok(sha256) => self.found.push(Input {
                path: relative,
                sha256,
            }),
            Err(message) => self.refuse(message),
        }
    }
}

fn append(relative: &str, name: &str) -> String {
    if relative.is_empty() {
        name.to_owned()
    } else {
        format!("{relative}/{name}")
    }
}

fn join<'p>(parts: impl Iterator<Item = &'p str>) -> String {
    parts.fold(String::new(), |path, part| append(&path, part))
}
