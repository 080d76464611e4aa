//! Keys in a file, for issuers whose keys are delivered some other way than by a URL.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;

use super::keys::{FetchedKeys, KeyError, KeySet, KeySource};

/// A larger file is no key set.
const MOST_BYTES: u64 = 1024 * 1024;
/// How soon a change of the file is seen.
const GOOD_FOR: Duration = Duration::from_secs(30);

/// A JSON Web Key Set in a file. It is read again every 30 s while there are pushes.
#[derive(Debug, Clone)]
pub struct KeyFile(PathBuf);

impl KeyFile {
    /// Reads the file once, so that a wrong one is noticed before it is needed.
    ///
    /// # Errors
    /// If it cannot be read, or is not a key set.
    pub fn new(path: PathBuf) -> Result<Self, KeyError> {
        read(&path)?;
        Ok(KeyFile(path))
    }
}

#[async_trait]
impl KeySource for KeyFile {
    async fn fetch(&self) -> Result<FetchedKeys, KeyError> {
        let path = self.0.clone();
        let read = tokio::task::spawn_blocking(move || read(&path)).await;
        let read = read.map_err(|_| KeyError("the service stops".to_owned()))?;
        Ok(FetchedKeys {
            keys: read?,
            good_for: GOOD_FOR,
        })
    }
}

fn read(path: &Path) -> Result<KeySet, KeyError> {
    let problem = |error: &dyn std::fmt::Display| KeyError(format!("{}: {error}", path.display()));
    let file = File::open(path).map_err(|error| problem(&error))?;
    let mut json = Vec::new();
    let read = file.take(MOST_BYTES + 1).read_to_end(&mut json);
    read.map_err(|error| problem(&error))?;
    if json.len() as u64 > MOST_BYTES {
        return Err(problem(&format_args!("has more than {MOST_BYTES} bytes")));
    }
    KeySet::parse(&json).map_err(|error| problem(&error))
}
