//! What the files of a configuration mean, or all that is wrong with them.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use distributor_api::ProjectTemplates;
use distributor_core::config_file::ConfigFile;
use distributor_core::{Host, Registry};
use distributor_proto::acls::Acls;
use distributor_proto::text::{TextError, from_text};

use super::Files;
use super::files::Content;
use crate::cli::findings::{Finding, Findings};

/// Longest name of a revision, in characters.
const LONGEST_REVISION: usize = 100;

/// One version of a configuration.
#[derive(Debug)]
pub(crate) struct Loaded {
    /// Its name.
    pub(crate) revision: String,
    /// The distributor configurations. Entries with problems are left out of it.
    pub(crate) distributors: ConfigFile,
    /// Who may do what; `None` if there is no such file.
    pub(crate) acls: Option<Acls>,
    /// Quest templates by project.
    pub(crate) templates: BTreeMap<String, Arc<ProjectTemplates>>,
}

impl Loaded {
    /// Nothing at all can be run with it, or nobody knows who may do what.
    pub(crate) fn is_unusable(&self, files: &Files) -> bool {
        let mut names = self.distributors.names();
        let some_work = names.any(|name| self.distributors.resolve(name, "").is_ok());
        let broken = !self.distributors.problems().is_empty() && !some_work;
        broken || (files.has_acls() && self.acls.is_none())
    }
}

/// What makes sense of files.
#[derive(Debug, Clone)]
pub(crate) struct Loader {
    /// The kinds of this build.
    pub(crate) registry: Arc<Registry>,
    /// For the factories, which check configurations.
    pub(crate) host: Arc<dyn Host>,
    /// See [`distributor_core::Config::dm_host`].
    pub(crate) dm_host: String,
}

impl Loader {
    /// The version, and all problems of it.
    pub(crate) fn load(&self, files: &Files) -> (Loaded, Findings) {
        let mut findings = Findings::default();
        let revision = match &files.revision {
            Some(content) => revision(content).unwrap_or_else(|finding| {
                findings.problems.push(*finding);
                files.digest()
            }),
            None => files.digest(),
        };
        let mut distributors = match &files.distributors {
            Some((path, bytes)) => {
                let text = String::from_utf8_lossy(bytes);
                let name = path.display().to_string();
                self.registry.parse(&name, &text, &revision)
            }
            None => self.registry.unconfigured(&revision),
        };
        distributors.check(&self.registry, &self.host, &self.dm_host);
        findings.add_config(distributors.problems());
        let acls = files.acls.as_ref().and_then(|content| {
            let acls = access_lists(content);
            acls.map_err(|finding| findings.problems.push(*finding))
                .ok()
        });
        let mut templates = BTreeMap::new();
        for (project, (path, bytes)) in &files.templates {
            match ProjectTemplates::parse(&String::from_utf8_lossy(bytes)) {
                Ok(parsed) => {
                    templates.insert(project.clone(), Arc::new(parsed));
                }
                Err(problems) => findings.add_templates(path, &problems),
            }
        }
        let loaded = Loaded {
            revision,
            distributors,
            acls,
            templates,
        };
        (loaded, findings)
    }
}

fn revision((path, bytes): &Content) -> Result<String, Box<Finding>> {
    let text = String::from_utf8_lossy(bytes);
    let revision = text.trim();
    let printable = revision.chars().all(|c| !c.is_control());
    if revision.is_empty() || !printable || revision.chars().count() > LONGEST_REVISION {
        return Err(Box::new(Finding {
            help: Some("remove the file to name revisions after their content".to_owned()),
            ..whole(
                path,
                format!("write one line of 1 to {LONGEST_REVISION} printable characters"),
            )
        }));
    }
    Ok(revision.to_owned())
}

fn access_lists((path, bytes): &Content) -> Result<Acls, Box<Finding>> {
    from_text(&String::from_utf8_lossy(bytes)).map_err(|error| {
        Box::new(match error {
            TextError::Text {
                problem, position, ..
            } => Finding {
                line: Some(position.line),
                column: Some(position.column),
                ..whole(path, problem)
            },
            other => whole(path, other.to_string()),
        })
    })
}

fn whole(path: &Path, message: String) -> Finding {
    Finding {
        file: path.display().to_string(),
        line: None,
        column: None,
        path: String::new(),
        message,
        help: None,
    }
}
