//! The table of all methods, one row each, for all transports.

use std::future::Future;

use distributor_api::{Api, Caller, Status};
use distributor_proto::{control, dm};
use prost::{Message, Name};

/// What a transport does with a unary method whose types it learns this way.
pub(crate) trait Unary {
    /// What comes of it.
    type Output;

    /// Called once, with the function that does the call.
    fn unary<Q, R, F, A>(self, call: F) -> Self::Output
    where
        Q: Message + Name + Default + Send + Sync + 'static,
        R: Message + Name + Default + Send + Sync + 'static,
        F: FnOnce(Api, Caller, Q) -> A + Clone + Send + Sync + 'static,
        A: Future<Output = Result<R, Status>> + Send + 'static;
}

macro_rules! methods {
    ($($service:literal { $($name:literal => $method:ident;)* })*) => {
        /// Gives the unary method `method` of `service` to `transport`; `None` if there is none.
        pub(crate) fn find<T: Unary>(service: &str, method: &str, transport: T) -> Option<T::Output> {
            match (service, method) {
                $($(
                    ($service, $name) => Some(transport.unary(
                        |api: Api, caller: Caller, request| async move {
                            api.$method(&caller, request).await
                        },
                    )),
                )*)*
                _ => None,
            }
        }

        /// The services, for reflection and health.
        pub(crate) const SERVICES: &[&str] = &[$($service),*];
    };
}

methods! {
    "dm.Deps" {
        "EnsureGraphData" => ensure_graph_data;
        "ActivateExecution" => activate_execution;
        "FinishAttempt" => finish_attempt;
        "WalkGraph" => walk_graph;
    }
    "distributor.control.Control" {
        "Cancel" => cancel;
        "List" => list;
        "Explain" => explain;
        "FindQuests" => find_quests;
        "ReadLog" => read_log;
        "Collect" => collect;
        "ListQueue" => list_queue;
        "ReplayQueue" => replay_queue;
        "DiscardQueue" => discard_queue;
        "CountNotifications" => count_notifications;
    }
}

/// Methods that change nothing, so that their calls may be broken off at any time.
const READS: &[(&str, &str)] = &[
    ("dm.Deps", "WalkGraph"),
    ("distributor.control.Control", "List"),
    ("distributor.control.Control", "Explain"),
    ("distributor.control.Control", "FindQuests"),
    ("distributor.control.Control", "ReadLog"),
    ("distributor.control.Control", "ListQueue"),
    ("distributor.control.Control", "CountNotifications"),
    WATCH,
];

/// Does this method change nothing?
pub(crate) fn only_reads(service: &str, method: &str) -> bool {
    READS.contains(&(service, method))
}

/// The one method that streams.
pub(crate) const WATCH: (&str, &str) = ("distributor.control.Control", "Watch");

#[expect(unused_imports, reason = "names the types that the table infers")]
use {control as _, dm as _};
