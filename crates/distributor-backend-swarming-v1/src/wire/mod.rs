//! The JSON bodies of Swarming's first API, as far as this backend has a use for them.
//!
//! Whole numbers of 64 bits are written as strings and read as either; `null` is what is absent; fields
//! that nobody here knows are ignored, because later servers added some. It refuses to judge: a state
//! is a text here.

mod form;
mod look;
mod request;
mod response;

pub(crate) use look::{TaskList, TaskOutput};
pub(crate) use request::{
    CancelRequest, CasDigest, CasReference, CipdInput, CipdPackage, NewTaskRequest, SecretText,
    StringPair, TaskProperties,
};
pub(crate) use response::{
    CancelResponse, CipdPins, ErrorBody, NewTaskResponse, StringListPair, TaskResult, TaskStates,
};

#[cfg(test)]
mod tests;
