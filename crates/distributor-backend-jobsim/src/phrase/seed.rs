//! Where the randomness of a job comes from: pure functions of its phrase and a position in it.
//!
//! The generator is SplitMix64 and not Go's: quest ids are *not* those that the original's jobs
//! would have had, wherever a seed is drawn from the generator. Mixed seeds are as the original's.

/// Keeps the draws for failures apart from those for seeds.
const FAILURES: u64 = 0x6a6f_6273_696d_2121;

const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;
const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0000_0100_0000_01b3;

/// The seed that a dependency's phrase gets.
///
/// `current` is the seed of the phrase that depends, `written` the one in the dependency's phrase,
/// `round` the index in the stage after expansion, `position` the same counted from the phrase's
/// first stage: stages that draw must not draw the same.
pub(super) fn of_dependency(
    current: i64,
    written: i64,
    mix: bool,
    round: u64,
    position: u64,
) -> i64 {
    match (mix, written) {
        (true, 0) => draw(current.cast_unsigned(), position).cast_signed(),
        (true, written) => mixed(current, written, round),
        (false, 0) => current,
        (false, written) => written,
    }
}

/// Whether the stage at `index` fails, if it fails in `chance` of all cases. 0 never, 1 always.
pub(crate) fn chance(seed: i64, index: usize, chance: f32) -> bool {
    let position = u64::try_from(index).unwrap_or(u64::MAX);
    let bits = draw(seed.cast_unsigned() ^ FAILURES, position) >> 11;
    // 53 bits fit a double exactly, so this is at least 0 and less than 1.
    let drawn = bits as f64 / (1_u64 << 53) as f64;
    chance > 0.0 && (chance >= 1.0 || drawn <= f64::from(chance))
}

/// Output number `position` of SplitMix64, from 0.
fn draw(seed: u64, position: u64) -> u64 {
    let mut value = seed.wrapping_add(position.wrapping_add(1).wrapping_mul(GOLDEN));
    value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

/// FNV-1a of the three numbers.
fn mixed(current: i64, written: i64, round: u64) -> i64 {
    let parts = [
        current.wrapping_mul(2_147_483_647),
        written,
        round.cast_signed(),
    ];
    let mut hash = FNV_OFFSET;
    for byte in parts.into_iter().flat_map(i64::to_le_bytes) {
        hash = (hash ^ u64::from(byte)).wrapping_mul(FNV_PRIME);
    }
    hash.cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_stay_what_they_are() {
        let dependency = |current, written, mix, round, position| {
            of_dependency(current, written, mix, round, position)
        };
        assert_eq!(dependency(7, 0, false, 3, 3), 7);
        assert_eq!(dependency(7, 9, false, 3, 3), 9);
        // The first outputs of SplitMix64 for the seed 0, from its reference implementation.
        assert_eq!(dependency(0, 0, true, 0, 0), -2_152_535_657_050_944_081);
        assert_eq!(dependency(0, 0, true, 1, 1), 7_960_286_522_194_355_700);
        assert_eq!(dependency(0, 0, true, 0, 2), 487_617_019_471_545_679);
        assert_eq!(dependency(-1, 0, true, 0, 0), -1_956_407_806_741_107_680);
        assert_eq!(dependency(1, 2, true, 3, 0), 4_821_533_990_495_486_912);
        assert_eq!(
            dependency(i64::MAX, -5, true, 0, 9),
            -3_327_232_819_547_216_516
        );
    }

    #[test]
    fn a_chance_of_zero_never_fails_and_of_one_always() {
        for seed in -500..500 {
            assert!(!chance(seed, 0, 0.0));
            assert!(chance(seed, 0, 1.0));
        }
    }

    #[test]
    fn a_chance_is_a_share_of_seeds_and_of_stages() {
        let failures =
            |chance_of: f32| (0..1000).filter(|seed| chance(*seed, 2, chance_of)).count();
        assert!((200..300).contains(&failures(0.25)), "{}", failures(0.25));
        assert!((700..800).contains(&failures(0.75)), "{}", failures(0.75));
        let stages = (0..1000).filter(|stage| chance(5, *stage, 0.5)).count();
        assert!((450..550).contains(&stages), "{stages}");
        assert_eq!(failures(0.25), failures(0.25));
    }
}
