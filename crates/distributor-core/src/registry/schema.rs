//! The schema of `distributors.cfg`, assembled at start from the linked backends (architecture, A6).
//!
//! The envelope `distributor.Distributor` gets one field per kind. All map fields become what
//! they are on the wire, repeated messages: the text-format parser loses one of two entries with
//! equal keys, and hash maps encode in random order. It refuses to let a proto file of one crate
//! hide another crate's file of the same name, which the descriptor pool would do silently.

use std::collections::{BTreeMap, BTreeSet};

use prost::Message;
use prost_reflect::{DescriptorPool, MessageDescriptor};
use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{DescriptorProto, FieldDescriptorProto, FileDescriptorProto, FileDescriptorSet};

use super::error::{Origin, RegistryError};
use crate::generated::DESCRIPTOR_SET;
use crate::register::BackendDescriptor;

const ENVELOPE_FILE: &str = "distributor/config.proto";
const ENVELOPE: &str = "Distributor";

/// The messages that a configuration file is made of.
#[derive(Debug, Clone)]
pub(crate) struct Schema {
    /// One entry of the map: a key and a `Distributor`.
    pub(crate) entry: MessageDescriptor,
    /// Full names of the messages that were map entries before.
    pub(crate) map_entries: BTreeSet<String>,
}

struct Contribution {
    file: FileDescriptorProto,
    origin: Origin,
}

impl Schema {
    pub(super) fn assemble(descriptors: &[BackendDescriptor]) -> Result<Self, RegistryError> {
        let core = core_origin();
        let mut files = BTreeMap::new();
        contribute(&mut files, decode(DESCRIPTOR_SET, &core)?, &core)?;

        let mut imports = Vec::new();
        for descriptor in descriptors {
            let origin = Origin::of(descriptor);
            let set = decode(descriptor.descriptor_set, &origin)?;
            let Some(file) = file_of(&set, descriptor.config_type) else {
                return Err(RegistryError::MissingConfigType {
                    config_type: descriptor.config_type,
                    origin,
                });
            };
            imports.push(file.to_owned());
            contribute(&mut files, set, &origin)?;
        }
        if let Some(envelope) = files.get_mut(ENVELOPE_FILE) {
            extend_envelope(&mut envelope.file, descriptors, imports);
        }

        let mut map_entries = BTreeSet::new();
        for contribution in files.values_mut() {
            let file = &mut contribution.file;
            let scope = file.package().to_owned();
            for message in &mut file.message_type {
                open_maps(message, &scope, &mut map_entries);
            }
        }

        let pool = link(files)?;
        let entry = pool
            .get_message_by_name("distributor.Config")
            .and_then(|config| config.get_field_by_name(super::CONFIG_FIELD))
            .and_then(|field| field.kind().as_message().cloned())
            .ok_or(RegistryError::MissingConfigType {
                config_type: "distributor.Config",
                origin: core,
            })?;
        Ok(Schema { entry, map_entries })
    }

    /// True if `message` is an entry of a map field.
    pub(crate) fn is_map_entry(&self, message: &MessageDescriptor) -> bool {
        self.map_entries.contains(message.full_name())
    }
}

fn core_origin() -> Origin {
    Origin {
        crate_name: env!("CARGO_PKG_NAME"),
        location: ENVELOPE_FILE,
    }
}

fn decode(bytes: &[u8], origin: &Origin) -> Result<FileDescriptorSet, RegistryError> {
    FileDescriptorSet::decode(bytes).map_err(|error| RegistryError::DamagedDescriptorSet {
        origin: origin.clone(),
        reason: error.to_string(),
    })
}

fn contribute(
    files: &mut BTreeMap<String, Contribution>,
    set: FileDescriptorSet,
    origin: &Origin,
) -> Result<(), RegistryError> {
    for mut file in set.file {
        // Comments may differ between two compilations of one file.
        file.source_code_info = None;
        let name = file.name().to_owned();
        match files.get(&name) {
            // Each compiler brings its own copy of these, with other options but equal messages.
            Some(_) if name.starts_with("google/protobuf/") => {}
            Some(present) if present.file == file => {}
            Some(present) => {
                return Err(RegistryError::FileConflict {
                    file: name,
                    first: present.origin.clone(),
                    second: origin.clone(),
                });
            }
            None => {
                let origin = origin.clone();
                files.insert(name, Contribution { file, origin });
            }
        }
    }
    Ok(())
}

