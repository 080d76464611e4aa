//! Reads the parameters of a URL: by type, and none that is not asked for.

use super::Refusal;
use super::fields::int;
use crate::clock::{Micros, seconds};

/// The parameters that are left to be read.
#[derive(Debug)]
pub(crate) struct Query {
    rest: Vec<(String, String)>,
}

/// What any request may have, and what changes nothing here.
const ANYWHERE: &[&str] = &["alt", "fields", "prettyPrint", "quotaUser"];

impl Query {
    /// Of what follows the `?`.
    pub(crate) fn parse(text: &str) -> Self {
        let pairs = url::form_urlencoded::parse(text.as_bytes()).into_owned();
        Query {
            rest: pairs
                .filter(|(key, _)| !ANYWHERE.contains(&key.as_str()))
                .collect(),
        }
    }

    /// All values of a parameter.
    pub(crate) fn all(&mut self, name: &str) -> Vec<String> {
        let (mine, rest) = std::mem::take(&mut self.rest)
            .into_iter()
            .partition(|(key, _)| key == name);
        self.rest = rest;
        let mine: Vec<(String, String)> = mine;
        mine.into_iter().map(|(_, value)| value).collect()
    }

    /// Its value; that of the last one, if it comes several times.
    pub(crate) fn text(&mut self, name: &str) -> Option<String> {
        self.all(name).pop()
    }

    /// `true` or `false`; absent is false.
    pub(crate) fn flag(&mut self, name: &str) -> Result<bool, Refusal> {
        match self.text(name).as_deref() {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(other) => Err(Refusal::new(
                name,
                format_args!("must be true or false, got {other:?}"),
            )),
        }
    }

    /// An int64 of this range.
    pub(crate) fn int_in(
        &mut self,
        name: &str,
        least: i64,
        most: i64,
    ) -> Result<Option<i64>, Refusal> {
        let Some(text) = self.text(name) else {
            return Ok(None);
        };
        match int(&text) {
            Some(int) if (least..=most).contains(&int) => Ok(Some(int)),
            _ => {
                let problem = format_args!("must be between {least} and {most}, got {text:?}");
                Err(Refusal::new(name, problem))
            }
        }
    }

    /// A moment, in seconds since the epoch.
    pub(crate) fn moment(&mut self, name: &str) -> Result<Option<Micros>, Refusal> {
        let Some(text) = self.text(name) else {
            return Ok(None);
        };
        match text.parse::<f64>() {
            Ok(value) if value.is_finite() => Ok(Some(moment(value))),
            _ => Err(Refusal::new(
                name,
                format_args!("must be a number, got {text:?}"),
            )),
        }
    }

    /// A value that has a name.
    pub(crate) fn named<T: Default>(
        &mut self,
        name: &str,
        value: impl FnOnce(&str) -> Option<T>,
    ) -> Result<T, Refusal> {
        match self.text(name) {
            None => Ok(T::default()),
            Some(text) => {
                value(&text).ok_or_else(|| Refusal::new(name, format_args!("there is no {text:?}")))
            }
        }
    }

    /// Pairs `k:v`.
    pub(crate) fn pairs(&mut self, name: &str) -> Result<Vec<(String, String)>, Refusal> {
        let all = self
            .all(name)
            .into_iter()
            .map(|text| match text.split_once(':') {
                Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
                _ => Err(Refusal::new(
                    name,
                    format_args!("must be k:v, got {text:?}"),
                )),
            });
        all.collect()
    }

    /// Refuses what was not read.
    pub(crate) fn finish(self) -> Result<(), Refusal> {
        match self.rest.first() {
            None => Ok(()),
            Some((name, _)) => Err(Refusal::new(name, "there is no such parameter")),
        }
    }
}

/// From seconds since the epoch.
pub(crate) fn moment(value: f64) -> Micros {
    const YEARS_100: f64 = 100.0 * 366.0 * 86_400.0;
    let whole = value.clamp(0.0, YEARS_100).floor();
    #[expect(
        clippy::cast_possible_truncation,
        reason = "clamped to a hundred years"
    )]
    let whole_seconds = whole as i64;
    whole_seconds
        .saturating_mul(crate::clock::SECOND)
        .saturating_add(seconds((value - whole).clamp(0.0, 1.0)))
}
