//! Is this a good file of templates? (`config.md`, section 6, file check.)

use std::collections::BTreeMap;

use distributor_proto::dm_template::File;
use distributor_proto::dm_template::file::Template;
use distributor_proto::position::Position;
use distributor_proto::templateproto::file::Template as Body;
use distributor_proto::templateproto::file::template::Parameter;
use distributor_proto::templateproto::schema::Schema;
use distributor_proto::text::{TextError, from_text};

use super::TemplateProblem;
use super::places::Places;
use super::render::{RenderError, render};
use super::value::{check_value, normalize_value, zero};

/// No file is that large, in bytes; what is has another purpose.
const MAX_BYTES: usize = 4 << 20;
/// Problems that are shown.
const MAX_PROBLEMS: usize = 100;

/// Parses and checks a file. Its defaults come out normalized.
pub(super) fn check(text: &str) -> Result<File, Vec<TemplateProblem>> {
    if text.len() > MAX_BYTES {
        let size = text.len();
        let message = format!("the file has {size} bytes; at most {MAX_BYTES} are read");
        return Err(vec![of_file(message)]);
    }
    let mut checker = Checker {
        text,
        places: Places::of(text),
        offsets: BTreeMap::new(),
        problems: Vec::new(),
    };
    checker.find_entries();
    let mut file = checker.parse();
    for (name, template) in file.iter_mut().flat_map(|file| &mut file.template) {
        checker.template(name, template);
    }
    match file {
        Some(file) if checker.problems.is_empty() => Ok(file),
        _ => Err(checker.finish()),
    }
}

struct Checker<'t> {
    text: &'t str,
    places: Places<'t>,
    /// Where the field of each path begins.
    offsets: BTreeMap<String, usize>,
    /// Offset, path, and what is wrong.
    problems: Vec<(usize, String, String)>,
}

impl Checker<'_> {
    /// Finds what problems may be about. The real parser lets the last of two entries with one key win,
    /// which nobody means.
    fn find_entries(&mut self) {
        for root in self.places.fields(None).to_vec() {
            if self.places.name(root) != "template" {
                continue;
            }
            let entry = format!("template[{:?}]", self.places.key(root));
            self.found_entry(root, &entry);
            for value in self.places.fields(Some(root)).to_vec() {
                if self.places.name(value) == "value" {
                    self.find_fields(value, &entry);
                }
            }
        }
    }

    fn find_fields(&mut self, message: usize, path: &str) {
        for field in self.places.fields(Some(message)).to_vec() {
            match self.places.name(field) {
                "param" => {
                    let entry = format!("{path}.param[{:?}]", self.places.key(field));
                    self.found_entry(field, &entry);
                }
                name => {
                    let path = format!("{path}.{name}");
                    self.offsets.insert(path.clone(), self.places.span(field).0);
                    if name == "parameters" || name == "distributor_parameters" {
                        self.find_fields(field, &path);
                    }
                }
            }
        }
    }

    fn found_entry(&mut self, entry: usize, path: &str) {
        let offset = self.places.span(entry).0;
        if let Some(first) = self.offsets.insert(path.to_owned(), offset) {
            let line = Position::in_text(self.text.as_bytes(), first).line;
            self.add(
                path,
                format!("is on line {line} already: remove or rename one of them"),
            );
        }
    }

    /// The file, or the first problem of each of its top-level fields.
    fn parse(&mut self) -> Option<File> {
        if let Some(offset) = self.places.too_deep() {
            self.add_at(offset, "nested too deeply".to_owned());
            return None;
        }
        let whole = match from_text(self.text) {
            Ok(file) => return Some(file),
            Err(error) => error,
        };
        let before = self.problems.len();
        for root in self.places.fields(None).to_vec() {
            let (start, end) = self.places.span(root);
            let alone = self.text.get(start..end).unwrap_or_default();
            if let Err(error) = from_text::<File>(alone) {
                self.add_malformed(start, error);
            }
        }
        if self.problems.len() == before {
            self.add_malformed(0, whole);
        }
        None
    }

    fn template(&mut self, name: &str, template: &mut Template) {
        let before = self.problems.len();
        let path = format!("template[{name:?}]");
        if name.is_empty() {
            self.add(&path, "has no name: give it a key");
        }
        if template.distributor_config_name.is_empty() {
            let path = format!("{path}.distributor_config_name");
            self.add(&path, "is empty: name a distributor configuration");
        }
        for (part, body) in [
            ("parameters", &mut template.parameters),
            (
                "distributor_parameters",
                &mut template.distributor_parameters,
            ),
        ] {
            let path = format!("{path}.{part}");
            self.body(&path, body.get_or_insert_default());
        }
        if self.problems.len() > before {
            return;
        }
        if let Err(error) = try_out(template) {
            let text = error.to_string();
            let (part, message) = text.split_once(": ").unwrap_or(("", &text));
            self.add(&format!("{path}.{part}"), message);
        }
    }

    fn body(&mut self, path: &str, body: &mut Body) {
        if body.body.is_empty() {
            let message = "is empty: write a JSON object, `{}` if there is nothing to say";
            self.add(&format!("{path}.body"), message);
        }
        for (name, parameter) in &mut body.param {
            if let Err(message) = check_parameter(&body.body, name, parameter) {
                self.add(&format!("{path}.param[{name:?}]"), message);
            }
        }
    }

    /// Adds a problem of a field, or of the nearest message around it that is written down.
    fn add(&mut self, path: &str, message: impl Into<String>) {
        let mut known = path;
        let offset = loop {
            match (self.offsets.get(known), known.rfind('.')) {
                (Some(offset), _) => break *offset,
                (None, Some(end)) => known = known.get(..end).unwrap_or_default(),
                (None, None) => break 0,
            }
        };
        self.problems
            .push((offset, path.to_owned(), message.into()));
    }

    fn add_at(&mut self, offset: usize, message: String) {
        self.problems.push((offset, String::new(), message));
    }

    fn add_malformed(&mut self, start: usize, error: TextError) {
        match error {
            TextError::Text {
                problem, position, ..
            } => self.add_at(start + position.offset, problem),
            other => self.add_at(start, other.to_string()),
        }
    }

    fn finish(mut self) -> Vec<TemplateProblem> {
        self.problems.sort();
        let more = self.problems.len() > MAX_PROBLEMS;
        self.problems.truncate(MAX_PROBLEMS);
        let text = self.text.as_bytes();
        let shown = self.problems.into_iter().map(|(offset, path, message)| {
            let position = Position::in_text(text, offset);
            TemplateProblem {
                line: u32::try_from(position.line).unwrap_or(u32::MAX),
                column: u32::try_from(position.column).unwrap_or(u32::MAX),
                path,
                message,
            }
        });
        let rest = more.then(|| {
            of_file(format!(
                "there are more than {MAX_PROBLEMS} problems; the rest is not shown"
            ))
        });
        shown.chain(rest).collect()
    }
}

