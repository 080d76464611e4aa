//! `List`: how many attempts are in which state, and pages of them.

use distributor_proto::control;
use distributor_proto::control::list_response::{Counts, Item};
use distributor_store::records::AttemptRecord;
use distributor_store::{AttemptFilter, StateCounts};

use super::page_token::Listing;
use super::reading::size;
use crate::access::Caller;
use crate::api::Api;
use crate::status::Status;
use crate::walk::view::attempt_data;

/// Attempts of a page, if the client does not say.
const PAGE: usize = 50;
/// Most attempts of a page.
const LARGEST_PAGE: usize = 1000;
const LISTING: Listing = Listing {
    form: 1,
    flag: "all",
};

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
        let before = LISTING.parse(&request.page_token, all)?;
        let size = size(request.page_size, PAGE, LARGEST_PAGE);
        self.read(move |store| {
            let page = store.list(AttemptFilter { unfinished: !all }, before, size)?;
            Ok(control::ListResponse {
                counts: Some(counts(store.counts()?)),
                attempts: page.attempts.iter().map(item).collect(),
                next_page_token: page
                    .next
                    .map_or_else(String::new, |next| LISTING.token(next, all)),
            })
        })
        .await
    }
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
