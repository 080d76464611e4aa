//! What the task of a quest that is not simple gets besides: all that its job needs to call the API.
//!
//! A folder of its own with three files, variables that name them, and substitutions in its command.
//! It refuses to put the activation token anywhere but into one of these files.
//!
//! The files keep other users out, and no more: all tasks are processes of the service's own user, so a
//! task that means harm can read what other tasks, and the service, may read. Jobs that must not trust
//! each other need services, and users, of their own.

use std::borrow::Cow;
use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use distributor_core::{
    Error, ErrorKind, Result, RunRequest, Secret, dm, to_json_with_proto_names,
};

use crate::layout::{self, Layout};
use crate::parameters::Parameters;
use crate::prepare::write_file;
use crate::supervisor::protocol::Start;
use crate::work;

/// Tells tools where the API is.
pub(crate) const SERVER_VARIABLE: &str = "DISTRIBUTOR_SERVER";
/// Names the file with the authorization; the name and the form are those of LUCI.
pub(crate) const CONTEXT_VARIABLE: &str = "LUCI_CONTEXT";
/// Names the file with the data of the previous execution.
const PREVIOUS_VARIABLE: &str = "DISTRIBUTOR_PREVIOUS";

const CONTEXT_FILE: &str = "luci_context.json";
const DESCRIPTION_FILE: &str = "quest_description.json";
const PREVIOUS_FILE: &str = "previous_execution.json";

/// What the previous execution left, if there was none.
const NO_DATA: &str = "{}";

/// The part of a job that is only there if it calls the API. Not `Debug`: it has the token.
pub(crate) struct Job {
    folder: PathBuf,
    dm_host: String,
    context: Secret,
    description: String,
    previous: String,
}

impl Job {
    /// Puts it together, without touching a file.
    ///
    /// # Errors
    /// Permanent, if the description has no JSON form.
    pub(crate) fn new(layout: &Layout, dm_host: &str, request: &RunRequest) -> Result<Self> {
        let auth = dm::execution::Auth {
            id: Some(request.execution.into()),
            token: request.activation_token.expose().to_vec(),
        };
        let malformed = |what: &str| {
            Error::new(
                ErrorKind::InvalidArgument,
                format!("{what} cannot be written as JSON"),
            )
        };
        // The reason could quote the token.
        let auth = to_json_with_proto_names(&auth).map_err(|_| malformed("the authorization"))?;
        let description = to_json_with_proto_names(&*request.quest)
            .map_err(|error| malformed("the quest's description").because(error))?;
        let previous = request.previous_result.as_ref();
        let previous = previous.map_or("", |data| data.object.as_str());
        Ok(Job {
            folder: layout.work_file(&request.execution.to_string(), layout::JOB),
            dm_host: dm_host.to_owned(),
            context: Secret::new(format!(
                r#"{{"swarming":{{"secret_bytes":"{}"}}}}"#,
                STANDARD.encode(auth)
            )),
            description,
            previous: match previous {
                "" => NO_DATA.to_owned(),
                object => object.to_owned(),
            },
        })
    }

    /// Replaces the variables of the API in the arguments and in the values of the environment.
    pub(crate) fn fill_in(&self, parameters: &mut Parameters) {
        let (description, previous) = (self.file(DESCRIPTION_FILE), self.file(PREVIOUS_FILE));
        let values = [
            ("${DM.HOST}", self.dm_host.as_str()),
            ("${DM.QUEST.DATA.DESC:PATH}", description.as_str()),
            ("${DM.PREVIOUS.EXECUTION.STATE:PATH}", previous.as_str()),
        ];
        let texts = parameters.argv.iter_mut();
        for text in texts.chain(parameters.env.values_mut()) {
            if let Cow::Owned(filled) = substitute(text, &values) {
                *text = filled;
            }
        }
    }

    /// Adds variables to those that the job has set itself, and the folder to what is removed in
    /// the end.
    pub(crate) fn equip(&self, start: &mut Start) {
        let sets_server = start
            .environment
            .iter()
            .any(|(name, _)| name == SERVER_VARIABLE);
        if !sets_server && !self.dm_host.is_empty() {
            let server = (SERVER_VARIABLE.to_owned(), self.dm_host.clone());
            start.environment.push(server);
        }
        start.environment.extend([
            (CONTEXT_VARIABLE.to_owned(), self.file(CONTEXT_FILE)),
            (PREVIOUS_VARIABLE.to_owned(), self.file(PREVIOUS_FILE)),
        ]);
        start.work_files.push(self.folder.clone());
    }

    /// Makes the folder and its files, for their owner alone.
    pub(crate) fn write(&self) -> io::Result<()> {
        let make = || fs::DirBuilder::new().mode(0o700).create(&self.folder);
        match make() {
            // Left by a start that failed, by somebody who could not remove it either.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                work::remove(&self.folder)?;
                make()?;
            }
            made => made?,
        }
        let write = |name, text: &[u8]| write_file(&self.folder.join(name), text);
        write(CONTEXT_FILE, self.context.expose())?;
        write(DESCRIPTION_FILE, self.description.as_bytes())?;
        write(PREVIOUS_FILE, self.previous.as_bytes())
    }

    fn file(&self, name: &str) -> String {
        // The state directory was checked to be UTF-8 when the backend was made.
        self.folder.join(name).display().to_string()
    }
}

/// Replaces every occurrence of every variable, in one pass: what was put in is not looked at again.
/// Anything else that looks like a variable belongs to somebody else, and stays.
fn substitute<'t>(text: &'t str, values: &[(&str, &str)]) -> Cow<'t, str> {
    let mut filled = String::new();
    let mut rest = text;
    let mut replaced = false;
    while let Some(start) = rest.find("${") {
        let (before, variable) = rest.split_at(start);
        filled.push_str(before);
        let found = values
            .iter()
            .find_map(|(name, value)| Some((value, variable.strip_prefix(name)?)));
        match found {
            Some((value, after)) => {
                filled.push_str(value);
                rest = after;
                replaced = true;
            }
            None => {
                let (dollar, after) = variable.split_at(1);
                filled.push_str(dollar);
                rest = after;
            }
        }
    }
    if !replaced {
        return Cow::Borrowed(text);
    }
    filled.push_str(rest);
    Cow::Owned(filled)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_variable_is_replaced_wherever_it_stands_and_nothing_else_is() {
        let values = [("${A}", "1"), ("${A:B}", "${A}"), ("${ü}", "é")];
        let table = [
            ("", ""),
            ("plain", "plain"),
            ("${A}", "1"),
            ("x${A}${A}y${A:B}", "x11y${A}"),
            ("$${A}$", "$1$"),
            ("${${A}}", "${1}"),
            ("${C} ${a} $A {A} ${", "${C} ${a} $A {A} ${"),
            ("ß${ü}ß", "ßéß"),
            ("${A", "${A"),
        ];
        for (text, expected) in table {
            assert_eq!(substitute(text, &values), expected, "{text}");
        }
        assert!(matches!(substitute("${C}", &values), Cow::Borrowed(_)));
    }
}
