//! Turns byte offsets of a text into lines and columns, in constant time each.
//!
//! A generated file may hold everything in one line, so neither a scan from the start of the text nor one
//! from the start of the line will do.

use super::problem::Position;

/// Bytes between two remembered character counts.
const STRIDE: usize = 256;

pub(super) struct LineIndex<'t> {
    text: &'t str,
    line_starts: Vec<usize>,
    /// How many characters start before byte `i * STRIDE`.
    characters: Vec<usize>,
}

impl<'t> LineIndex<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        let mut line_starts = vec![0];
        let mut characters = Vec::with_capacity(text.len() / STRIDE + 1);
        let mut seen = 0;
        for (offset, byte) in text.bytes().enumerate() {
            if offset % STRIDE == 0 {
                characters.push(seen);
            }
            seen += usize::from(starts_character(byte));
            if byte == b'\n' {
                line_starts.push(offset + 1);
            }
        }
        if text.len().is_multiple_of(STRIDE) {
            characters.push(seen);
        }
        Self {
            text,
            line_starts,
            characters,
        }
    }

    /// The place of the character that starts at byte `offset`; one past the end is fine.
    pub(super) fn position(&self, offset: usize) -> Position {
        let offset = offset.min(self.text.len());
        let line = self.line_starts.partition_point(|&start| start <= offset);
        let start = self.line_starts[line - 1];
        let column = self.characters_before(offset) - self.characters_before(start) + 1;
        Position {
            line: u32::try_from(line).unwrap_or(u32::MAX),
            column: u32::try_from(column).unwrap_or(u32::MAX),
        }
    }

    fn characters_before(&self, offset: usize) -> usize {
        let block = offset / STRIDE;
        let rest = &self.text.as_bytes()[block * STRIDE..offset];
        self.characters[block] + rest.iter().filter(|&&b| starts_character(b)).count()
    }
}

fn starts_character(byte: u8) -> bool {
    byte & 0b1100_0000 != 0b1000_0000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_offset_agrees_with_counting_by_hand() {
        let text = "aé\r\n\n漢字 = 1\nlong ".repeat(100);
        let index = LineIndex::new(&text);
        for (offset, _) in text.char_indices().chain([(text.len(), ' ')]) {
            let before = &text[..offset];
            let line = before.matches('\n').count() + 1;
            let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
            let found = index.position(offset);
            assert_eq!(
                (found.line as usize, found.column as usize),
                (line, column),
                "offset {offset}"
            );
        }
    }

    #[test]
    fn a_text_of_any_length_has_an_end() {
        for length in [0, 1, STRIDE - 1, STRIDE, STRIDE + 1, 2 * STRIDE] {
            let text = "x".repeat(length);
            assert_eq!(
                LineIndex::new(&text).position(length).column as usize,
                length + 1
            );
        }
    }
}
