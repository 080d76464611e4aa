//! From a template and values to a quest description.

use std::collections::BTreeMap;

use distributor_proto::dm;
use distributor_proto::dm_template::file::Template;
use distributor_proto::normalize_desc;
use distributor_proto::quest_id::{DescError, MAX_PARAMETERS_SIZE};
use distributor_proto::templateproto::Value;
use distributor_proto::templateproto::file::Template as Body;

use super::value::{ValueError, check_value, to_json};

/// Why a template does not make a quest of these values. Messages begin with the part of the template.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RenderError {
    #[error("{part}: unknown parameter {name:?}; its parameters are: {known}")]
    Unknown {
        part: &'static str,
        name: String,
        known: String,
    },
    #[error("{part}: parameter {name:?} is missing and has no default: give a value")]
    Missing { part: &'static str, name: String },
    #[error("{part}: parameter {name:?} {problem}")]
    Value {
        part: &'static str,
        name: String,
        problem: ValueError,
    },
    #[error("{part}: too large: more than {MAX_PARAMETERS_SIZE} bytes with all values filled in")]
    TooLarge { part: &'static str },
    #[error(transparent)]
    Desc(#[from] DescError),
}

/// The normalized description that the template makes of these normalized values. Both bodies must know
/// each value, as the original demands.
pub(super) fn render(
    template: &Template,
    values: &BTreeMap<String, Value>,
) -> Result<dm::quest::Desc, RenderError> {
    let fill = |part, body: &Option<Body>| match body {
        Some(body) => fill(part, body, values),
        None => Ok(String::new()),
    };
    let mut desc = dm::quest::Desc {
        distributor_config_name: template.distributor_config_name.clone(),
        parameters: fill("parameters", &template.parameters)?,
        distributor_parameters: fill("distributor_parameters", &template.distributor_parameters)?,
        meta: template.meta.clone(),
    };
    normalize_desc(&mut desc)?;
    Ok(desc)
}

fn fill(
    part: &'static str,
    body: &Body,
    values: &BTreeMap<String, Value>,
) -> Result<String, RenderError> {
    if let Some(name) = values.keys().find(|name| !body.param.contains_key(*name)) {
        let known: Vec<&str> = body.param.keys().map(String::as_str).collect();
        return Err(RenderError::Unknown {
            part,
            name: name.clone(),
            known: match known.is_empty() {
                true => "none".to_owned(),
                false => known.join(", "),
            },
        });
    }
    let mut texts = BTreeMap::new();
    for (name, parameter) in &body.param {
        let given = values.get(name);
        let value = given.or(parameter.default.as_ref());
        let value = value.ok_or_else(|| RenderError::Missing {
            part,
            name: name.clone(),
        })?;
        check_value(parameter, value).map_err(|problem| RenderError::Value {
            part,
            name: name.clone(),
            problem,
        })?;
        texts.insert(name.as_str(), to_json(value));
    }
    substitute(&body.body, &texts, MAX_PARAMETERS_SIZE).ok_or(RenderError::TooLarge { part })
}

/// Replaces each hole by its text, in one pass: what comes from a value is never a hole. `None` if the
/// outcome has more than `max` bytes.
fn substitute(body: &str, texts: &BTreeMap<&str, String>, max: usize) -> Option<String> {
    let mut filled = String::new();
    let mut done = 0;
    let mut from = 0;
    let mut close = 0;
    while let Some(open) = find(body, "${", from) {
        if close <= open {
            match find(body, "}", open) {
                Some(found) => close = found + 1,
                None => break,
            }
        }
        let text = body.get(open..close).and_then(|hole| texts.get(hole));
        let Some(text) = text else {
            from = open + 2;
            continue;
        };
        filled.push_str(body.get(done..open)?);
        filled.push_str(text);
        (done, from) = (close, close);
        if filled.len() > max {
            return None;
        }
    }
    filled.push_str(body.get(done..)?);
    (filled.len() <= max).then_some(filled)
}

fn find(text: &str, what: &str, from: usize) -> Option<usize> {
    let rest = text.get(from..)?;
    rest.find(what).map(|index| from + index)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn substituted(body: &str, texts: &[(&'static str, &str)], max: usize) -> Option<String> {
        let texts = texts.iter().map(|(name, text)| (*name, (*text).to_owned()));
        substitute(body, &texts.collect(), max)
    }

    #[test]
    fn substitution_is_one_pass_over_the_text() {
        let texts = [("${a}", "1"), ("${b}", "${a}"), ("${ä${b}", "2")];
        for (body, expected) in [
            ("", ""),
            ("${a}", "1"),
            ("x${a}y${b}z", "x1y${a}z"),
            ("${a}${a}", "11"),
            ("${c}${a}", "${c}1"),
            ("${${a}}", "${1}"),
            ("${x${b}", "${x${a}"),
            ("${ä${b}", "2"),
            ("$a${a", "$a${a"),
            ("}${a}{", "}1{"),
        ] {
            let actual = substituted(body, &texts, 100);
            assert_eq!(actual.as_deref(), Some(expected), "{body}");
        }
    }

    #[test]
    fn substitution_stops_at_its_limit() {
        assert_eq!(
            substituted("${a}${a}", &[("${a}", "xx")], 4).as_deref(),
            Some("xxxx")
        );
        assert_eq!(substituted("${a}${a}y", &[("${a}", "xx")], 4), None);
        let bomb = "${a}".repeat(100_000);
        assert_eq!(
            substituted(&bomb, &[("${a}", &"x".repeat(100_000))], 262_144),
            None
        );
    }

    #[test]
    fn substitution_takes_linear_time() {
        let open = "${".repeat(1 << 20);
        assert_eq!(
            substituted(&open, &[("${a}", "1")], open.len()).map(|filled| filled.len()),
            Some(open.len())
        );
        let far = open + "}";
        assert!(substituted(&far, &[("${a}", "1")], far.len()).is_some());
    }
}
