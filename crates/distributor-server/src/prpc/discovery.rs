//! `discovery.Discovery`: which services there are, for tools that know none of them beforehand.
//!
//! Its two messages are written here by hand, because they are of pRPC and not of ours. They have no
//! descriptor, and so no JSON and no text.

use bytes::Bytes;
use distributor_proto::DESCRIPTOR_SET;
use prost::{Message, Name};

use super::call::{Answer, Call};
use crate::methods::{SERVICES, Unary};

/// The service and its one method.
pub(super) const DESCRIBE: (&str, &str) = ("discovery.Discovery", "Describe");

/// The answer: a `FileDescriptorSet`, and the full names of the services.
#[derive(Clone, PartialEq, Message)]
pub(super) struct DescribeResponse {
    /// Encoded; on the wire that is the same as the message itself.
    #[prost(bytes = "bytes", tag = "1")]
    pub(super) description: Bytes,
    #[prost(string, repeated, tag = "2")]
    pub(super) services: Vec<String>,
}

impl Name for DescribeResponse {
    const PACKAGE: &'static str = "discovery";
    const NAME: &'static str = "DescribeResponse";
}

/// Answers everybody: it says nothing that is not in the published schemas.
pub(super) fn describe(call: Call) -> Answer {
    call.unary(|_, _, (): ()| async {
        Ok(DescribeResponse {
            description: Bytes::from_static(DESCRIPTOR_SET),
            services: SERVICES.iter().map(|&name| name.to_owned()).collect(),
        })
    })
}
