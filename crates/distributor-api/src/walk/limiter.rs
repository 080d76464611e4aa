//! How large an answer may be, and how many bytes of result objects it may hold.
//!
//! One rule for all methods: result objects as far as the request allows, all else in
//! [`MOST_BESIDES`], and the whole of it in [`LARGEST_ANSWER`].
//!
//! It refuses to remember what did not fit: a smaller object that comes later still may.

use std::sync::atomic::{AtomicU64, Ordering};

/// What clients of the original accept as one answer, in bytes; those of gRPC have to be told.
pub(crate) const LARGEST_ANSWER: usize = 32 << 20;
/// What an answer may hold besides result objects, names and numbers, in bytes: without results it stays
/// below the 4 MiB that gRPC clients accept if nobody tells them otherwise.
pub(crate) const MOST_BESIDES: usize = 1280 * 1024;

/// A budget of bytes that objects are taken from, whole or not at all. May be shared by threads.
#[derive(Debug)]
pub(crate) struct SizeLimiter {
    left: AtomicU64,
}

impl SizeLimiter {
    /// A budget of `max` bytes; 0 is one without bound.
    pub(crate) fn new(max: u32) -> Self {
        let left = match max {
            0 => u64::MAX,
            max => u64::from(max),
        };
        SizeLimiter {
            left: AtomicU64::new(left),
        }
    }

    /// Takes `size` bytes, if they fit.
    pub(crate) fn take(&self, size: u32) -> bool {
        let taken = |left: u64| left.checked_sub(u64::from(size));
        self.left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, taken)
            .is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a30_more_than_the_limit_never_fits() {
        let limiter = SizeLimiter::new(100);
        assert!(!limiter.take(101));
        assert!(limiter.take(100));
        assert!(limiter.take(0));
        assert!(!limiter.take(1));
    }

    #[test]
    fn a30_five_of_twenty_fit_and_a_smaller_one_after_what_did_not() {
        let limiter = SizeLimiter::new(100);
        for _ in 0..4 {
            assert!(limiter.take(20));
        }
        assert!(!limiter.take(21));
        assert!(limiter.take(20));
        assert!(!limiter.take(20));
    }

    #[test]
    fn a30_nothing_overflows_near_the_largest_number() {
        let limiter = SizeLimiter::new(u32::MAX);
        assert!(limiter.take(u32::MAX - 1));
        assert!(!limiter.take(u32::MAX));
        assert!(limiter.take(1));
        assert!(!limiter.take(1));
    }

    #[test]
    fn a30_zero_is_no_limit() {
        let limiter = SizeLimiter::new(0);
        for _ in 0..3 {
            assert!(limiter.take(u32::MAX));
        }
    }

    #[test]
    fn a30_parallel_takers_get_exactly_the_limit() {
        let limiter = SizeLimiter::new(512);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..64 {
                        assert!(limiter.take(1));
                    }
                });
            }
        });
        assert!(!limiter.take(1));
    }
}
