//! `dm.Deps` without WalkGraph, as its callers see it. Tests of a promise begin with its row.

#[path = "../support/mod.rs"]
mod support;

mod activate;
mod depend;
mod ensure;
mod finish;
mod garbage;
mod template_files;
mod templates;
