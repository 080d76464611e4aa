//! From the TOML document to drafts of jobs: every field is read and checked by itself.
//!
//! What needs a look at other jobs or at the disk (needs, inputs, folders) is only collected here, with its
//! place, for the next step.

use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::Map;
use toml::de::{DeTable, DeValue};

use super::fields::{self, FieldPath, Reader, Value};
use super::model::{Retries, Timeouts};
use super::{json, relative};

/// The distributor of jobs that name none, in a file that names none.
const DISTRIBUTOR: &str = "local-process";
/// No timer is asked to wait longer: it must stay far from the end of any clock.
const LONGEST: Duration = Duration::from_secs(36_525 * 24 * 60 * 60);

pub(super) const JOBS: FieldPath<'static> = FieldPath::Key(&FieldPath::Root, "jobs");
const DEFAULTS: FieldPath<'static> = FieldPath::Key(&FieldPath::Root, "defaults");
const FILE_FIELDS: [&str; 4] = ["config", "distributor", "defaults", "jobs"];
const DEFAULT_FIELDS: [&str; 3] = ["retries", "timeouts", "directory"];
const JOB_FIELDS: [&str; 10] = [
    "distributor",
    "run",
    "parameters",
    "needs",
    "inputs",
    "outputs",
    "retries",
    "timeouts",
    "directory",
    "run_anyway",
];

/// A text of the file and where it is.
pub(super) struct Text<'d> {
    pub(super) text: &'d str,
    pub(super) span: Range<usize>,
}

/// A text in a list of the file: also its index there.
pub(super) struct Listed<'d> {
    pub(super) text: &'d str,
    pub(super) span: Range<usize>,
    pub(super) index: usize,
}

/// The fields of the file that are not about one job.
pub(super) struct Document<'d> {
    pub(super) config: Option<Text<'d>>,
    /// The `directory` of `[defaults]`.
    pub(super) directory: Option<Text<'d>>,
    /// In the order of the file.
    pub(super) jobs: Vec<Draft<'d>>,
}

