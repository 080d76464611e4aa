//! Removes the output of executions that the host no longer knows.
//!
//! It goes by the names of the files, so it needs no memory of what was run, and it refuses to touch a
//! file whose name is not one of its own.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use distributor_core::{Error, ErrorKind, ExecutionId, Result, Swept};

/// Executions asked about at once.
const AT_ONCE: usize = 256;

pub(crate) type Known<'k> = &'k dyn Fn(&[ExecutionId]) -> Result<Vec<bool>>;

/// Sweeps the folder of outputs; one that does not exist is clean.
pub(crate) fn sweep(outputs: &Path, known: Known<'_>) -> Result<Swept> {
    let mut sweeper = Sweeper {
        known,
        found: Vec::new(),
        swept: Swept::default(),
    };
    for shard in entries(outputs)? {
        if shard.is_dir() {
            for file in entries(&shard)? {
                sweeper.see(file)?;
            }
        }
    }
    sweeper.judge()?;
    Ok(sweeper.swept)
}

struct Sweeper<'k> {
    known: Known<'k>,
    found: Vec<(ExecutionId, PathBuf)>,
    swept: Swept,
}

impl Sweeper<'_> {
    fn see(&mut self, file: PathBuf) -> Result<()> {
        if let Some(execution) = execution_of(&file) {
            self.found.push((execution, file));
        }
        if self.found.len() >= AT_ONCE {
            self.judge()?;
        }
        Ok(())
    }

    fn judge(&mut self) -> Result<()> {
        let found = std::mem::take(&mut self.found);
        let executions: Vec<_> = found.iter().map(|(execution, _)| *execution).collect();
        let known = (self.known)(&executions)?;
        for ((_, file), known) in found.into_iter().zip(known) {
            if known {
                continue;
            }
            let bytes = file.metadata().map_or(0, |metadata| metadata.len());
            fs::remove_file(&file).map_err(|error| failed(&file, error))?;
            self.swept.files += 1;
            self.swept.bytes += bytes;
        }
        Ok(())
    }
}

/// `QUEST.N.E.stdout`: see [`crate::layout`].
fn execution_of(file: &Path) -> Option<ExecutionId> {
    let stem = match file.extension()?.to_str()? {
        "stdout" | "stderr" => file.file_stem()?.to_str()?,
        _ => return None,
    };
    stem.replace('.', "|").parse().ok()
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let read = match fs::read_dir(folder) {
        Ok(read) => read,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(folder, error)),
    };
    read.map(|entry| Ok(entry.map_err(|error| failed(folder, error))?.path()))
        .collect()
}

fn failed(path: &Path, error: io::Error) -> Error {
    Error::new(ErrorKind::Internal, "failed to clean up outputs")
        .with("path", path.display().to_string())
        .because(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_outputs_of_unknown_executions_go() {
        let folder = tempfile::tempdir().unwrap();
        let quest = "A".repeat(43);
        let shard = folder.path().join("A");
        fs::create_dir(&shard).unwrap();
        let names = [
            format!("{quest}.1.1.stdout"),
            format!("{quest}.1.1.stderr"),
            format!("{quest}.2.1.stdout"),
            "notes.stdout".to_owned(),
        ];
        for name in &names {
            fs::write(shard.join(name), "four").unwrap();
        }
        let known = |ids: &[ExecutionId]| Ok(ids.iter().map(|it| it.attempt.number == 2).collect());
        let swept = sweep(folder.path(), &known).unwrap();
        assert_eq!(swept, Swept { files: 2, bytes: 8 });
        let left = names.map(|name| shard.join(name).exists());
        assert_eq!(left, [false, false, true, true]);
        let none = sweep(&folder.path().join("absent"), &known).unwrap();
        assert_eq!(none, Swept::default());
    }
}
