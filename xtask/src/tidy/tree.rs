//! The files of the tree, read once.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use ignore::WalkBuilder;

/// All regular files that git would not ignore, sorted by path.
#[derive(Debug)]
pub(super) struct Tree {
    files: Vec<File>,
}

/// One file.
#[derive(Debug)]
pub(super) struct File {
    /// Relative to the root, with `/`.
    pub(super) path: String,
    content: Vec<u8>,
}

impl Tree {
    /// Reads everything under `root`. Symbolic links are not followed.
    pub(super) fn read(root: &Path) -> Result<Self> {
        let mut walk = WalkBuilder::new(root);
        // Only the tree's own .gitignore files count, so that every machine sees the same files.
        walk.hidden(false)
            .parents(false)
            .ignore(false)
            .git_global(false)
            .git_exclude(false)
            .require_git(false)
            .filter_entry(|entry| entry.file_name() != ".git")
            .sort_by_file_path(Path::cmp);
        let mut files = Vec::new();
        for entry in walk.build() {
            let entry = entry?;
            if !entry.file_type().is_some_and(|it| it.is_file()) {
                continue;
            }
            let path = entry.path();
            let content = fs::read(path).with_context(|| format!("reading {}", path.display()))?;
            let relative = path.strip_prefix(root).unwrap_or(path);
            let Some(path) = relative.to_str() else {
                bail!("{} is not UTF-8: rename it", path.display());
            };
            files.push(File {
                path: path.to_owned(),
                content,
            });
        }
        Ok(Tree { files })
    }

    pub(super) fn files(&self) -> &[File] {
        &self.files
    }

    /// The Rust files that people wrote.
    pub(super) fn our_code(&self) -> impl Iterator<Item = &File> {
        self.files
            .iter()
            .filter(|file| file.is_code() && !file.is_generated())
    }

    pub(super) fn has(&self, path: &str) -> bool {
        self.files.iter().any(|file| file.path == path)
    }
}

impl File {
    /// The content, if it is UTF-8.
    pub(super) fn text(&self) -> Option<&str> {
        std::str::from_utf8(&self.content).ok()
    }

    pub(super) fn is_code(&self) -> bool {
        self.path.ends_with(".rs")
    }

    pub(super) fn is_generated(&self) -> bool {
        self.path.contains("/src/generated/")
    }

    /// True if all of it is compiled for tests only.
    pub(super) fn is_test(&self) -> bool {
        self.path
            .split('/')
            .any(|part| part == "tests" || part == "tests.rs")
    }

    /// Its name without folders.
    pub(super) fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }
}
