//! Names each backend crate that a feature turns on.
//!
//! A crate that nobody names is dropped by the compiler, silently, and its kind with it
//! (architecture, A7). Nothing else belongs here; `tests/registered_kinds.rs` watches over it.

#[cfg(feature = "backend-jobsim")]
use distributor_backend_jobsim as _;
#[cfg(feature = "backend-local-process")]
use distributor_backend_local_process as _;
#[cfg(feature = "backend-noop")]
use distributor_backend_noop as _;
#[cfg(feature = "backend-swarming-v1")]
use distributor_backend_swarming_v1 as _;
