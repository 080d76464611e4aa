//! "Did you mean …": the nearest known name to a mistyped one.

/// How many names are compared for one file. The search is linear for each mistyped name, so a big file
/// in which everything is wrong would otherwise take long to say so.
const BUDGET: usize = 200_000;

/// Finds near names until its budget for one file is used up.
pub(super) struct Suggestions {
    left: usize,
}

impl Suggestions {
    pub(super) fn new() -> Self {
        Self { left: BUDGET }
    }

    /// The nearest of `known` to `wrong`, if one is near enough to be meant; the first of equals.
    pub(super) fn nearest<'k>(
        &mut self,
        wrong: &str,
        known: impl ExactSizeIterator<Item = &'k str>,
    ) -> Option<&'k str> {
        // A long text is not a mistyped name, and the distance costs the product of both lengths.
        let length = wrong.chars().count();
        self.left = self.left.checked_sub(known.len())?;
        if length > 64 {
            return None;
        }
        // One slip in a short word, two in a middling one: a third of the letters.
        let allowed = (length / 3).clamp(1, 4);
        known
            .filter(|name| name.len().abs_diff(wrong.len()) <= 4 * allowed)
            .map(|name| (strsim::osa_distance(wrong, name), name))
            .filter(|&(distance, name)| distance <= allowed && distance < name.chars().count())
            .min_by_key(|&(distance, _)| distance)
            .map(|(_, name)| name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(wrong: &str, known: &[&str], expected: Option<&str>) {
        let found = Suggestions::new().nearest(wrong, known.iter().copied());
        assert_eq!(found, expected, "{wrong}");
    }

    #[test]
    fn near_names_are_offered_and_far_ones_are_not() {
        check("retry", &["retries", "run"], None);
        check("retires", &["retries", "run"], Some("retries"));
        check("need", &["needs", "run"], Some("needs"));
        check("compiel", &["link", "compile", "compiler"], Some("compile"));
        check("zzz", &["a", "run"], None);
        check("b", &["a", "c"], None);
        check("", &["a"], None);
    }

    #[test]
    fn the_search_ends_when_its_budget_is_used_up() {
        let mut suggestions = Suggestions { left: 3 };
        let known = ["ab", "cd"];
        assert_eq!(
            suggestions.nearest("abc", known.iter().copied()),
            Some("ab")
        );
        assert_eq!(suggestions.nearest("abc", known.iter().copied()), None);
    }
}
