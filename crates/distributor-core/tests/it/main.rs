//! Tests of registry, configuration file and lookup, through the public interface only.

mod config_files;
mod hostile;
mod lookup;
mod registry;
mod source;
mod support;
