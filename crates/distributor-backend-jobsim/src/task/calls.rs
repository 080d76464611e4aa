//! Calls to the service with patience: a failure that may pass is tried again.
//!
//! A repetition is the identical request, and each request may be repeated: an activation by the same
//! token is the same activation, and a repeated request for dependencies, or a repeated finish, is
//! refused if the first was carried out (see [`Refused::NotOurs`]).

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use distributor_core::Clock;

use crate::service::{CallError, Code};

/// How often a call is repeated.
const MOST_RETRIES: u32 = 10;
const FIRST_DELAY: Duration = Duration::from_millis(200);
const LONGEST_DELAY: Duration = Duration::from_secs(10);

/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// Why a call was not carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refused {
    /// The service does not, or no longer, take this execution for a running one of ours.
    NotOurs {
        /// An earlier try may have been carried out, and this is why.
        in_doubt: bool,
        /// What the service said.
        reason: String,
    },
    /// Anything else, for people.
    Error(String),
}

/// The future of a call.
pub(super) type Call<'a, T> = Pin<Box<dyn Future<Output = Result<T, CallError>> + Send + 'a>>;

/// Calls, again and again while that may help.
///
/// # Errors
/// The last failure.
pub(super) async fn persistently<'a, T>(
    clock: &dyn Clock,
    method: &'static str,
    call: impl Fn() -> Call<'a, T>,
) -> Result<T, Refused> {
    let mut delay = FIRST_DELAY;
    let mut retries = 0;
    let mut in_doubt = false;
    loop {
        let answer = tokio::select! {
            biased;
            answer = call() => answer,
            () = clock.sleep_until(clock.now().after(PATIENCE)) => Err(CallError::new(
                Code::DeadlineExceeded,
                format!("no answer in {} s", PATIENCE.as_secs()),
            )),
        };
        let error = match answer {
            Ok(answer) => return Ok(answer),
            Err(error) => error,
        };
        match error.code {
            Code::AlreadyExists | Code::PermissionDenied | Code::Unauthenticated => {
                let reason = format!("{method}: {error}");
                return Err(Refused::NotOurs { in_doubt, reason });
            }
            code if may_pass(code) && retries < MOST_RETRIES => {
                retries += 1;
                in_doubt = true;
            }
            _ => return Err(Refused::Error(format!("{method}: {error}"))),
        }
        clock.sleep_until(clock.now().after(delay)).await;
        delay = (delay * 2).min(LONGEST_DELAY);
    }
}

/// `Internal`, `Unknown` and `Unavailable` as in the original; the other two are how a lost
/// connection and a lost answer look.
fn may_pass(code: Code) -> bool {
    matches!(
        code,
        Code::Internal
            | Code::Unknown
            | Code::Unavailable
            | Code::Cancelled
            | Code::DeadlineExceeded
    )
}
