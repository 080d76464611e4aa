//! Google Pub/Sub from the client's side: the pull receiver, and published key sets.
//!
//! It refuses to know what a message means: that is `distributor_api::notify`'s.
