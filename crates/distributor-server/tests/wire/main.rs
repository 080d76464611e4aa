//! The rows of `dm-api.md` section 9, the codes that a job sees, its life cycle and the control service,
//! as clients see them: each scenario once over gRPC and once over pRPC, on a real port.
//!
//! A scenario is written once, for any [`wire::Wire`]; [`over_both!`] makes the two tests of it.

/// Makes two tests of each scenario: `over_grpc::NAME` and `over_prpc::NAME`.
macro_rules! over_both {
    ($($scenario:ident;)*) => {
        mod over_grpc {
            $(
                #[tokio::test]
                async fn $scenario() {
                    crate::support::run(super::$scenario::<crate::wire::Grpc>).await;
                }
            )*
        }
        mod over_prpc {
            $(
                #[tokio::test]
                async fn $scenario() {
                    crate::support::run(super::$scenario::<crate::wire::Prpc>).await;
                }
            )*
        }
    };
}

mod access;
mod activate;
mod control;
mod cycles;
mod depend;
mod ensure;
mod finish;
#[path = "../support/mod.rs"]
mod ground;
mod jobs;
mod life;
mod literal;
mod queue;
mod sizes;
mod support;
mod templates;
mod visible;
mod walk;
mod watch;
mod wire;
