//! The configuration message, checked and with its defaults filled in.
//!
//! It refuses to look at the machine beyond the number of its CPUs.

use std::ffi::{OsStr, OsString};
use std::time::Duration;

use distributor_core::{Error, ErrorKind, Result};

use crate::generated::distributor::backend::local_process::Config as Message;
use crate::job::CONTEXT_VARIABLE;
use crate::process::EXECUTION_VARIABLE;

/// From TERM to KILL, unless configured.
const DEFAULT_GRACE: Duration = Duration::from_secs(10);
/// Bytes kept of the end of each output, unless configured.
const DEFAULT_TAIL_BYTES: u32 = 4096;
/// Most bytes kept: two tails, escaped as JSON, must fit into a result.
const MOST_TAIL_BYTES: u32 = 65536;
/// Most tasks at once.
const MOST_SLOTS: u32 = 65536;
/// Variables with this prefix are ours.
pub(crate) const OUR_PREFIX: &str = "DISTRIBUTOR_";

/// How tasks are run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Settings {
    /// Tasks at once, at least 1.
    pub(crate) slots: usize,
    /// From TERM to KILL.
    pub(crate) grace: Duration,
    /// Bytes kept of the end of each output.
    pub(crate) tail_bytes: usize,
    /// Names of variables handed on; empty means all but ours and LUCI_CONTEXT.
    pub(crate) pass_environment: Vec<String>,
}

impl Settings {
    /// Checks the message.
    ///
    /// # Errors
    /// `Config`, naming the field.
    pub(crate) fn new(message: Message) -> Result<Self> {
        let wrong = |text: String| Error::new(ErrorKind::Config, text);
        if message.slots > MOST_SLOTS {
            return Err(wrong(format!(
                "slots: {} is more than {MOST_SLOTS}",
                message.slots
            )));
        }
        let slots = match message.slots {
            0 => std::thread::available_parallelism().map_or(1, |count| count.get()),
            slots => slots as usize,
        };
        let grace = match message.grace {
            None => DEFAULT_GRACE,
            Some(grace) => {
                duration(grace).ok_or_else(|| wrong("grace: must not be negative".to_owned()))?
            }
        };
        if message.tail_bytes > MOST_TAIL_BYTES {
            return Err(wrong(format!(
                "tail_bytes: {} is more than {MOST_TAIL_BYTES}",
                message.tail_bytes
            )));
        }
        let tail_bytes = match message.tail_bytes {
            0 => DEFAULT_TAIL_BYTES,
            bytes => bytes,
        };
        for (index, name) in message.pass_environment.iter().enumerate() {
            if name.is_empty() || name.contains(['=', '\0']) {
                return Err(wrong(format!(
                    "pass_environment[{index}]: {name:?} cannot be the name of a variable"
                )));
            }
        }
        Ok(Settings {
            slots,
            grace,
            tail_bytes: tail_bytes as usize,
            pass_environment: message.pass_environment,
        })
    }

    /// True if tasks see the service's variable `name`.
    pub(crate) fn passes(&self, name: &OsStr) -> bool {
        if name == EXECUTION_VARIABLE {
            return false;
        }
        if self.pass_environment.is_empty() {
            // The service may be a job itself; what it may do as such is not for its tasks.
            return name != CONTEXT_VARIABLE
                && !name.as_encoded_bytes().starts_with(OUR_PREFIX.as_bytes());
        }
        self.pass_environment
            .iter()
            .any(|passed| name == passed.as_str())
    }

    /// The service's variables that tasks see.
    pub(crate) fn environment(&self) -> Vec<(OsString, OsString)> {
        std::env::vars_os()
            .filter(|(name, _)| self.passes(name))
            .collect()
    }
}

/// Not the conversion of `prost-types`, which overflows on the least numbers.
fn duration(duration: prost_types::Duration) -> Option<Duration> {
    let seconds = u64::try_from(duration.seconds).ok()?;
    let nanos = u32::try_from(duration.nanos).ok()?;
    (nanos < 1_000_000_000).then(|| Duration::new(seconds, nanos))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_configuration_is_useful() {
        let settings = Settings::new(Message::default()).unwrap();
        assert!(settings.slots >= 1);
        assert_eq!(settings.grace, Duration::from_secs(10));
        assert_eq!(settings.tail_bytes, 4096);
        assert!(settings.passes(OsStr::new("PATH")));
        assert!(!settings.passes(OsStr::new("DISTRIBUTOR_RESULTS")));
    }

    #[test]
    fn what_the_service_itself_may_do_is_not_for_its_tasks() {
        let settings = Settings::new(Message::default()).unwrap();
        assert!(!settings.passes(OsStr::new("DISTRIBUTOR_TOKEN")));
        assert!(!settings.passes(OsStr::new("LUCI_CONTEXT")));
    }

    #[test]
    fn a_list_of_variables_is_the_whole_list() {
        let settings = Settings::new(Message {
            pass_environment: vec!["HOME".to_owned(), "DISTRIBUTOR_EXECUTION".to_owned()],
            ..Message::default()
        })
        .unwrap();
        assert!(settings.passes(OsStr::new("HOME")));
        assert!(!settings.passes(OsStr::new("PATH")));
        assert!(!settings.passes(OsStr::new("DISTRIBUTOR_EXECUTION")));
    }

    #[test]
    fn each_wrong_field_is_named() {
        let negative = prost_types::Duration {
            seconds: -1,
            nanos: 0,
        };
        let table = [
            (
                Message {
                    slots: 65537,
                    ..Message::default()
                },
                "slots: 65537 is more than 65536",
            ),
            (
                Message {
                    grace: Some(negative),
                    ..Message::default()
                },
                "grace: must not be negative",
            ),
            (
                Message {
                    grace: Some(prost_types::Duration {
                        seconds: i64::MIN,
                        nanos: i32::MIN,
                    }),
                    ..Message::default()
                },
                "grace: must not be negative",
            ),
            (
                Message {
                    tail_bytes: 65537,
                    ..Message::default()
                },
                "tail_bytes: 65537 is more than 65536",
            ),
            (
                Message {
                    pass_environment: vec!["A".into(), "B=C".into()],
                    ..Message::default()
                },
                "pass_environment[1]: \"B=C\" cannot be the name of a variable",
            ),
        ];
        for (message, expected) in table {
            let error = Settings::new(message).unwrap_err();
            assert_eq!(error.to_string(), expected);
            assert_eq!(error.kind(), ErrorKind::Config);
        }
    }
}
