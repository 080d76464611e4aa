//! Places in texts, as people and editors count them.

use std::fmt;

/// A place in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Position {
    /// Bytes before it.
    pub offset: usize,
    /// Line, from 1.
    pub line: usize,
    /// Column, from 1, counted in characters.
    pub column: usize,
}

impl Position {
    /// The place `offset` bytes into `text`, or its end if it is shorter. Takes
    /// time linear in the offset.
    #[must_use]
    pub fn in_text(text: &[u8], offset: usize) -> Self {
        let before = text.get(..offset).unwrap_or(text);
        let line_start = before
            .iter()
            .rposition(|&byte| byte == b'\n')
            .map_or(0, |newline| newline + 1);
        let newlines = before.iter().filter(|&&byte| byte == b'\n').count();
        let characters = String::from_utf8_lossy(&before[line_start..])
            .chars()
            .count();
        Position {
            offset: before.len(),
            line: newlines + 1,
            column: characters + 1,
        }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "line {} column {}", self.line, self.column)
    }
}

#[cfg(test)]
mod tests {
    use super::Position;

    #[test]
    fn columns_count_characters_and_lines_newlines() {
        let text = "a\nä€x\n";
        for (offset, line, column) in [
            (0, 1, 1),
            (1, 1, 2),
            (2, 2, 1),
            (4, 2, 2),
            (7, 2, 3),
            (9, 3, 1),
        ] {
            let expected = Position {
                offset,
                line,
                column,
            };
            assert_eq!(Position::in_text(text.as_bytes(), offset), expected);
        }
        let beyond = Position::in_text(text.as_bytes(), 100);
        assert_eq!(beyond.to_string(), "line 3 column 1");
    }
}
