//! The state directory, or the service, and the configuration that a command works with.
//!
//! It opens and reads; it refuses to make anything except where a command says so.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use distributor_core::config_file::ConfigFile;
use distributor_core::{DistributorSource, Host, LiveRegistry, Registry, SystemClock};
use distributor_host::topic::TopicSettings;
use distributor_host::{Entrance, Surroundings};
use distributor_store::SqliteStore;
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::args::Global;
use super::exit::Failure;
use super::findings::Finding;
use super::records::{Local, Records};
use super::remote::Remote;

/// Longest configuration file that is read, in bytes.
const LONGEST_CONFIG: u64 = 64 * 1024 * 1024;

/// Host name of the API that backends tell their jobs (DC-12): here is none to call.
pub(super) const DM_HOST: &str = "";

/// A state directory, which may not exist, or a service.
#[derive(Debug, Clone)]
pub(super) struct Place {
    /// As the user named it, for messages.
    pub(super) named: String,
    /// Absolute: backends and jobs work elsewhere.
    pub(super) state: PathBuf,
    /// The service, if the user named one.
    pub(super) remote: Option<Remote>,
}

/// Where data comes from, for programs.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Origin {
    #[serde(skip_serializing_if = "Option::is_none")]
    state_directory: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    server: Option<String>,
}

impl Origin {
    /// `facts`, an object, with the origin in it.
    pub(super) fn with(&self, mut facts: Value) -> Value {
        let origin = serde_json::to_value(self).unwrap_or_default();
        if let (Value::Object(facts), Value::Object(origin)) = (&mut facts, origin) {
            facts.extend(origin);
        }
        facts
    }
}

/// Backends that are looked at, and the entrance of the host that would be theirs.
pub(super) type Backends = (Option<Entrance>, Arc<dyn DistributorSource>);

impl Place {
    /// The state directory that the arguments name.
    pub(super) fn of(global: &Global) -> Result<Self, Failure> {
        let state = std::path::absolute(&global.state)
            .map_err(|error| Failure::Input(format!("--state: {error}")))?;
        Ok(Place {
            named: global.state.display().to_string(),
            state,
            remote: None,
        })
    }

    /// The service that the arguments name, else the state directory.
    pub(super) fn of_service(global: &Global) -> Result<Self, Failure> {
        let mut place = Place::of(global)?;
        if let Some(url) = &global.server {
            place.named.clone_from(url);
            place.remote = Some(Remote::new(url, &global.connect_options()?)?);
        }
        Ok(place)
    }

    /// Opens what is there for reading, also while another process writes.
    pub(super) fn read(&self) -> Result<SqliteStore, Failure> {
        Ok(SqliteStore::open_read_only(&self.state)?)
    }

    /// What can be read there.
    pub(super) fn records(&self) -> Result<Arc<dyn Records>, Failure> {
        match &self.remote {
            Some(remote) => Ok(Arc::new(remote.clone())),
            None => Ok(Arc::new(Local(Arc::new(self.read()?)))),
        }
    }

    /// Where it is, for programs.
    pub(super) fn origin(&self) -> Origin {
        match self.remote {
            Some(_) => Origin {
                state_directory: None,
                server: Some(self.named.clone()),
            },
            None => Origin {
                state_directory: Some(self.state.display().to_string()),
                server: None,
            },
        }
    }

    /// Opens or makes it, for this process alone.
    pub(super) fn write(&self) -> Result<SqliteStore, Failure> {
        Ok(SqliteStore::open(&self.state)?)
    }

    /// Folder with the tokens of callers; it may not exist.
    pub(super) fn tokens(&self) -> PathBuf {
        self.state.join("tokens")
    }

    /// Folder with the secrets that sign tokens; it may not exist.
    pub(super) fn secrets(&self) -> PathBuf {
        self.state.join("secrets")
    }

