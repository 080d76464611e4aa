//! The text of a graph file: found, bounded, UTF-8.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::lines::LineIndex;
use super::problem::Problem;

/// The largest graph file. A job takes some 200 bytes, so this is far beyond what is useful, and small
/// enough for memory.
const LARGEST: usize = 64 << 20;

/// The folder of the file (absolute, without symbolic links) and its text.
pub(super) fn read(path: &Path) -> Result<(PathBuf, String), Problem> {
    let failed =
        |error: io::Error| Problem::of_file(format!("cannot read the graph file: {error}"));
    let mut file = File::open(path).map_err(failed)?;
    if file.metadata().map_err(failed)?.is_dir() {
        return Err(Problem::of_file("this is a folder, not a graph file")
            .with_help("name the TOML file in it that describes the jobs"));
    }
    // The folder as the user sees it: of the link, if the file is one.
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let folder = folder.canonicalize().map_err(failed)?;
    let mut bytes = Vec::new();
    // One byte more than allowed tells a file that is too large, even one that has no size or that grows.
    let limit = LARGEST as u64 + 1;
    file.by_ref()
        .take(limit)
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    if bytes.len() > LARGEST {
        return Err(Problem::of_file(format!(
            "the graph file is larger than {} MiB",
            LARGEST >> 20
        ))
        .with_help("split it into several graphs"));
    }
    let text = String::from_utf8(bytes).map_err(|error| not_text(&error))?;
    match text.strip_prefix('\u{feff}') {
        Some(without_mark) => Ok((folder, without_mark.to_owned())),
        None => Ok((folder, text)),
    }
}

fn not_text(error: &std::string::FromUtf8Error) -> Problem {
    let valid = error.utf8_error().valid_up_to();
    let before = String::from_utf8_lossy(&error.as_bytes()[..valid]);
    Problem {
        position: Some(LineIndex::new(&before).position(before.len())),
        path: String::new(),
        message: "the graph file is not UTF-8".to_owned(),
        help: Some("save it with the encoding UTF-8".to_owned()),
    }
}
