//! Drives the real binary as users do.

mod killing;
