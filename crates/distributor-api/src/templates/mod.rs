//! Quest templates of projects: parsed, checked, rendered (`config.md`, section 6).

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

/// The template files of all projects, replaced as a whole when one changes.
#[derive(Debug, Default)]
pub struct Templates {
    projects: RwLock<BTreeMap<String, Arc<ProjectTemplates>>>,
}

/// One project's `dm/quest_templates.cfg`, checked.
#[derive(Debug)]
pub struct ProjectTemplates {}

/// What is wrong with a template file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateProblem {
    /// From 1; 0 if it is about no particular place.
    pub line: u32,
    /// From 1; 0 if it is about no particular place.
    pub column: u32,
    /// Path of the field.
    pub path: String,
    /// What is wrong, and what to do.
    pub message: String,
}

impl Templates {
    /// Takes new versions: these projects replace all former ones.
    pub fn replace(&self, projects: BTreeMap<String, Arc<ProjectTemplates>>) {
        *self
            .projects
            .write()
            .unwrap_or_else(PoisonError::into_inner) = projects;
    }
}

impl ProjectTemplates {
    /// Parses and checks a whole file in text format; its version is the digest of its content.
    ///
    /// # Errors
    /// All problems of the file.
    pub fn parse(text: &str) -> Result<Self, Vec<TemplateProblem>> {
        let _to_be_written = text;
        Ok(ProjectTemplates {})
    }
}
