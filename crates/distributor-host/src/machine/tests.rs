//! Tables of the life cycle.
