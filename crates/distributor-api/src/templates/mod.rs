//! Quest templates of projects: parsed, checked, rendered (`config.md`, section 6).
//!
//! * [`ProjectTemplates::parse`] reads a file and says all that is wrong with it.
//! * [`Templates`] holds the files of all projects, and gives each call one consistent view of them.
//!
//! It refuses to fetch files and to watch them, and to ask a backend about the parameters it renders.

mod check;
mod places;
mod render;
mod value;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Arc, PoisonError, RwLock};

use distributor_proto::dm;
use distributor_proto::dm_template::File;
use distributor_proto::templateproto::Specifier;
use sha2::{Digest as _, Sha256};

use render::RenderError;
pub(crate) use value::normalize_value;

/// Names that a message lists at most.
const NAMES_SHOWN: usize = 10;

/// The template files of all projects, replaced as a whole when one changes.
#[derive(Debug, Default)]
pub struct Templates {
    projects: RwLock<Arc<Projects>>,
}

/// The template files by project, as they were at one moment.
pub(crate) type Projects = BTreeMap<String, Arc<ProjectTemplates>>;

/// One project's `dm/quest_templates.cfg`, checked.
#[derive(Debug)]
pub struct ProjectTemplates {
    version: String,
    file: File,
}

/// What is wrong with a template file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateProblem {
    /// From 1; 0 if it is about no particular place.
    pub line: u32,
    /// From 1, in characters; 0 if it is about no particular place.
    pub column: u32,
    /// Path of the field; empty if it is about no particular field.
    pub path: String,
    /// What is wrong, and what to do.
    pub message: String,
}

/// Why there is no quest of a template: one entry of `template_error`.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TemplateError {
    #[error("project {project:?} has no templates; projects that have: {known}")]
    NoProject { project: String, known: String },
    #[error("project {project:?} has no template {name:?}; its templates are: {known}")]
    NoTemplate {
        project: String,
        name: String,
        known: String,
    },
    #[error(transparent)]
    Render(#[from] RenderError),
}

impl Templates {
    /// Takes new versions: these projects replace all former ones. Calls under way keep what they began
    /// with.
    pub fn replace(&self, projects: BTreeMap<String, Arc<ProjectTemplates>>) {
        *self
            .projects
            .write()
            .unwrap_or_else(PoisonError::into_inner) = Arc::new(projects);
    }

    /// The files as they are now.
    pub(crate) fn now(&self) -> Arc<Projects> {
        let projects = self.projects.read();
        Arc::clone(&projects.unwrap_or_else(PoisonError::into_inner))
    }
}

impl ProjectTemplates {
    /// Parses and checks a whole file in text format.
    ///
    /// # Errors
    /// All problems of the file, in its order, at most 100 and a last one that says that there are more.
    pub fn parse(text: &str) -> Result<Self, Vec<TemplateProblem>> {
        let file = check::check(text)?;
        let mut version = String::new();
        for byte in Sha256::digest(text.as_bytes()) {
            // Writing to a string cannot fail.
            let _infallible = write!(version, "{byte:02x}");
        }
        Ok(ProjectTemplates { version, file })
    }

    /// The SHA-256 of the file's text, in hexadecimal.
    pub fn version(&self) -> &str {
        &self.version
    }
}

/// The description, normalized, and the origin of a quest that is made of a template. The values of its
/// parameters are normalized. `ref` of the origin stays empty: it has no use.
///
/// # Errors
/// See [`TemplateError`].
pub(crate) fn instantiate(
    projects: &Projects,
    project: &str,
    specifier: &Specifier,
) -> Result<(dm::quest::Desc, dm::quest::TemplateSpec), TemplateError> {
    let templates = projects
        .get(project)
        .ok_or_else(|| TemplateError::NoProject {
            project: project.to_owned(),
            known: list(projects.keys()),
        })?;
    let name = &specifier.template_name;
    let all = &templates.file.template;
    let template = all.get(name).ok_or_else(|| TemplateError::NoTemplate {
        project: project.to_owned(),
        name: name.clone(),
        known: list(all.keys()),
    })?;
    let origin = dm::quest::TemplateSpec {
        project: project.to_owned(),
        r#ref: String::new(),
        version: templates.version.clone(),
        name: name.clone(),
    };
    Ok((render::render(template, &specifier.params)?, origin))
}

/// "a, b, c", for messages.
fn list<'n>(names: impl ExactSizeIterator<Item = &'n String>) -> String {
    let count = names.len();
    let shown: Vec<&str> = names.take(NAMES_SHOWN).map(String::as_str).collect();
    match count {
        0 => "none".to_owned(),
        _ if count > shown.len() => format!("{}, …", shown.join(", ")),
        _ => shown.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_keeps_the_files_that_it_began_with() {
        let templates = Templates::default();
        let projects = |name: &str| {
            let file = ProjectTemplates::parse("").expect("a good file");
            BTreeMap::from([(name.to_owned(), Arc::new(file))])
        };
        templates.replace(projects("old"));
        let call = templates.now();
        templates.replace(projects("new"));
        assert!(call.contains_key("old") && !call.contains_key("new"));
        assert!(templates.now().contains_key("new") && !templates.now().contains_key("old"));
    }

    #[test]
    fn lists_of_names_are_bounded() {
        let names = |count: u32| (0..count).map(|name| name.to_string()).collect::<Vec<_>>();
        assert_eq!(list(names(0).iter()), "none");
        assert_eq!(list(names(2).iter()), "0, 1");
        assert_eq!(list(names(11).iter()), "0, 1, 2, 3, 4, 5, 6, 7, 8, 9, …");
    }
}
