//! What a request must look like, checked before anything else (`dm-api.md`, section 5).

pub(crate) mod walk;