fn of_file(message: String) -> TemplateProblem {
    TemplateProblem {
        line: 0,
        column: 0,
        path: String::new(),
        message,
    }
}

/// Normalizes the default.
fn check_parameter(body: &str, name: &str, parameter: &mut Parameter) -> Result<(), String> {
    let inner = name
        .strip_prefix("${")
        .and_then(|name| name.strip_suffix('}'));
    if !inner.is_some_and(|inner| !inner.is_empty() && !inner.contains('}')) {
        return Err("is no name of a parameter: write `${NAME}`".to_owned());
    }
    if !body.contains(name) {
        return Err("does not occur in the body: use it, or remove it".to_owned());
    }
    let schema = parameter.schema.as_ref();
    let Some(schema) = schema.and_then(|schema| schema.schema.as_ref()) else {
        return Err("has no schema: say what it accepts, such as `schema { str {} }`".to_owned());
    };
    if let Schema::Enum(set) = schema {
        if set.entry.is_empty() {
            return Err("schema.enum has no entries: list the texts that it accepts".to_owned());
        }
        let mut tokens: Vec<&str> = set.entry.iter().map(|entry| entry.token.as_str()).collect();
        tokens.sort_unstable();
        let mut pairs = tokens.iter().zip(tokens.iter().skip(1));
        if let Some((token, _)) = pairs.find(|(left, right)| left == right) {
            return Err(format!(
                "schema.enum lists {token:?} twice: remove one of them"
            ));
        }
    }
    if let Some(mut default) = parameter.default.take() {
        let good = normalize_value(&mut default).and_then(|()| check_value(parameter, &default));
        good.map_err(|error| format!("default {error}"))?;
        parameter.default = Some(default);
    }
    Ok(())
}

/// Renders it with its defaults, or with zero values where there are none.
fn try_out(template: &Template) -> Result<(), RenderError> {
    let mut trial = template.clone();
    for body in [&mut trial.parameters, &mut trial.distributor_parameters] {
        for parameter in body.iter_mut().flat_map(|body| body.param.values_mut()) {
            let schema = parameter.schema.as_ref();
            if let Some(schema) = schema.and_then(|schema| schema.schema.as_ref()) {
                parameter.default.get_or_insert_with(|| zero(schema));
            }
        }
    }
    render(&trial, &BTreeMap::new()).map(|_| ())
}
