//! Texts that nobody would write are answered, not crashed on.

use super::{Parameters, good};

/// Small, the same everywhere, and good enough to choose what to break.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    /// A number below `sides`, which is not 0.
    pub(crate) fn roll(&mut self, sides: usize) -> usize {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % sides as u64).unwrap()
    }
}

const PIECES: [&str; 16] = [
    "null",
    "{",
    "}",
    "[",
    "]",
    "\"",
    ",",
    ":",
    "-1",
    "1e999",
    "\\u0000",
    "\\ud800",
    "🦀",
    "\0",
    "[[[[",
    "\"pool\":",
];

#[test]
fn mutated_parameters_are_read_or_refused_and_always_the_same_way() {
    let text = good().to_string();
    let mut dice = Dice(5);
    let mut refused = 0;
    for _ in 0..100 {
        let mut mutant = text.clone();
        for _ in 0..=dice.roll(4) {
            let at = mutant.floor_char_boundary(dice.roll(mutant.len() + 1));
            match dice.roll(3) {
                0 => mutant.insert_str(at, PIECES[dice.roll(PIECES.len())]),
                1 => mutant.truncate(at.max(1)),
                _ => {
                    let end = (at + dice.roll(20)).min(mutant.len());
                    mutant.replace_range(at..mutant.ceil_char_boundary(end), "");
                }
            }
        }
        let first = Parameters::parse(&mutant).map_err(|error| error.to_string());
        let again = Parameters::parse(&mutant).map_err(|error| error.to_string());
        assert_eq!(first, again);
        if let Err(error) = first {
            assert!(error.starts_with("distributor_parameters: "), "{error}");
            refused += 1;
        }
    }
    assert!(refused > 50, "the mutants are too tame: {refused} refused");
}

#[test]
fn nesting_is_bounded() {
    for unit in ["{\"job\":", "[", "{\"x\":"] {
        let deep = unit.repeat(100_000);
        assert!(Parameters::parse(&deep).is_err());
        assert!(Parameters::parse(&format!("{{\"scheduling\":{deep}")).is_err());
    }
}
