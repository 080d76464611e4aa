//! A configuration that tests change while the host runs.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use distributor_core::{
    Clock, ConfigSnapshot, Distributor, DistributorSource, Error, ErrorKind, Host, Result,
};

use super::backend::{Instance, ScriptedBackend};

#[derive(Debug, Clone)]
enum Entry {
    Backend {
        content: Vec<u8>,
        version: String,
    },
    Alias(String),
    /// Cannot be read for the moment.
    Unreadable,
}

pub(crate) struct ScriptedSource {
    clock: Arc<dyn Clock>,
    entries: Mutex<BTreeMap<String, Entry>>,
    backends: Mutex<BTreeMap<String, Arc<ScriptedBackend>>>,
    /// What instances are built with from now on.
    host: Mutex<Option<Arc<dyn Host>>>,
}

impl ScriptedSource {
    pub(crate) const DM_HOST: &str = "dm.example.com";

    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        ScriptedSource {
            clock,
            entries: Mutex::default(),
            backends: Mutex::default(),
            host: Mutex::default(),
        }
    }

    pub(crate) fn set_host(&self, host: Arc<dyn Host>) {
        *self.host.lock().expect("host") = Some(host);
    }

    /// The backend of a resolved name, with an entry `content`, version `v1` if there is none yet.
    pub(crate) fn backend(&self, name: &str) -> Arc<ScriptedBackend> {
        let mut backends = self.backends.lock().expect("backends");
        if let Some(backend) = backends.get(name) {
            return backend.clone();
        }
        self.set(name, "content", "v1");
        let backend = Arc::new(ScriptedBackend::new());
        backends.insert(name.to_owned(), backend.clone());
        backend
    }

    /// Makes or replaces the entry of `name`; what was built from the former one stays.
    pub(crate) fn set(&self, name: &str, content: &str, version: &str) {
        let entry = Entry::Backend {
            content: content.as_bytes().to_vec(),
            version: version.to_owned(),
        };
        self.put(name, entry);
    }

    pub(crate) fn alias(&self, name: &str, target: &str) {
        self.put(name, Entry::Alias(target.to_owned()));
    }

    pub(crate) fn unreadable(&self, name: &str) {
        self.put(name, Entry::Unreadable);
    }

    pub(crate) fn remove(&self, name: &str) {
        self.entries.lock().expect("entries").remove(name);
    }

    fn put(&self, name: &str, entry: Entry) {
        let mut entries = self.entries.lock().expect("entries");
        entries.insert(name.to_owned(), entry);
    }
}

impl std::fmt::Debug for ScriptedSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ScriptedSource")
    }
}

impl DistributorSource for ScriptedSource {
    fn snapshot(&self, name: &str) -> Result<Arc<ConfigSnapshot>> {
        let entry = self.entries.lock().expect("entries").get(name).cloned();
        match entry {
            Some(Entry::Backend { content, version }) => Ok(Arc::new(ConfigSnapshot {
                name: name.to_owned(),
                version,
                config_type: "test.Config".to_owned(),
                content,
                dm_host: Self::DM_HOST.to_owned(),
            })),
            Some(Entry::Alias(target)) => self.snapshot(&target),
            Some(Entry::Unreadable) => {
                let message = format!("configuration `{name}` cannot be read now");
                Err(Error::new(ErrorKind::Unavailable, message).transient())
            }
            None => {
                let message = format!("unknown distributor configuration `{name}`");
                Err(Error::new(ErrorKind::NotFound, message))
            }
        }
    }

    fn distributor(&self, snapshot: &Arc<ConfigSnapshot>) -> Result<Arc<dyn Distributor>> {
        let backends = self.backends.lock().expect("backends");
        let backend = backends.get(&snapshot.name).ok_or_else(|| {
            let message = format!("no backend `{}`", snapshot.name);
            Error::new(ErrorKind::Config, message)
        })?;
        Ok(Arc::new(Instance {
            config: snapshot.clone(),
            backend: backend.clone(),
            clock: self.clock.clone(),
            host: self.host.lock().expect("host").clone().expect("a host"),
        }))
    }
}
