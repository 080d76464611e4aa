//! `distributors.cfg`: which names there are, and what each stands for.
//!
//! The text format of the original DM (architecture, A6). Reading never fails: a [`ConfigFile`]
//! has the entries that are good and the problems of those that are not, all at once. It refuses
//! to fetch files and to watch them; the caller brings text and version.

mod build;
mod canonical;
mod check;
mod lex;
mod lines;
mod parse;
mod problem;
mod suggest;
mod tree;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::config::ConfigSnapshot;
use crate::error::{Error, ErrorKind, Result};
use crate::host::Host;
use crate::registry::{Registry, config_name};

pub use problem::Problem;

/// One revision of the configuration: named entries and the problems that were found.
#[derive(Debug, Clone)]
pub struct ConfigFile {
    file: String,
    version: String,
    entries: BTreeMap<String, Entry>,
    problems: Vec<Problem>,
    /// Why there is no content at all, and whether that may pass (L01).
    unavailable: Option<(String, bool)>,
}

#[derive(Debug, Clone)]
struct Entry {
    state: State,
    place: Place,
}

#[derive(Debug, Clone)]
enum State {
    Alias(String),
    Backend {
        config_type: String,
        content: Vec<u8>,
    },
    Broken(Problem),
    Ambiguous {
        lines: (usize, usize),
    },
}

/// Where an entry says what it is.
#[derive(Debug, Clone, Default)]
struct Place {
    line: usize,
    column: usize,
    path: String,
}

impl Registry {
    /// Reads a configuration file; `file_name` is for messages, `version` is its revision (DC-14).
    ///
    /// Never fails: see [`ConfigFile::problems`].
    pub fn parse(&self, file_name: &str, text: &str, version: &str) -> ConfigFile {
        let parsed = parse::parse(self, file_name, text);
        ConfigFile {
            file: file_name.to_owned(),
            version: version.to_owned(),
            entries: parsed.entries,
            problems: parsed.problems,
            unavailable: None,
        }
    }

    /// What holds without a file: each kind that works unconfigured, under its own name with `-`
    /// for `_`.
    pub fn unconfigured(&self, version: &str) -> ConfigFile {
        let kinds = self.descriptors().iter();
        let entries = kinds.filter(|kind| kind.works_unconfigured).map(|kind| {
            let state = State::Backend {
                config_type: kind.config_type.to_owned(),
                content: Vec::new(),
            };
            let place = Place::default();
            (config_name(kind.kind), Entry { state, place })
        });
        ConfigFile {
            file: "built-in configuration".to_owned(),
            version: version.to_owned(),
            entries: entries.collect(),
            problems: Vec::new(),
            unavailable: None,
        }
    }
}

impl ConfigFile {
    /// A file that could not be fetched: every lookup answers with `error`, in the same class of
    /// retry (L01).
    pub fn unavailable(file_name: &str, error: &Error) -> Self {
        ConfigFile {
            file: file_name.to_owned(),
            version: String::new(),
            entries: BTreeMap::new(),
            problems: Vec::new(),
            unavailable: Some((error.to_string(), error.is_transient())),
        }
    }

    /// The file, as the caller named it.
    pub fn file_name(&self) -> &str {
        &self.file
    }

