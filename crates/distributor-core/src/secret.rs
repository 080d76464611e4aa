//! Bytes that must not be seen: `Debug` hides them, comparison takes constant time.
//!
//! It refuses `Display`, `Clone`-free printing helpers and serialization: whoever needs the bytes
//! says so with [`Secret::expose`], which is easy to search for.

use std::fmt;

use subtle::ConstantTimeEq;

/// A secret: an activation token, an execution token, a key.
#[derive(Clone, Default)]
pub struct Secret(Vec<u8>);

impl Secret {
    /// Wraps the bytes.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Secret(bytes.into())
    }

    /// The bytes, for handing to the one who may have them.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// True if there are no bytes: an erased token, which equals nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Compares without leaking where the difference is. An empty secret never matches.
    pub fn matches(&self, other: &[u8]) -> bool {
        !self.0.is_empty() && bool::from(self.0.ct_eq(other))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_nothing() {
        assert_eq!(format!("{:?}", Secret::new(*b"hunter2")), "Secret(…)");
    }

    #[test]
    fn an_erased_secret_matches_nothing() {
        assert!(Secret::new(*b"abc").matches(b"abc"));
        assert!(!Secret::new(*b"abc").matches(b"abd"));
        assert!(!Secret::default().matches(b""));
    }
}
