//! What can be wrong with the set of backends: mistakes of backend crates, found at start.

use std::fmt;

use thiserror::Error;

use crate::register::BackendDescriptor;

/// Where a kind was registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The crate.
    pub crate_name: &'static str,
    /// File and line in it.
    pub location: &'static str,
}

impl Origin {
    pub(crate) fn of(descriptor: &BackendDescriptor) -> Self {
        Origin {
            crate_name: descriptor.crate_name,
            location: descriptor.location,
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.crate_name, self.location)
    }
}

/// Why a set of backends cannot work together (DC-08, DC-58). Each names who must change what.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum RegistryError {
    /// Two backends have one name.
    #[error("distributor kind `{kind}` is registered twice: by {first} and by {second}")]
    DuplicateKind {
        /// The name.
        kind: &'static str,
        /// One of them.
        first: Origin,
        /// The other.
        second: Origin,
    },
    /// Two backends have one field number.
    #[error(
        "distributor number {number} is registered twice: by {first} and by {second}; \
         one of them must take another"
    )]
    DuplicateNumber {
        /// The number.
        number: u32,
        /// One of them.
        first: Origin,
        /// The other.
        second: Origin,
    },
    /// Two backends have one configuration message.
    #[error(
        "config type `{config_type}` is registered twice: by {first} and by {second}; \
         each backend needs a message of its own"
    )]
    DuplicateConfigType {
        /// Full name of the message.
        config_type: &'static str,
        /// One of them.
        first: Origin,
        /// The other.
        second: Origin,
    },
    /// Two crates bring different proto files of one name.
    #[error(
        "proto file `{file}` differs between {first} and {second}; \
         rename one of the files, its path must be unique"
    )]
    FileConflict {
        /// Name of the proto file.
        file: String,
        /// One of them.
        first: Origin,
        /// The other.
        second: Origin,
    },
    /// A backend's descriptor set lacks its own configuration message.
    #[error("config type `{config_type}` of {origin} is not a message of its own descriptor set")]
    MissingConfigType {
        /// Full name of the message.
        config_type: &'static str,
        /// Who.
        origin: Origin,
    },
    /// The field number is taken or not legal.
    #[error(
        "distributor kind `{kind}` of {origin} has number {number}; \
         use one from 4 on that is legal in protobuf"
    )]
    ReservedNumber {
        /// The kind.
        kind: &'static str,
        /// Its number.
        number: u32,
        /// Who.
        origin: Origin,
    },
    /// The kind cannot be a field name.
    #[error(
        "distributor kind `{kind}` of {origin} is not a legal name; \
         use lower case letters, digits and single `_`, and not `alias`"
    )]
    InvalidKind {
        /// The kind.
        kind: &'static str,
        /// Who.
        origin: Origin,
    },
    /// A descriptor set does not decode.
    #[error("descriptor set of {origin} is damaged: {reason}")]
    DamagedDescriptorSet {
        /// Who.
        origin: Origin,
        /// What the decoder says.
        reason: String,
    },
    /// A descriptor set lacks a file that one of its files imports.
    #[error(
        "proto file `{file}` of {origin} imports `{import}`, which no descriptor set brings \
         or which imports it back"
    )]
    MissingImport {
        /// Name of the importing proto file.
        file: String,
        /// Name of the imported one.
        import: String,
        /// Who brings the importing file.
        origin: Origin,
    },
    /// A file does not fit with the others, e.g. because both define one message.
    #[error("proto file `{file}` of {origin} does not fit with the others: {reason}")]
    Unfit {
        /// Name of the proto file.
        file: String,
        /// Who brings it.
        origin: Origin,
        /// What the linker of descriptors says.
        reason: String,
    },
}
