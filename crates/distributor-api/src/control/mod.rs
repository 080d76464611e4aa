//! `distributor.control.Control`: cancel, list, explain, watch, logs, clean up.

use std::pin::Pin;

use distributor_proto::control;
use futures_core::Stream;

use crate::access::Caller;
use crate::api::Api;
use crate::status::{Code, Status};

/// What [`Api::watch`] answers; it ends when the host stops.
pub type Changes = Pin<Box<dyn Stream<Item = Result<control::WatchResponse, Status>> + Send>>;

macro_rules! to_be_written {
    ($($name:ident: $request:ident => $response:ty;)*) => {
        impl Api {
            $(
                /// See the method of the same name in `protos/distributor/control/service.proto`.
                ///
                /// # Errors
                /// See there.
                pub async fn $name(
                    &self,
                    caller: &Caller,
                    request: control::$request,
                ) -> Result<$response, Status> {
                    let _to_be_written = (caller, request);
                    Err(Status::new(Code::Unimplemented, "to be written"))
                }
            )*
        }
    };
}

to_be_written! {
    cancel: CancelRequest => control::CancelResponse;
    list: ListRequest => control::ListResponse;
    explain: ExplainRequest => control::ExplainResponse;
    watch: WatchRequest => Changes;
    find_quests: FindQuestsRequest => control::FindQuestsResponse;
    read_log: ReadLogRequest => control::ReadLogResponse;
    collect: CollectRequest => control::CollectResponse;
}
