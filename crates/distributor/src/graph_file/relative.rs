//! The rules for paths that must stay inside the directory of a job.
//!
//! Looks at the text only, never at the disk.

/// Why a path is refused, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) message: String,
    pub(super) help: Option<String>,
}

impl Refusal {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            help: None,
        }
    }

    pub(super) fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// The parts of a path that is relative and does not lead out of its directory; `.` and empty parts are
/// dropped, so that `./a//b` is `a/b`.
pub(super) fn parts(text: &str) -> Result<Vec<&str>, Refusal> {
    if text.contains('\0') {
        return Err(Refusal::new("a path cannot hold a NUL character"));
    }
    if text.starts_with('/') {
        return Err(Refusal::new(format!("`{text}` is absolute"))
            .with_help("use a path relative to the directory of the job"));
    }
    if text.ends_with('/') {
        return Err(
            Refusal::new(format!("`{text}` is a folder")).with_help(format!(
                "name files; `{text}**` stands for all files below it"
            )),
        );
    }
    let parts: Vec<&str> = text
        .split('/')
        .filter(|part| !matches!(*part, "" | "."))
        .collect();
    if parts.contains(&"..") {
        return Err(
            Refusal::new(format!("`{text}` leads out of the directory of the job"))
                .with_help("move the `directory` of the job up instead of using `..`"),
        );
    }
    if parts.is_empty() {
        return Err(Refusal::new("the path names no file"));
    }
    Ok(parts)
}

/// The parts of the plain path of an output.
pub(super) fn output(text: &str) -> Result<Vec<&str>, Refusal> {
    if text.ends_with('/') {
        return Err(Refusal::new(format!("`{text}` is a folder"))
            .with_help("name the files that the job makes"));
    }
    if text.contains(['*', '?']) {
        return Err(Refusal::new(format!("`{text}` is a glob"))
            .with_help("outputs do not exist yet when the file is read: name each one"));
    }
    parts(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_cleaned() {
        assert_eq!(parts("./a//b/./c.h").unwrap(), ["a", "b", "c.h"]);
        assert_eq!(parts("..a/b..").unwrap(), ["..a", "b.."]);
    }

    #[test]
    fn paths_that_leave_or_name_nothing_are_refused() {
        for text in [
            "",
            ".",
            "./",
            "/",
            "/etc/passwd",
            "..",
            "a/../b",
            "a/",
            "a\0b",
        ] {
            assert!(parts(text).is_err(), "{text:?}");
            assert!(output(text).is_err(), "{text:?}");
        }
        assert!(output("a*").is_err());
    }
}
