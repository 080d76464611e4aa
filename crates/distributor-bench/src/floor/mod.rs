//! Floors: the least that must be done for the same effect. Nothing here uses the product.

pub(crate) mod notifications;
pub(crate) mod processes;
pub(crate) mod sqlite;
