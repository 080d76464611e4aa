//! Which form a request has, and which form its reply shall have: `Content-Type`, `Accept`,
//! `Content-Encoding`, `Accept-Encoding`.

use distributor_api::{Code, Status};
use http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use super::reply::Refusal;

/// How a message is written. Of two that a client likes equally the first one wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Format {
    Binary,
    Json,
    Text,
}

/// What clients are told when they name something else.
const KNOWN: &str = "application/prpc; encoding=binary, application/json, application/prpc; encoding=json, \
                     application/prpc; encoding=text";

impl Format {
    /// The form of the request's body: binary if nothing is said.
    pub(super) fn of_request(headers: &HeaderMap) -> Result<Self, Refusal> {
        let value = joined(headers, &CONTENT_TYPE);
        let value = value.as_deref().unwrap_or_default();
        if value.trim().is_empty() {
            return Ok(Format::Binary);
        }
        let format = Item::parse(value).and_then(|item| item.format());
        format.ok_or_else(|| {
            let message = format!("Content-Type: {value} is not supported; these are: {KNOWN}");
            let http = StatusCode::UNSUPPORTED_MEDIA_TYPE;
            Refusal::new(http, Code::InvalidArgument, message)
        })
    }

    /// The form of the reply: what the client likes best of what there is, binary if nothing is said.
    pub(super) fn of_reply(headers: &HeaderMap) -> Result<Self, Refusal> {
        let malformed = |value: &str| {
            let message = format!("Accept: {value} is malformed: q must be a number from 0 to 1");
            Refusal::new(StatusCode::BAD_REQUEST, Code::InvalidArgument, message)
        };
        let are_text = |value: &HeaderValue| std::str::from_utf8(value.as_bytes()).is_ok();
        if !headers.get_all(ACCEPT).iter().all(are_text) {
            return Err(Status::invalid("Accept", "must be text in UTF-8").into());
        }
        let value = joined(headers, &ACCEPT);
        let value = value.as_deref().unwrap_or_default();
        if value.trim().is_empty() {
            return Ok(Format::Binary);
        }
        let mut best: Option<(f32, Format)> = None;
        for item in split(value, ',') {
            let item = Item::parse(item).ok_or_else(|| malformed(value))?;
            let Some(format) = item.accepted_format() else {
                continue;
            };
            let better = best.is_none_or(|(quality, other)| {
                item.quality > quality || (item.quality == quality && format < other)
            });
            if better && item.quality > 0.0 {
                best = Some((item.quality, format));
            }
        }
        best.map(|(_, format)| format).ok_or_else(|| {
            let message =
                format!("Accept: {value} names nothing that is supported; this is: {KNOWN}");
            Refusal::new(StatusCode::NOT_ACCEPTABLE, Code::InvalidArgument, message)
        })
    }

    /// The value of a reply's `Content-Type`.
    pub(super) fn content_type(self) -> &'static str {
        match self {
            Format::Binary => "application/prpc; encoding=binary",
            Format::Json => "application/json",
            Format::Text => "application/prpc; encoding=text",
        }
    }
}

/// Is the request's body compressed?
pub(super) fn is_gzip(headers: &HeaderMap) -> Result<bool, Refusal> {
    let value = joined(headers, &CONTENT_ENCODING).unwrap_or_default();
    match value.trim() {
        "" => Ok(false),
        name if name.eq_ignore_ascii_case("identity") => Ok(false),
        name if name.eq_ignore_ascii_case("gzip") => Ok(true),
        name => {
            let message = format!("Content-Encoding: {name} is not supported; gzip is");
            let http = StatusCode::UNSUPPORTED_MEDIA_TYPE;
            Err(Refusal::new(http, Code::InvalidArgument, message))
        }
    }
}

/// May the reply be compressed? What is not understood is taken for a no.
pub(super) fn accepts_gzip(headers: &HeaderMap) -> bool {
    let value = joined(headers, &ACCEPT_ENCODING).unwrap_or_default();
    split(&value, ',')
        .filter_map(Item::parse)
        .any(|item| item.name == "gzip" && item.quality > 0.0)
}

/// One entry of a header that lists what is liked.
#[derive(Debug)]
struct Item<'a> {
    /// In lower case.
    name: String,
    /// What follows the name, up to the quality.
    parameters: Vec<Option<(&'a str, &'a str)>>,
    /// From 0, not at all, to 1.
    quality: f32,
}

impl<'a> Item<'a> {
    /// `None` if its quality is none.
    fn parse(text: &'a str) -> Option<Self> {
        let mut parts = split(text, ';');
        let mut item = Item {
            name: parts.next().unwrap_or_default().trim().to_ascii_lowercase(),
            parameters: Vec::new(),
            quality: 1.0,
        };
        for part in parts.filter(|it| !it.trim().is_empty()) {
            let Some((name, value)) = part.split_once('=') else {
                item.parameters.push(None);
                continue;
            };
            let (name, value) = (name.trim(), value.trim());
            if name.eq_ignore_ascii_case("q") {
                let quality = value.parse::<f32>().ok()?;
                item.quality = Some(quality).filter(|it| (0.0..=1.0).contains(it))?;
                // What follows is an extension that nobody uses.
                break;
            }
            item.parameters.push(Some((name, value)));
        }
        Some(item)
    }

    /// `None` if it is no form that we know.
    fn format(&self) -> Option<Format> {
        match self.name.as_str() {
            "application/json" => Some(Format::Json),
            "application/prpc" => match self.parameters.as_slice() {
                [] => Some(Format::Binary),
                [Some((name, encoding))] if name.eq_ignore_ascii_case("encoding") => {
                    match encoding.trim_matches('"') {
                        "" | "binary" => Some(Format::Binary),
                        "json" => Some(Format::Json),
                        "text" => Some(Format::Text),
                        _ => None,
                    }
                }
                _ => None,
            },
            _ => None,
        }
    }

    /// Like [`Item::format`], with the wildcards.
    fn accepted_format(&self) -> Option<Format> {
        match self.name.as_str() {
            "*/*" | "application/*" => Some(Format::Binary),
            _ => self.format(),
        }
    }
}

/// All values of a header as one; what is no text becomes what nobody knows.
fn joined(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let mut values = headers
        .get_all(name)
        .iter()
        .map(|value| String::from_utf8_lossy(value.as_bytes()));
    let first = values.next()?.into_owned();
    Some(values.fold(first, |all, value| all + ", " + &value))
}

/// Splits at each separator that is not within quotes.
fn split(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    let mut escaped = false;
    text.split(move |c| {
        let ends = c == separator && !quoted;
        if c == '"' && !escaped {
            quoted = !quoted;
        }
        escaped = quoted && c == '\\' && !escaped;
        ends
    })
}