/// A job as far as its own table tells.
pub(super) struct Draft<'d> {
    pub(super) name: Text<'d>,
    pub(super) distributor: (&'d str, Option<Range<usize>>),
    pub(super) run: (Map<String, serde_json::Value>, Option<Range<usize>>),
    pub(super) parameters: (Map<String, serde_json::Value>, Option<Range<usize>>),
    pub(super) needs: Vec<Listed<'d>>,
    pub(super) inputs: Vec<Listed<'d>>,
    pub(super) outputs: Vec<(PathBuf, Listed<'d>)>,
    pub(super) retries: Retries,
    pub(super) timeouts: Timeouts,
    pub(super) directory: Option<Text<'d>>,
    pub(super) run_anyway: bool,
}

/// What jobs have that do not say otherwise.
struct Defaults<'d> {
    distributor: (&'d str, Option<Range<usize>>),
    retries: Retries,
    timeouts: Timeouts,
}

/// Reads all fields of the file.
pub(super) fn read<'d, 't>(reader: &mut Reader<'t>, root: &'d DeTable<'t>) -> Document<'d> {
    reader.only(root, FieldPath::Root, &FILE_FIELDS);
    let config = text_field(reader, root, FieldPath::Root, "config");
    let distributor = text_field(reader, root, FieldPath::Root, "distributor");
    let mut defaults = Defaults {
        distributor: distributor
            .map_or((DISTRIBUTOR, None), |given| (given.text, Some(given.span))),
        retries: Retries::default(),
        timeouts: Timeouts::default(),
    };
    let mut directory = None;
    if let Some(table) = root
        .get("defaults")
        .and_then(|value| reader.table(value, DEFAULTS))
    {
        reader.only(table, DEFAULTS, &DEFAULT_FIELDS);
        directory = text_field(reader, table, DEFAULTS, "directory");
        defaults.retries = retries(reader, table, DEFAULTS, Retries::default());
        defaults.timeouts = timeouts(reader, table, DEFAULTS, Timeouts::default());
    }
    Document {
        config,
        directory,
        jobs: jobs(reader, root, &defaults),
    }
}

fn jobs<'d, 't>(
    reader: &mut Reader<'t>,
    root: &'d DeTable<'t>,
    defaults: &Defaults<'d>,
) -> Vec<Draft<'d>> {
    const HELP: &str = "describe each job in a table of its own: `[jobs.NAME]`";
    let Some((key, value)) = root.get_key_value("jobs") else {
        let problem = super::Problem::of_file("the file has no jobs").with_help(HELP);
        reader.problems.push(problem);
        return Vec::new();
    };
    let Some(table) = value.get_ref().as_table() else {
        let message = format!("expected a table, found {}", fields::kind(value.get_ref()));
        reader.report_with_help(&value.span(), JOBS, message, HELP);
        return Vec::new();
    };
    if table.is_empty() {
        reader.report_with_help(&key.span(), JOBS, "the file has no jobs", HELP);
    }
    let entries = fields::in_file_order(table).into_iter();
    entries
        .map(|(name, span, value)| job(reader, Text { text: name, span }, value, defaults))
        .collect()
}

fn job<'d, 't>(
    reader: &mut Reader<'t>,
    name: Text<'d>,
    value: &'d Value<'t>,
    defaults: &Defaults<'d>,
) -> Draft<'d> {
    let at = FieldPath::Key(&JOBS, name.text);
    check_name(reader, &name, at);
    let mut draft = Draft {
        name,
        distributor: defaults.distributor.clone(),
        run: (Map::new(), None),
        parameters: (Map::new(), None),
        needs: Vec::new(),
        inputs: Vec::new(),
        outputs: Vec::new(),
        retries: defaults.retries,
        timeouts: defaults.timeouts,
        directory: None,
        run_anyway: false,
    };
    // A job that is no table stays in the list: what needs it is not wrong because of that.
    let Some(table) = reader.table(value, at) else {
        return draft;
    };
    reader.only(table, at, &JOB_FIELDS);
    if let Some(given) = text_field(reader, table, at, "distributor") {
        draft.distributor = (given.text, Some(given.span));
    }
    draft.run = table_field(reader, table, at, "run");
    draft.parameters = table_field(reader, table, at, "parameters");
    draft.needs = list_field(reader, table, at, "needs");
    draft.inputs = list_field(reader, table, at, "inputs");
    let outputs = FieldPath::Key(&at, "outputs");
    for output in list_field(reader, table, at, "outputs") {
        match relative::output(output.text) {
            Ok(parts) => draft.outputs.push((parts.iter().collect(), output)),
            Err(refusal) => reader.refuse(
                &output.span,
                FieldPath::Item(&outputs, output.index),
                refusal,
            ),
        }
    }
    draft.retries = retries(reader, table, at, defaults.retries);
    draft.timeouts = timeouts(reader, table, at, defaults.timeouts);
    draft.directory = text_field(reader, table, at, "directory");
    if let Some(value) = table.get("run_anyway") {
        draft.run_anyway = reader
            .flag(value, FieldPath::Key(&at, "run_anyway"))
            .unwrap_or(false);
    }
    draft
}

fn check_name(reader: &mut Reader<'_>, name: &Text<'_>, at: FieldPath<'_>) {
    const MOST: usize = 128;
    let allowed = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '/');
    let message = if name.text.is_empty() {
        "the name of the job is empty".to_owned()
    } else if let Some(wrong) = name.text.chars().find(|c| !allowed(c)) {
        format!("{wrong:?} is not allowed in the name of a job")
    } else if name.text.len() > MOST {
        format!("the name of the job has {} characters", name.text.len())
    } else {
        return;
    };
    let help = format!("use 1 to {MOST} letters (a-z, A-Z), digits, `.`, `_`, `-` and `/`");
    reader.report_with_help(&name.span, at, message, help);
}

fn text_field<'d, 't>(
    reader: &mut Reader<'t>,
    table: &'d DeTable<'t>,
    at: FieldPath<'_>,
    name: &str,
) -> Option<Text<'d>> {
    let value = table.get(name)?;
    let at = FieldPath::Key(&at, name);
    let text = reader.text(value, at)?;
    if text.is_empty() {
        reader.report_with_help(
            &value.span(),
            at,
            "the text is empty",
            "remove the field to get its default",
        );
        return None;
    }
    if text.contains('\0') {
        reader.report(&value.span(), at, "the text holds a NUL character");
        return None;
    }
    Some(Text {
        text,
        span: value.span(),
    })
}

