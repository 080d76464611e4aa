//! `List`: how many attempts are in which state, and pages of them.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use distributor_proto::control;
use distributor_proto::control::list_response::{Counts, Item};
use distributor_store::records::AttemptRecord;
use distributor_store::{AttemptFilter, StateCounts};

use super::reading::size;
use crate::access::Caller;
use crate::api::Api;
use crate::status::Status;
use crate::walk::view::attempt_data;

/// Attempts of a page, if the client does not say.
const PAGE: usize = 50;
/// Most attempts of a page.
const LARGEST_PAGE: usize = 1000;
/// First byte of a page token: its form, so that a later version may have another.
const TOKEN_FORM: u8 = 1;

impl Api {
    /// `distributor.control.Control.List`.
    ///
    /// # Errors
    /// `PermissionDenied`, `InvalidArgument` for a page token that is none or belongs to another listing,
    /// `Unavailable` if the store fails.
    pub async fn list(
        &self,
        caller: &Caller,
        request: control::ListRequest,
    ) -> Result<control::ListResponse, Status> {
        self.parts().access.check_reader(caller)?;
        let all = request.all;
        let before = parse_token(&request.page_token, all)?;
        let size = size(request.page_size, PAGE, LARGEST_PAGE);
        self.read(move |store| {
            let page = store.list(AttemptFilter { unfinished: !all }, before, size)?;
            Ok(control::ListResponse {
                counts: Some(counts(store.counts()?)),
                attempts: page.attempts.iter().map(item).collect(),
                next_page_token: page.next.map_or_else(String::new, |next| token(next, all)),
            })
        })
        .await
    }
}

/// Where the next page begins, and of which listing. Opaque to clients.
fn token(before: u64, all: bool) -> String {
    let mut bytes = vec![TOKEN_FORM, u8::from(all)];
    bytes.extend(before.to_be_bytes());
    URL_SAFE_NO_PAD.encode(bytes)
}

fn parse_token(token: &str, all: bool) -> Result<Option<u64>, Status> {
    if token.is_empty() {
        return Ok(None);
    }
    let bytes = URL_SAFE_NO_PAD.decode(token).unwrap_or_default();
    let (TOKEN_FORM, of_all @ 0..=1, before) = (match bytes.as_slice() {
        [form, of_all, before @ ..] => (*form, *of_all, <[u8; 8]>::try_from(before).ok()),
        _ => (0, 0, None),
    }) else {
        return Err(no_token());
    };
    if (of_all == 1) != all {
        return Err(Status::invalid(
            "page_token",
            "it belongs to a listing with another value of `all`; keep `all` while you page",
        ));
    }
    match before {
        Some(before) => Ok(Some(u64::from_be_bytes(before))),
        None => Err(no_token()),
    }
}

fn no_token() -> Status {
    Status::invalid(
        "page_token",
        "it is none that this service gave; leave it empty for the first page",
    )
}

fn counts(counts: StateCounts) -> Counts {
    Counts {
        scheduling: counts.scheduling,
        executing: counts.executing,
        waiting: counts.waiting,
        finished: counts.finished,
        abnormal_finished: counts.abnormal_finished,
    }
}

fn item(record: &AttemptRecord) -> Item {
    Item {
        id: Some(record.id.into()),
        data: Some(attempt_data(record, false)),
        distributor_config_name: record.config_name.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn page_tokens_survive_both_ways_and_nothing_else_is_one() {
        for before in [0, 1, u64::MAX] {
            for all in [false, true] {
                assert_eq!(parse_token(&token(before, all), all), Ok(Some(before)));
                assert!(parse_token(&token(before, all), !all).is_err());
            }
        }
        assert_eq!(parse_token("", true), Ok(None));
        let other_form = URL_SAFE_NO_PAD.encode([2, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
        let neither = URL_SAFE_NO_PAD.encode([1, 2, 0, 0, 0, 0, 0, 0, 0, 1]);
        let long = URL_SAFE_NO_PAD.encode([1; 11]);
        let short = URL_SAFE_NO_PAD.encode([1, 0]);
        for text in [
            "x",
            "50",
            " ",
            "é",
            "../..",
            &other_form,
            &neither,
            &long,
            &short,
        ] {
            let status = parse_token(text, false).unwrap_err();
            assert!(status.message.starts_with("page_token: "), "{status}");
        }
    }
}