    /// Its revision.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// All names that are given, also those of broken entries; sorted.
    pub fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.entries.keys().map(String::as_str)
    }

    /// The type of the message that `name` stands for, an alias followed; None if it does not
    /// resolve.
    pub fn config_type(&self, name: &str) -> Option<&str> {
        match self.find(name) {
            Ok((_, config_type, _)) => Some(config_type),
            Err(_) => None,
        }
    }

    /// All that is wrong with the file, in its order.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// Looks a name up (L02 to L05, L08 to L10). An alias is followed, over one level only; the
    /// snapshot has the resolved name (DC-13).
    ///
    /// # Errors
    /// `NotFound` for a name that is not there, `Config` for one that leads nowhere; permanent.
    /// If the file was not available, the error that it was given.
    pub fn resolve(&self, name: &str, dm_host: &str) -> Result<Arc<ConfigSnapshot>> {
        let (name, config_type, content) = self.find(name)?;
        Ok(Arc::new(ConfigSnapshot {
            name: name.to_owned(),
            version: self.version.clone(),
            config_type: config_type.to_owned(),
            content: content.to_owned(),
            dm_host: dm_host.to_owned(),
        }))
    }

    /// Tries the factory of each good entry (L07) and adds what they find to the problems.
    pub fn check(&mut self, registry: &Registry, host: &Arc<dyn Host>, dm_host: &str) {
        for (name, entry) in &self.entries {
            let State::Backend { .. } = entry.state else {
                continue;
            };
            let built = self
                .resolve(name, dm_host)
                .and_then(|snapshot| registry.build(snapshot, Arc::clone(host)));
            if let Err(error) = built {
                self.problems.push(Problem {
                    file: self.file.clone(),
                    line: entry.place.line,
                    column: entry.place.column,
                    path: entry.place.path.clone(),
                    message: error.to_string(),
                    help: None,
                });
            }
        }
        self.problems.sort();
    }

    /// Resolved name, type and content.
    fn find(&self, name: &str) -> Result<(&str, &str, &[u8])> {
        if let Some((reason, transient)) = &self.unavailable {
            let message = format!("cannot read {}: {reason}", self.file);
            let error = Error::new(ErrorKind::Unavailable, message);
            return Err(match transient {
                true => error.transient().not_applied(),
                false => error,
            });
        }
        let Some((name, entry)) = self.entries.get_key_value(name) else {
            return Err(self.unknown(name));
        };
        let State::Alias(target) = &entry.state else {
            return self.content(name, entry);
        };
        let Some((target, entry)) = self.entries.get_key_value(target) else {
            let message = unknown_via_alias(name, target);
            return Err(Error::new(ErrorKind::Config, message));
        };
        match &entry.state {
            State::Alias(_) => {
                let message = too_many_levels(name, target);
                Err(Error::new(ErrorKind::Config, message))
            }
            _ => self
                .content(target, entry)
                .map_err(|error| error.with("via alias", name)),
        }
    }

    fn content<'f>(&self, name: &'f str, entry: &'f Entry) -> Result<(&'f str, &'f str, &'f [u8])> {
        let message = match &entry.state {
            State::Backend {
                config_type,
                content,
            } => return Ok((name, config_type, content)),
            State::Broken(problem) => {
                format!(
                    "configuration `{name}` has a problem: {}",
                    problem.headline()
                )
            }
            State::Ambiguous { lines } => format!(
                "configuration `{name}` is ambiguous: {} has it on line {} and on line {}",
                self.file, lines.0, lines.1
            ),
            State::Alias(target) => too_many_levels(name, target),
        };
        Err(Error::new(ErrorKind::Config, message))
    }

    fn unknown(&self, name: &str) -> Error {
        let names = self.entries.keys().map(String::as_str);
        let known = suggest::list(names.clone());
        let near = match suggest::nearest(name, names) {
            Some(near) => format!("; did you mean `{near}`?"),
            None => String::new(),
        };
        let problems = match self.problems.first() {
            Some(first) => format!(
                "; {} has problems, the first is {}",
                self.file,
                first.headline()
            ),
            None => String::new(),
        };
        Error::new(
            ErrorKind::NotFound,
            format!("unknown distributor configuration `{name}`; known: {known}{near}{problems}"),
        )
    }
}

fn unknown_via_alias(alias: &str, target: &str) -> String {
    format!("unknown distributor configuration `{target}`, via alias `{alias}`")
}

fn too_many_levels(alias: &str, target: &str) -> String {
    format!(
        "too many levels of indirection: alias `{alias}` stands for `{target}`, \
         which is an alias too"
    )
}
