//! `CountNotifications`: what has become of the notifications that came in, and how many wait.

use distributor_proto::control;

use crate::access::Caller;
use crate::api::Api;
use crate::status::Status;

impl Api {
    /// `distributor.control.Control.CountNotifications`.
    ///
    /// # Errors
    /// `PermissionDenied`, `Unavailable` if the store fails.
    pub async fn count_notifications(
        &self,
        caller: &Caller,
        _request: control::CountNotificationsRequest,
    ) -> Result<control::CountNotificationsResponse, Status> {
        self.parts().access.check_reader(caller)?;
        let pending = self.read(|store| store.pending_notifications()).await?;
        let counts = self.parts().inbound.receiver.counts();
        Ok(control::CountNotificationsResponse {
            recorded: counts.recorded,
            condensed: counts.condensed,
            unsettled: counts.unsettled,
            unknown: counts.unknown,
            over: counts.over,
            other_configuration: counts.other_configuration,
            bad_token: counts.bad_token,
            malformed: counts.malformed,
            failed: counts.failed,
            deferred: counts.deferred,
            refused_callers: counts.refused_callers,
            pending: pending.iter().map(|it| it.rows as u64).sum(),
            pending_executions: pending.len() as u64,
        })
    }
}
