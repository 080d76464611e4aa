//! Helper programs: parts of the one binary that run as processes of their own.
//!
//! A backend that needs a process which outlives the service (a supervisor, say) registers it
//! with [`register_helper!`](crate::register_helper) and starts it through
//! [`Host::helper`](crate::Host::helper). The binary calls [`dispatch`] before anything else.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

/// The first argument that turns the binary into a helper.
pub const HELPER_ARGUMENT: &str = "__helper";

/// A helper program that is linked into this binary.
#[derive(Debug, Clone, Copy)]
pub struct HelperProgram {
    /// Its name, unique in the binary.
    pub name: &'static str,
    /// Its main function; gets the arguments after the name.
    pub main: fn(Vec<OsString>) -> ExitCode,
}

inventory::collect!(HelperProgram);

/// How to start a helper: a program and the arguments that go before the helper's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HelperCommand {
    /// The program file.
    pub program: PathBuf,
    /// Arguments that select the helper.
    pub arguments: Vec<OsString>,
}

/// Runs the helper that the process arguments ask for, if they do.
///
/// `None` means that this process is not a helper. An unknown helper name is exit code 2.
pub fn dispatch(arguments: impl IntoIterator<Item = OsString>) -> Option<ExitCode> {
    let mut arguments = arguments.into_iter().skip(1);
    if arguments.next()? != HELPER_ARGUMENT {
        return None;
    }
    let name = arguments.next()?;
    let helper = inventory::iter::<HelperProgram>().find(|helper| name == helper.name);
    Some(match helper {
        Some(helper) => (helper.main)(arguments.collect()),
        None => ExitCode::from(2),
    })
}
