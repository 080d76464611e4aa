//! Where a service's configuration comes from: a folder, one file, or nothing at all.
//!
//! ```text
//! DIR/distributors.cfg                           the distributor configurations
//! DIR/acls.cfg                                   who may do what
//! DIR/projects/<project>/dm/quest_templates.cfg  quest templates
//! DIR/revision                                   optional: the name of this revision
//! ```
//!
//! A folder is one thing: it is read as a whole, and a version of it with any problem is refused as a
//! whole. Without a `revision` file the digest of all content is the revision (DC-14).
//!
//! * [`files`]: what lies there.
//! * [`load`]: what it means, or all problems of it.
//! * [`watch`]: takes new versions in while the service runs.
//!
//! It refuses to decide what is done with a configuration.

mod files;
mod load;
mod watch;

#[cfg(test)]
mod tests;

use std::path::PathBuf;

pub(crate) use files::Files;
pub(crate) use load::{Loaded, Loader};
pub(crate) use watch::{Targets, Watch};

/// Where the configuration lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Location {
    /// A folder as above.
    Directory(PathBuf),
    /// The distributor configurations alone.
    File(PathBuf),
    /// The backends that need none.
    BuiltIn,
}
