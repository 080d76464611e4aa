//! The backend kinds of this build: which there are, and how one is made from a snapshot.
//!
//! [`Registry::with`] is the one constructor, and all checks are in it: whatever could make a
//! backend vanish silently later is a startup error here. It refuses to read files (see
//! [`crate::config_file`]) and to keep instances (see [`crate::source::LiveRegistry`]).

mod error;
mod known;
mod schema;

use std::sync::Arc;

use crate::backend::Distributor;
use crate::config::{Config, ConfigSnapshot};
use crate::error::{Error, ErrorKind, Result};
use crate::host::Host;
use crate::register::BackendDescriptor;

pub use error::{Origin, RegistryError};
pub(crate) use known::{CONFIG_FIELD, WELL_KNOWN};
pub use known::{cargo_feature, config_name};
pub(crate) use schema::Schema;

/// The backend kinds that are compiled in, sorted by kind.
#[derive(Debug, Clone)]
pub struct Registry {
    descriptors: Vec<BackendDescriptor>,
    schema: Schema,
}

impl Registry {
    /// All kinds that are linked into this binary (architecture, A7).
    ///
    /// # Errors
    /// See [`RegistryError`]; each is a mistake in a backend crate.
    pub fn linked() -> Result<Self, RegistryError> {
        Registry::with(inventory::iter::<BackendDescriptor>().copied())
    }

    /// Exactly these kinds, in whatever order.
    ///
    /// # Errors
    /// See [`RegistryError`]; each is a mistake in a backend crate.
    pub fn with(
        descriptors: impl IntoIterator<Item = BackendDescriptor>,
    ) -> Result<Self, RegistryError> {
        let mut descriptors: Vec<_> = descriptors.into_iter().collect();
        // Link order means nothing, and messages must not depend on it either.
        descriptors.sort_by_key(|descriptor| {
            (
                descriptor.kind,
                descriptor.crate_name,
                descriptor.location,
                descriptor.number,
            )
        });
        for descriptor in &descriptors {
            check_kind(descriptor)?;
            check_number(descriptor)?;
        }
        check_unique(&descriptors)?;
        let schema = Schema::assemble(&descriptors)?;
        Ok(Registry {
            descriptors,
            schema,
        })
    }

    /// The names of the kinds, sorted.
    pub fn kinds(&self) -> impl ExactSizeIterator<Item = &'static str> + '_ {
        self.descriptors.iter().map(|descriptor| descriptor.kind)
    }

    /// What is known of one kind.
    pub fn get(&self, kind: &str) -> Option<&BackendDescriptor> {
        let index = self
            .descriptors
            .binary_search_by_key(&kind, |descriptor| descriptor.kind)
            .ok()?;
        self.descriptors.get(index)
    }

    /// What is known of all kinds, sorted by kind.
    pub fn descriptors(&self) -> &[BackendDescriptor] {
        &self.descriptors
    }

    /// Makes the backend that `snapshot` describes, with the factory of its message type (DC-58).
    ///
    /// # Errors
    /// `Config` if no compiled-in kind has the message type; else whatever the factory says
    /// (L07).
    pub fn build(
        &self,
        snapshot: Arc<ConfigSnapshot>,
        host: Arc<dyn Host>,
    ) -> Result<Arc<dyn Distributor>> {
        let descriptor = self
            .descriptors
            .iter()
            .find(|descriptor| descriptor.config_type == snapshot.config_type)
            .ok_or_else(|| self.unknown_type(&snapshot))?;
        (descriptor.factory)(Config::new(snapshot, host))
    }

    pub(crate) fn schema(&self) -> &Schema {
        &self.schema
    }

    /// "a, b, c", for messages.
    pub(crate) fn kind_list(&self) -> String {
        if self.descriptors.is_empty() {
            return "none".to_owned();
        }
        self.kinds().collect::<Vec<_>>().join(", ")
    }

    fn unknown_type(&self, snapshot: &ConfigSnapshot) -> Error {
        let known = WELL_KNOWN
            .iter()
            .find(|(_, config_type)| *config_type == snapshot.config_type);
        let advice = match known {
            Some((kind, _)) => format!("; turn on cargo feature `{}`", cargo_feature(kind)),
            None => String::new(),
        };
        Error::new(
            ErrorKind::Config,
            format!(
                "unknown distributor type `{}` in configuration `{}`; compiled in: {}{advice}",
                snapshot.config_type,
                snapshot.name,
                self.kind_list(),
            ),
        )
    }
}

/// A kind is a field name, and its configuration name (`_` becomes `-`) must be unique too.
fn check_kind(descriptor: &BackendDescriptor) -> Result<(), RegistryError> {
    let kind = descriptor.kind;
    let well_formed = kind.starts_with(|c: char| c.is_ascii_lowercase())
        && !kind.ends_with('_')
        && !kind.contains("__")
        && kind
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    if well_formed && kind != "alias" {
        return Ok(());
    }
    Err(RegistryError::InvalidKind {
        kind,
        origin: Origin::of(descriptor),
    })
}

fn check_number(descriptor: &BackendDescriptor) -> Result<(), RegistryError> {
    // 1 is `alias`, 2 and 3 were reserved by the original; the rest is protobuf's own rule.
    match descriptor.number {
        4..19_000 | 20_000..=536_870_911 => Ok(()),
        number => Err(RegistryError::ReservedNumber {
            kind: descriptor.kind,
            number,
            origin: Origin::of(descriptor),
        }),
    }
}

fn check_unique(descriptors: &[BackendDescriptor]) -> Result<(), RegistryError> {
    for (index, descriptor) in descriptors.iter().enumerate() {
        for earlier in &descriptors[..index] {
            let (first, second) = (Origin::of(earlier), Origin::of(descriptor));
            if earlier.kind == descriptor.kind {
                let kind = descriptor.kind;
                return Err(RegistryError::DuplicateKind {
                    kind,
                    first,
                    second,
                });
            }
            if earlier.number == descriptor.number {
                let number = descriptor.number;
                return Err(RegistryError::DuplicateNumber {
                    number,
                    first,
                    second,
                });
            }
            if earlier.config_type == descriptor.config_type {
                let config_type = descriptor.config_type;
                return Err(RegistryError::DuplicateConfigType {
                    config_type,
                    first,
                    second,
                });
            }
        }
    }
    Ok(())
}
