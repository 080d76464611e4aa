//! What people write: the configuration of the backend and the parameters of a quest.
//!
//! Both are checked here, once; the backend works with values that cannot be wrong any more.

use std::time::Duration;

use distributor_core::dm::abnormal_finish::Status;
use distributor_core::{Error, ErrorKind, Result, TaskResult};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::proto::Config;
use crate::proto::config::Failure;

/// A checked configuration.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Settings {
    /// How long an execution lasts.
    pub(crate) delay: Duration,
    /// How all executions end, if not normally.
    pub(crate) failure: Option<TaskResult>,
}

impl Settings {
    pub(crate) fn new(config: Config) -> Result<Self> {
        let delay = config.delay.map_or(Ok(Duration::ZERO), duration)?;
        let failure = config.failure.map(abnormal).transpose()?;
        Ok(Settings { delay, failure })
    }
}

/// Not the conversion of `prost-types`, which overflows on the least numbers.
fn duration(delay: prost_types::Duration) -> Result<Duration> {
    let parts = u64::try_from(delay.seconds)
        .ok()
        .zip(u32::try_from(delay.nanos).ok());
    match parts {
        Some((seconds, nanos @ 0..1_000_000_000)) => Ok(Duration::new(seconds, nanos)),
        _ => Err(Error::new(
            ErrorKind::Config,
            "delay: `seconds` must be from 0 on and `nanos` from 0 to 999999999",
        )),
    }
}

fn abnormal(failure: Failure) -> Result<TaskResult> {
    let status = match failure.status.as_str() {
        "" => Status::Failed,
        name => match Status::from_str_name(name) {
            Some(status) if status != Status::Invalid => status,
            _ => {
                let message = format!(
                    "failure.status: `{name}` is no status that an execution can end with; use \
                     FAILED, CRASHED, EXPIRED, TIMED_OUT, CANCELLED, REJECTED, MISSING or \
                     RESULT_MALFORMED"
                );
                return Err(Error::new(ErrorKind::Config, message));
            }
        },
    };
    Ok(TaskResult::abnormal(status, failure.reason))
}

/// The `distributor_parameters` of a quest.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Parameters {
    /// The data of a normal end: the text of a JSON object.
    #[serde(default, deserialize_with = "present")]
    result: Option<Box<RawValue>>,
}

impl Parameters {
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let parameters: Parameters = serde_json::from_str(text).map_err(|error| {
            Error::new(ErrorKind::InvalidArgument, "distributor_parameters").because(error)
        })?;
        match &parameters.result {
            Some(result) if !result.get().starts_with('{') => Err(Error::new(
                ErrorKind::InvalidArgument,
                "distributor_parameters: result: must be an object",
            )),
            _ => Ok(parameters),
        }
    }

    /// The data of a normal end.
    pub(crate) fn result(&self) -> &str {
        self.result.as_ref().map_or("{}", |result| result.get())
    }
}

/// `null` is a value here, and a wrong one, where serde would take it for an absent field.
fn present<'de, D: Deserializer<'de>>(value: D) -> Result<Option<Box<RawValue>>, D::Error> {
    Box::<RawValue>::deserialize(value).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_status(status: &str, expected: Option<Status>) {
        let failure = Some(Failure {
            status: status.to_owned(),
            reason: "why".to_owned(),
        });
        let delay = None;
        let failure = Settings::new(Config { delay, failure }).map(|settings| settings.failure);
        match expected {
            Some(expected) => {
                let expected = TaskResult::abnormal(expected, "why");
                assert_eq!(failure.expect("a legal status"), Some(expected));
            }
            None => {
                let error = failure.expect_err("no legal status");
                assert_eq!(error.kind(), ErrorKind::Config);
                assert!(error.message().starts_with("failure.status: "), "{error}");
            }
        }
    }

    #[test]
    fn a_status_is_a_name_that_an_execution_can_end_with() {
        check_status("", Some(Status::Failed));
        check_status("CRASHED", Some(Status::Crashed));
        check_status("RESULT_MALFORMED", Some(Status::ResultMalformed));
        check_status("INVALID", None);
        check_status("crashed", None);
        check_status("FINISHED", None);
    }

    #[track_caller]
    fn check_delay(seconds: i64, nanos: i32, expected: Option<Duration>) {
        let delay = Some(prost_types::Duration { seconds, nanos });
        let failure = None;
        let delay = Settings::new(Config { delay, failure }).map(|settings| settings.delay);
        assert_eq!(delay.ok(), expected);
    }

    #[test]
    fn a_delay_is_not_negative() {
        check_delay(0, 0, Some(Duration::ZERO));
        check_delay(2, 500_000_000, Some(Duration::from_millis(2_500)));
        check_delay(-1, 0, None);
        check_delay(0, -1, None);
        check_delay(0, 1_000_000_000, None);
        check_delay(i64::MIN, i32::MIN, None);
    }

    #[track_caller]
    fn check_parameters(text: &str, expected: Result<&str, &str>) {
        match (Parameters::parse(text), expected) {
            (Ok(parameters), Ok(result)) => assert_eq!(parameters.result(), result),
            (Err(error), Err(message)) => {
                assert_eq!(error.kind(), ErrorKind::InvalidArgument);
                assert!(error.to_string().contains(message), "{error}");
            }
            (found, _) => panic!("{text}: {found:?}"),
        }
    }

    #[test]
    fn dc_53_parameters_are_nothing_or_a_result() {
        check_parameters("{}", Ok("{}"));
        check_parameters(
            r#"{"result": {"b": 1e999, "a": "x"}}"#,
            Ok(r#"{"b": 1e999, "a": "x"}"#),
        );
        check_parameters(
            r#"{"resutl": {}}"#,
            Err("unknown field `resutl`, expected `result`"),
        );
        check_parameters(
            r#"{"result": {}, "result": {}}"#,
            Err("duplicate field `result`"),
        );
        for value in ["null", "[]", "1", "\"{}\""] {
            let text = format!("{{\"result\": {value}}}");
            check_parameters(
                &text,
                Err("distributor_parameters: result: must be an object"),
            );
        }
        check_parameters("", Err("distributor_parameters: "));
    }
}
