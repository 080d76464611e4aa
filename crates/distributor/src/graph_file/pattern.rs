//! A glob of `inputs`, taken apart at its `/` so that a walk can follow it folder by folder.
//!
//! `*`, `?`, `[…]` and `{a,b}` match inside one part of a path, `**` stands alone for any number of
//! folders. As in a shell, a part that does not begin with a written dot matches no hidden name: that keeps
//! state folders and version control out of `**`. Never looks at the disk.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use globset::{GlobBuilder, GlobMatcher};

use super::relative::{self, Refusal};

/// One part of a glob.
pub(super) enum Part {
    /// Exactly this name.
    Name(String),
    /// Names that begin and end so. By far the most common kind, and a graph may hold 100,000 different
    /// ones: they are not worth compiling.
    Affixes { prefix: String, suffix: String },
    /// Any other pattern; every match begins with `prefix`.
    Glob {
        prefix: String,
        matcher: GlobMatcher,
    },
    /// `**`: this folder and all below it.
    AnyDepth,
}

/// The parts of the glob `text`.
pub(super) fn parse(text: &str) -> Result<Vec<Part>, Refusal> {
    let mut parts = Vec::new();
    for part in relative::parts(text)? {
        let part = parse_part(text, part)?;
        // A second `**` in a row adds nothing but work.
        if !(matches!(part, Part::AnyDepth) && matches!(parts.last(), Some(Part::AnyDepth))) {
            parts.push(part);
        }
    }
    Ok(parts)
}

/// Whether the glob is a plain path.
pub(super) fn is_plain(parts: &[Part]) -> bool {
    parts.iter().all(|part| matches!(part, Part::Name(_)))
}

fn parse_part(text: &str, part: &str) -> Result<Part, Refusal> {
    const SPECIAL: [char; 7] = ['*', '?', '[', ']', '{', '}', '\\'];
    if part == "**" {
        return Ok(Part::AnyDepth);
    }
    let Some(special) = part.find(SPECIAL) else {
        return Ok(Part::Name(part.to_owned()));
    };
    if part.contains("**") {
        return Err(Refusal::new(format!(
            "bad glob `{text}`: `**` must stand alone between slashes"
        ))
        .with_help("use `*` for names, and `**/` for folders of any depth"));
    }
    let prefix = part[..special].to_owned();
    if let Some((before, suffix)) = part.split_once('*')
        && !suffix.contains(SPECIAL)
        && before == prefix
    {
        return Ok(Part::Affixes {
            prefix,
            suffix: suffix.to_owned(),
        });
    }
    let glob = GlobBuilder::new(part)
        .literal_separator(true)
        .backslash_escape(true)
        .empty_alternates(true)
        .build()
        .map_err(|error| {
            let refusal = Refusal::new(format!("bad glob `{text}`: {}", error.kind()));
            if part.contains('{') && text.contains('}') && !part.contains('}') {
                refusal.with_help("a `/` cannot stand inside `{…}`: write one glob for each alternative")
            } else {
                refusal.with_help("to match a special character itself, write it in brackets: `[[]`, `[{]`, `[*]`")
            }
        })?;
    Ok(Part::Glob {
        prefix,
        matcher: glob.compile_matcher(),
    })
}

impl Part {
    /// What every name begins with that this part matches; empty for `**`.
    pub(super) fn prefix(&self) -> &str {
        match self {
            Self::Name(name) => name,
            Self::Affixes { prefix, .. } | Self::Glob { prefix, .. } => prefix,
            Self::AnyDepth => "",
        }
    }

    /// Whether this part matches the name of one file or folder.
    pub(super) fn matches(&self, name: &OsStr) -> bool {
        let bytes = name.as_bytes();
        if bytes.starts_with(b".") && !self.prefix().starts_with('.') {
            return false;
        }
        match self {
            Self::Name(own) => own.as_bytes() == bytes,
            Self::Affixes { prefix, suffix } => {
                bytes.len() >= prefix.len() + suffix.len()
                    && bytes.starts_with(prefix.as_bytes())
                    && bytes.ends_with(suffix.as_bytes())
            }
            Self::Glob { matcher, .. } => matcher.is_match(Path::new(name)),
            Self::AnyDepth => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(glob: &str, matching: &[&str], other: &[&str]) {
        let parts = parse(glob).unwrap();
        let [part] = &parts[..] else {
            panic!("{glob} has {} parts", parts.len());
        };
        for name in matching {
            assert!(part.matches(OsStr::new(name)), "{glob} should match {name}");
        }
        for name in other {
            assert!(
                !part.matches(OsStr::new(name)),
                "{glob} should not match {name}"
            );
        }
    }

    #[test]
    fn parts_match_as_a_shell_would() {
        check("main.c", &["main.c"], &["main.cc", "amain.c"]);
        check("*.c", &["a.c", "ä.c"], &[".c", ".a.c", "a.h"]);
        check("ab*ba", &["abba", "abxba"], &["aba", "ab"]);
        check("*", &["a", "a.b"], &[".a"]);
        check(".*", &[".a"], &["a"]);
        check("[ab]?.{c,h}", &["ax.c", "by.h"], &["cx.c", "a.c", "axy.c"]);
        check("x{,_test}.c", &["x.c", "x_test.c"], &["x_.c"]);
        check("a[*]b", &["a*b"], &["axb"]);
        check(r"a\*b*", &["a*bc"], &["axbc"]);
        check("a*b*c", &["abc", "axbxc"], &["ab"]);
    }

    #[test]
    fn bad_globs_are_refused() {
        for glob in ["[a", "{a", "a}", "a**", "x/**b/c", "{a/b,c}.h", "a\\"] {
            assert!(parse(glob).is_err(), "{glob}");
        }
    }

    #[test]
    fn repeated_double_stars_count_once() {
        assert_eq!(parse("a/**/**/b").unwrap().len(), 3);
    }
}
