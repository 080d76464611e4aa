//! Where a host gets its distributors from: [`LiveRegistry`] for real, [`TestingRegistry`] for
//! tests.
//!
//! Neither reads files: whoever watches the configuration calls [`LiveRegistry::replace`].

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use crate::backend::Distributor;
use crate::config::{Config, ConfigSnapshot};
use crate::config_file::ConfigFile;
use crate::error::{Error, ErrorKind, Result};
use crate::host::Host;
use crate::registry::Registry;

/// Makes distributors for a host (DC-64).
pub trait DistributorSource: Send + Sync + fmt::Debug {
    /// What `name` stands for now, to be stored with an execution (DC-02, DC-03).
    ///
    /// # Errors
    /// `NotFound` or `Config`, permanent (L02 to L06); transient only if the configuration cannot
    /// be read for the moment (L01).
    fn snapshot(&self, name: &str) -> Result<Arc<ConfigSnapshot>>;

    /// The backend that a stored snapshot describes, whatever the configuration says by now.
    ///
    /// # Errors
    /// `Config` for a kind that is not compiled in, else the factory's error (L07).
    fn distributor(&self, snapshot: &Arc<ConfigSnapshot>) -> Result<Arc<dyn Distributor>>;
}

/// The kinds of this build with the current configuration file.
///
/// One instance of a backend serves all snapshots that differ in nothing but the version, so that
/// limits such as slots hold over a reload. Instances stay for the life of the process: one for
/// each different configuration that it has met.
pub struct LiveRegistry {
    registry: Arc<Registry>,
    host: Arc<dyn Host>,
    dm_host: String,
    file: RwLock<Arc<ConfigFile>>,
    instances: Mutex<HashMap<Identity, Arc<dyn Distributor>>>,
}

/// A snapshot without its version.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Identity {
    name: String,
    config_type: String,
    content: Vec<u8>,
    dm_host: String,
}

impl Identity {
    fn of(snapshot: &ConfigSnapshot) -> Self {
        Identity {
            name: snapshot.name.clone(),
            config_type: snapshot.config_type.clone(),
            content: snapshot.content.clone(),
            dm_host: snapshot.dm_host.clone(),
        }
    }
}

impl LiveRegistry {
    /// Joins the kinds with a configuration; `dm_host` is the public host name of the API (DC-12).
    pub fn new(
        registry: Arc<Registry>,
        file: ConfigFile,
        host: Arc<dyn Host>,
        dm_host: impl Into<String>,
    ) -> Self {
        LiveRegistry {
            registry,
            host,
            dm_host: dm_host.into(),
            file: RwLock::new(Arc::new(file)),
            instances: Mutex::default(),
        }
    }

    /// The kinds.
    pub fn registry(&self) -> &Arc<Registry> {
        &self.registry
    }

    /// The configuration now.
    pub fn file(&self) -> Arc<ConfigFile> {
        Arc::clone(&self.file.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes a new revision of the configuration: its entries replace all old ones. What runs
    /// keeps its snapshot (DC-03).
    pub fn replace(&self, file: ConfigFile) {
        *self.file.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(file);
    }
}

impl fmt::Debug for LiveRegistry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LiveRegistry")
            .field("dm_host", &self.dm_host)
            .finish_non_exhaustive()
    }
}

impl DistributorSource for LiveRegistry {
    fn snapshot(&self, name: &str) -> Result<Arc<ConfigSnapshot>> {
        self.file().resolve(name, &self.dm_host)
    }

    fn distributor(&self, snapshot: &Arc<ConfigSnapshot>) -> Result<Arc<dyn Distributor>> {
        // Held while the factory works, so that there are never two of one identity.
        let mut instances = self
            .instances
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let identity = Identity::of(snapshot);
        if let Some(instance) = instances.get(&identity) {
            return Ok(Arc::clone(instance));
        }
        let built = self
            .registry
            .build(Arc::clone(snapshot), Arc::clone(&self.host))?;
        instances.insert(identity, Arc::clone(&built));
        Ok(built)
    }
}

/// Makes a backend for a test.
pub type MockFactory = Box<dyn Fn(Config) -> Arc<dyn Distributor> + Send + Sync>;

/// Backends by configuration name, without any configuration (DC-68).
pub struct TestingRegistry {
    host: Arc<dyn Host>,
    mocks: BTreeMap<String, MockFactory>,
}

impl TestingRegistry {
    /// The host name that the backends see.
    pub const DM_HOST: &str = "test-dm-host.example.com";
    /// The version that the backends see.
    pub const VERSION: &str = "test-version";

    /// Knows no name yet.
    pub fn new(host: Arc<dyn Host>) -> Self {
        TestingRegistry {
            host,
            mocks: BTreeMap::new(),
        }
    }

    /// Adds a backend. The function is called for each use of the name.
    #[must_use]
    pub fn with(
        mut self,
        name: impl Into<String>,
        make: impl Fn(Config) -> Arc<dyn Distributor> + Send + Sync + 'static,
    ) -> Self {
        self.mocks.insert(name.into(), Box::new(make));
        self
    }

    fn mock(&self, name: &str) -> Result<&MockFactory> {
        self.mocks.get(name).ok_or_else(|| {
            let message = format!("unknown distributor configuration `{name}`");
            Error::new(ErrorKind::NotFound, message)
        })
    }
}

impl fmt::Debug for TestingRegistry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestingRegistry")
            .field("names", &self.mocks.keys())
            .finish_non_exhaustive()
    }
}

impl DistributorSource for TestingRegistry {
    fn snapshot(&self, name: &str) -> Result<Arc<ConfigSnapshot>> {
        self.mock(name)?;
        Ok(Arc::new(ConfigSnapshot {
            name: name.to_owned(),
            version: Self::VERSION.to_owned(),
            config_type: String::new(),
            content: Vec::new(),
            dm_host: Self::DM_HOST.to_owned(),
        }))
    }

    fn distributor(&self, snapshot: &Arc<ConfigSnapshot>) -> Result<Arc<dyn Distributor>> {
        let make = self.mock(&snapshot.name)?;
        Ok(make(Config::new(
            Arc::clone(snapshot),
            Arc::clone(&self.host),
        )))
    }
}