fn table_field<'t>(
    reader: &mut Reader<'t>,
    table: &DeTable<'t>,
    at: FieldPath<'_>,
    name: &str,
) -> (Map<String, serde_json::Value>, Option<Range<usize>>) {
    let Some((key, value)) = table.get_key_value(name) else {
        return (Map::new(), None);
    };
    let at = FieldPath::Key(&at, name);
    let Some(table) = reader.table(value, at) else {
        return (Map::new(), None);
    };
    (json::object(reader, table, at), Some(key.span()))
}

fn list_field<'d, 't>(
    reader: &mut Reader<'t>,
    table: &'d DeTable<'t>,
    at: FieldPath<'_>,
    name: &str,
) -> Vec<Listed<'d>> {
    let Some(value) = table.get(name) else {
        return Vec::new();
    };
    let at = FieldPath::Key(&at, name);
    if let Some(text) = value.get_ref().as_str() {
        let help = format!("write {name} = [{text:?}]");
        reader.report_with_help(
            &value.span(),
            at,
            "expected an array of strings, found a string",
            help,
        );
        return Vec::new();
    }
    let Some(items) = reader.array(value, at) else {
        return Vec::new();
    };
    let mut list = Vec::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        if let Some(text) = reader.text(item, FieldPath::Item(&at, index)) {
            let span = item.span();
            list.push(Listed { text, span, index });
        }
    }
    list
}

fn retries<'t>(
    reader: &mut Reader<'t>,
    table: &DeTable<'t>,
    at: FieldPath<'_>,
    base: Retries,
) -> Retries {
    let Some(value) = table.get("retries") else {
        return base;
    };
    let at = FieldPath::Key(&at, "retries");
    match value.get_ref() {
        DeValue::Integer(_) => {
            let number = reader.number(value, at).unwrap_or(0);
            Retries {
                failed: number,
                crashed: number,
                expired: number,
                timed_out: number,
            }
        }
        DeValue::Table(table) => {
            reader.only(table, at, &["failed", "crashed", "expired", "timed_out"]);
            let mut number = |name: &str, base: u32| match table.get(name) {
                Some(value) => reader
                    .number(value, FieldPath::Key(&at, name))
                    .unwrap_or(base),
                None => base,
            };
            Retries {
                failed: number("failed", base.failed),
                crashed: number("crashed", base.crashed),
                expired: number("expired", base.expired),
                timed_out: number("timed_out", base.timed_out),
            }
        }
        other => {
            let message = format!(
                "expected a number or a table, found {}",
                fields::kind(other)
            );
            let help =
                "write a number for all failures, or for example { failed = 2, timed_out = 0 }";
            reader.report_with_help(&value.span(), at, message, help);
            base
        }
    }
}

fn timeouts<'t>(
    reader: &mut Reader<'t>,
    table: &DeTable<'t>,
    at: FieldPath<'_>,
    base: Timeouts,
) -> Timeouts {
    let at_timeouts = FieldPath::Key(&at, "timeouts");
    let Some(table) = table
        .get("timeouts")
        .and_then(|value| reader.table(value, at_timeouts))
    else {
        return base;
    };
    reader.only(table, at_timeouts, &["start", "run", "stop"]);
    let mut timeout = |name: &str, base| match table.get(name) {
        Some(value) => duration(reader, value, FieldPath::Key(&at_timeouts, name)),
        None => base,
    };
    Timeouts {
        start: timeout("start", base.start),
        run: timeout("run", base.run),
        stop: timeout("stop", base.stop),
    }
}

/// A duration; zero, which switches off a default, is none.
fn duration<'t>(reader: &mut Reader<'t>, value: &Value<'t>, at: FieldPath<'_>) -> Option<Duration> {
    const HELP: &str =
        "write numbers with units, for example \"90s\", \"5m\" or \"1h 30m\"; \"0s\" is no timeout";
    let span = value.span();
    let Some(text) = value.get_ref().as_str() else {
        let message = format!(
            "expected a duration as a string, found {}",
            fields::kind(value.get_ref())
        );
        reader.report_with_help(&span, at, message, HELP);
        return None;
    };
    match humantime::parse_duration(text) {
        Ok(duration) if duration > LONGEST => {
            let message = format!("{text:?} is too long");
            reader.report_with_help(
                &span,
                at,
                message,
                "use at most 36525 days, or \"0s\" for no timeout",
            );
            None
        }
        Ok(duration) => Some(duration).filter(|duration| !duration.is_zero()),
        Err(error) => {
            reader.report_with_help(
                &span,
                at,
                format!("{text:?} is not a duration: {error}"),
                HELP,
            );
            None
        }
    }
}