/// The name of the file in `set` that defines the message.
fn file_of<'s>(set: &'s FileDescriptorSet, full_name: &str) -> Option<&'s str> {
    fn holds(messages: &[DescriptorProto], rest: &str) -> bool {
        messages.iter().any(|message| {
            rest.strip_prefix(message.name()).is_some_and(|rest| {
                rest.is_empty()
                    || rest
                        .strip_prefix('.')
                        .is_some_and(|rest| holds(&message.nested_type, rest))
            })
        })
    }
    let file = set.file.iter().find(|file| {
        let local = match file.package() {
            "" => Some(full_name),
            package => full_name
                .strip_prefix(package)
                .and_then(|rest| rest.strip_prefix('.')),
        };
        local.is_some_and(|local| holds(&file.message_type, local))
    })?;
    Some(file.name())
}

fn extend_envelope(
    file: &mut FileDescriptorProto,
    descriptors: &[BackendDescriptor],
    imports: Vec<String>,
) {
    for import in imports {
        if !file.dependency.contains(&import) {
            file.dependency.push(import);
        }
    }
    let envelope = file
        .message_type
        .iter_mut()
        .find(|message| message.name() == ENVELOPE);
    let Some(envelope) = envelope else { return };
    for descriptor in descriptors {
        envelope.field.push(FieldDescriptorProto {
            name: Some(descriptor.kind.to_owned()),
            number: i32::try_from(descriptor.number).ok(),
            label: Some(Label::Optional.into()),
            r#type: Some(Type::Message.into()),
            type_name: Some(format!(".{}", descriptor.config_type)),
            oneof_index: Some(0),
            ..Default::default()
        });
    }
}

fn open_maps(message: &mut DescriptorProto, scope: &str, map_entries: &mut BTreeSet<String>) {
    let full_name = match scope {
        "" => message.name().to_owned(),
        scope => format!("{scope}.{}", message.name()),
    };
    for nested in &mut message.nested_type {
        open_maps(nested, &full_name, map_entries);
    }
    let options = message.options.as_mut();
    if options.and_then(|options| options.map_entry.take()) == Some(true) {
        map_entries.insert(full_name);
    }
}

/// Adds each file after what it imports.
fn link(mut files: BTreeMap<String, Contribution>) -> Result<DescriptorPool, RegistryError> {
    let mut pool = DescriptorPool::new();
    while !files.is_empty() {
        let ready = files.iter().find(|(_, contribution)| {
            let mut imports = contribution.file.dependency.iter();
            imports.all(|import| pool.get_file_by_name(import).is_some())
        });
        let Some(name) = ready.map(|(name, _)| name.clone()) else {
            return Err(missing_import(&files, &pool));
        };
        let Some(Contribution { file, origin }) = files.remove(&name) else {
            continue;
        };
        pool.add_file_descriptor_proto(file)
            .map_err(|error| RegistryError::Unfit {
                file: name,
                origin,
                reason: error.to_string(),
            })?;
    }
    Ok(pool)
}

fn missing_import(files: &BTreeMap<String, Contribution>, pool: &DescriptorPool) -> RegistryError {
    // Prefer an import that nobody has: the others only wait for its importer.
    let edges = || {
        files.values().flat_map(|contribution| {
            let imports = contribution.file.dependency.iter();
            imports
                .filter(|import| pool.get_file_by_name(import).is_none())
                .map(move |import| (contribution, import))
        })
    };
    let edge = edges()
        .find(|(_, import)| !files.contains_key(*import))
        .or_else(|| edges().find(|(contribution, _)| contribution.file.name() != ENVELOPE_FILE));
    match edge {
        Some((contribution, import)) => RegistryError::MissingImport {
            file: contribution.file.name().to_owned(),
            import: import.clone(),
            origin: contribution.origin.clone(),
        },
        None => RegistryError::Unfit {
            file: ENVELOPE_FILE.to_owned(),
            origin: core_origin(),
            reason: "it imports itself".to_owned(),
        },
    }
}
