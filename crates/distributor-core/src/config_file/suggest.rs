//! "Did you mean …", and lists of names that stay readable.

/// How many names a message lists at most.
pub(super) const LISTED: usize = 20;

/// The nearest of `known` to `wrong`, if one is near enough to be meant.
pub(super) fn nearest<'k>(
    wrong: &str,
    known: impl IntoIterator<Item = &'k str>,
) -> Option<&'k str> {
    let length = wrong.chars().count();
    // A long text is not a mistyped name, and the distance costs the product of both lengths.
    if length > 64 {
        return None;
    }
    let allowed = (length / 3).clamp(1, 4);
    known
        .into_iter()
        .filter(|name| name.len() <= 256)
        .map(|name| (strsim::osa_distance(wrong, name), name))
        .filter(|&(distance, name)| distance <= allowed && distance < name.chars().count())
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, name)| name)
}

/// "a, b, c", at most [`LISTED`] of them, and how many more there are.
pub(super) fn list<'k>(names: impl IntoIterator<Item = &'k str>) -> String {
    let mut names = names.into_iter();
    let shown: Vec<_> = names.by_ref().take(LISTED).collect();
    let more = names.count();
    match (shown.is_empty(), more) {
        (true, _) => "none".to_owned(),
        (false, 0) => shown.join(", "),
        (false, more) => format!("{} and {more} more", shown.join(", ")),
    }
}

/// "did you mean `x`? LABEL: a, b, c"
pub(super) fn advice<'k>(
    wrong: &str,
    label: &str,
    known: impl IntoIterator<Item = &'k str> + Clone,
) -> String {
    let all = format!("{label}: {}", list(known.clone()));
    match nearest(wrong, known) {
        Some(name) => format!("did you mean `{name}`? {all}"),
        None => all,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_offered_and_far_ones_are_not() {
        assert_eq!(nearest("dealy", ["delay", "failure"]), Some("delay"));
        assert_eq!(nearest("nop", ["alias", "noop"]), Some("noop"));
        assert_eq!(nearest("b", ["a", "c"]), None);
        assert_eq!(nearest(&"x".repeat(1_000), ["x"]), None);
    }

    #[test]
    fn a_long_list_is_cut() {
        let names: Vec<_> = (0..23).map(|n| format!("n{n}")).collect();
        let listed = list(names.iter().map(String::as_str));
        assert!(listed.ends_with("n18, n19 and 3 more"), "{listed}");
        assert_eq!(list([]), "none");
    }
}
