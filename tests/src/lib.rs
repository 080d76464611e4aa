//! End-to-end tests of the `distributor` binary.
