//! How a backend crate announces itself: a const description, collected at link time.
//!
//! `inventory` only collects (architecture, A7). Checks and lookups are in [`crate::registry`].

use std::fmt;
use std::sync::Arc;

use crate::backend::{Capabilities, Distributor};
use crate::config::Config;
use crate::error::Result;

/// Makes a configured backend (DC-56). Cheap and without side effects: a configuration check
/// calls it too. Never inside a transaction (DC-57).
pub type Factory = fn(Config) -> Result<Arc<dyn Distributor>>;

/// All that is known of a backend kind without configuring it.
#[derive(Clone, Copy)]
pub struct BackendDescriptor {
    /// The kind: field name in `distributors.cfg`, e.g. `local_process`.
    pub kind: &'static str,
    /// The kind's field number in the envelope; unique, not 1 to 3.
    pub number: u32,
    /// Full name of its configuration message (DC-08).
    pub config_type: &'static str,
    /// Encoded `FileDescriptorSet` that holds `config_type` and all it imports.
    pub descriptor_set: &'static [u8],
    /// One line for people.
    pub summary: &'static str,
    /// A configuration in text format, as it stands between the braces of the kind's field.
    pub example: &'static str,
    /// True if an empty configuration is useful, so that no file is needed.
    pub works_unconfigured: bool,
    /// What it can do.
    pub capabilities: Capabilities,
    /// Makes one.
    pub factory: Factory,
    /// The crate that registered it.
    pub crate_name: &'static str,
    /// Where in that crate.
    pub location: &'static str,
}

impl fmt::Debug for BackendDescriptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BackendDescriptor")
            .field("kind", &self.kind)
            .field("number", &self.number)
            .field("config_type", &self.config_type)
            .field("crate_name", &self.crate_name)
            .finish_non_exhaustive()
    }
}

inventory::collect!(BackendDescriptor);

/// Registers a backend kind; write it once, in the backend crate's `lib.rs` (DC-10).
///
/// The final binary must name the crate (`use my_backend as _;`), or the linker drops it.
#[macro_export]
macro_rules! register {
    (
        kind: $kind:expr,
        number: $number:expr,
        config_type: $config_type:expr,
        descriptor_set: $descriptor_set:expr,
        summary: $summary:expr,
        example: $example:expr,
        works_unconfigured: $works_unconfigured:expr,
        capabilities: $capabilities:expr,
        factory: $factory:expr $(,)?
    ) => {
        $crate::__private::inventory::submit! {
            $crate::BackendDescriptor {
                kind: $kind,
                number: $number,
                config_type: $config_type,
                descriptor_set: $descriptor_set,
                summary: $summary,
                example: $example,
                works_unconfigured: $works_unconfigured,
                capabilities: $capabilities,
                factory: $factory,
                crate_name: env!("CARGO_PKG_NAME"),
                location: concat!(file!(), ":", line!()),
            }
        }
    };
}

/// Registers a helper program (see [`crate::helper`]).
#[macro_export]
macro_rules! register_helper {
    (name: $name:expr, main: $main:expr $(,)?) => {
        $crate::__private::inventory::submit! {
            $crate::HelperProgram { name: $name, main: $main }
        }
    };
}
