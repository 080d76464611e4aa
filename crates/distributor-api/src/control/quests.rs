//! `FindQuests`: from the beginning of an id to the quests that are meant.

use distributor_proto::control;

use super::reading::size;
use crate::access::Caller;
use crate::api::Api;
use crate::status::Status;

/// Quests of an answer, if the client does not say.
const LIMIT: usize = 50;
/// Most quests of an answer.
const LARGEST_LIMIT: usize = 1000;
/// Characters of a whole id.
const ID_LENGTH: usize = 43;

impl Api {
    /// `distributor.control.Control.FindQuests`.
    ///
    /// # Errors
    /// `PermissionDenied`, `InvalidArgument` for what no id begins with, `Unavailable` if the store fails.
    pub async fn find_quests(
        &self,
        caller: &Caller,
        request: control::FindQuestsRequest,
    ) -> Result<control::FindQuestsResponse, Status> {
        self.parts().access.check_reader(caller)?;
        let prefix = request.prefix;
        let possible = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if prefix.is_empty() || prefix.len() > ID_LENGTH || !prefix.chars().all(possible) {
            let problem = "no quest id begins so; give 1 to 43 of A-Z, a-z, 0-9, `-` and `_`";
            return Err(Status::invalid("prefix", problem));
        }
        let limit = size(request.limit, LIMIT, LARGEST_LIMIT);
        let found = self
            .read(move |store| store.quests_with_prefix(&prefix, limit))
            .await?;
        Ok(control::FindQuestsResponse {
            quests: found.into_iter().map(Into::into).collect(),
        })
    }
}