    /// The way into a host in this place that has no topic.
    pub(super) fn entrance(&self) -> Result<Entrance, Failure> {
        self.entrance_with(None)
    }

    /// The way into a host in this place. It makes nothing: backends that only answer questions need
    /// no host behind it.
    pub(super) fn entrance_with(&self, topic: Option<TopicSettings>) -> Result<Entrance, Failure> {
        let program = std::env::current_exe()
            .map_err(Failure::system("find the file of this very program"))?;
        let surroundings = Surroundings {
            backends_directory: Some(self.state.join("backends")),
            helper_program: Some(program),
            topic,
        };
        Ok(Entrance::new(Arc::new(SystemClock), surroundings))
    }

    /// The backends of stored executions, which need no configuration file: each has its snapshot.
    pub(super) fn stored_backends(&self) -> Result<Backends, Failure> {
        if let Some(remote) = &self.remote {
            return Ok((None, Arc::new(remote.clone())));
        }
        let registry = registry()?;
        let entrance = self.entrance()?;
        let file = registry.unconfigured(BUILT_IN_VERSION);
        let backends = live(registry, file, entrance.host(), DM_HOST);
        Ok((Some(entrance), Arc::new(backends)))
    }

    /// ` --state DIR` or ` --server URL` where a hint must name it, nothing where the default does.
    pub(super) fn hint(&self) -> String {
        match (&self.remote, self.named.as_str()) {
            (Some(_), url) => format!(" --server {}", quoted(url)),
            (None, ".distributor") => String::new(),
            (None, folder) => format!(" --state {}", quoted(folder)),
        }
    }
}

/// Version of the configuration that is there without a file.
const BUILT_IN_VERSION: &str = "built-in";

/// The kinds of this build.
pub(super) fn registry() -> Result<Arc<Registry>, Failure> {
    match Registry::linked() {
        Ok(registry) => Ok(Arc::new(registry)),
        Err(error) => Err(Failure::Internal(error.to_string())),
    }
}

/// The configuration in `path`, or the built-in one. Its problems are in it, unless it cannot even be
/// read.
pub(super) fn configuration(
    registry: &Registry,
    path: Option<&Path>,
) -> Result<ConfigFile, Box<Finding>> {
    let Some(path) = path else {
        return Ok(registry.unconfigured(BUILT_IN_VERSION));
    };
    let bytes = read_config(path).map_err(|reason| {
        Box::new(Finding {
            file: path.display().to_string(),
            line: None,
            column: None,
            path: String::new(),
            message: format!("cannot read this configuration file: {reason}"),
            help: None,
        })
    })?;
    // The content names the revision: the same file is the same version wherever it lies.
    let digest = Sha256::digest(&bytes);
    let version: String = digest[..8]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let text = String::from_utf8_lossy(&bytes);
    Ok(registry.parse(&path.display().to_string(), &text, &version))
}

fn read_config(path: &Path) -> Result<Vec<u8>, String> {
    let metadata = fs::metadata(path).map_err(|error| error.to_string())?;
    if !metadata.is_file() {
        return Err("it is not a file".to_owned());
    }
    if metadata.len() > LONGEST_CONFIG {
        return Err(format!("it is longer than {LONGEST_CONFIG} bytes"));
    }
    fs::read(path).map_err(|error| error.to_string())
}

/// Joins kinds, configuration and host.
pub(super) fn live(
    registry: Arc<Registry>,
    file: ConfigFile,
    host: Arc<dyn Host>,
    dm_host: impl Into<String>,
) -> LiveRegistry {
    LiveRegistry::new(registry, file, host, dm_host)
}

/// A word for a shell: quoted if it must be.
pub(super) fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+=:,@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hints_can_be_pasted_into_a_shell() {
        assert_eq!(quoted("a/b-c.d"), "a/b-c.d");
        assert_eq!(quoted("abc|1|2"), "'abc|1|2'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!(quoted(""), "''");
    }
}
