//! Numbers that look random and are the same each time: what failed once fails again.

/// A 64-bit linear congruential generator.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// Begins the sequence that belongs to `seed`.
    pub fn new(seed: u64) -> Self {
        Random(seed)
    }

    /// The next number, less than `limit`.
    pub fn below(&mut self, limit: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap_or(0) % limit
    }
}
