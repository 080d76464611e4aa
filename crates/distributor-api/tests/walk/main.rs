//! `dm.Deps.WalkGraph`, over stored graphs.

mod asking;
mod auth;
mod bounds;
mod filters;
mod random;
mod results;
mod shape;
mod snapshots;
mod support;
mod view;
