//! Byte offsets to lines and columns, in about constant time also in a file of one long line.

/// Bytes between two remembered character counts.
const STRIDE: usize = 256;

pub(super) struct Lines<'t> {
    text: &'t str,
    starts: Vec<usize>,
    /// How many characters start before byte `i * STRIDE`.
    characters: Vec<usize>,
}

impl<'t> Lines<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        let breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let starts = std::iter::once(0)
            .chain(breaks.map(|(offset, _)| offset + 1))
            .collect();
        let mut characters = vec![0];
        let mut total = 0;
        for block in text.as_bytes().chunks(STRIDE) {
            total += count(block);
            characters.push(total);
        }
        Lines {
            text,
            starts,
            characters,
        }
    }

    /// Line and column of the character at `offset`, both from 1, the column in characters.
    pub(super) fn position(&self, offset: usize) -> (usize, usize) {
        let offset = self.text.floor_char_boundary(offset);
        let line = self.line(offset);
        let start = self.starts[line - 1];
        let column = self.characters_before(offset) - self.characters_before(start) + 1;
        (line, column)
    }

    pub(super) fn line(&self, offset: usize) -> usize {
        self.starts.partition_point(|&start| start <= offset)
    }

    fn characters_before(&self, offset: usize) -> usize {
        let block = offset / STRIDE;
        let rest = &self.text.as_bytes()[block * STRIDE..offset];
        self.characters[block] + count(rest)
    }
}

fn count(bytes: &[u8]) -> usize {
    let starts_character = |byte: &&u8| **byte & 0b1100_0000 != 0b1000_0000;
    bytes.iter().filter(starts_character).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters_and_the_end_has_a_position() {
        let lines = Lines::new("ab\näöü{\n");
        assert_eq!(lines.position(0), (1, 1));
        assert_eq!(lines.position(2), (1, 3));
        assert_eq!(lines.position(9), (2, 4));
        assert_eq!(lines.position(11), (3, 1));
        assert_eq!(lines.position(1_000), (3, 1));
        assert_eq!(Lines::new("").position(0), (1, 1));
    }

    #[test]
    fn long_lines_agree_with_counting_by_hand() {
        let text = "aé\r\n漢字 = 1 ".repeat(300).replace('\r', "x");
        let lines = Lines::new(&text);
        for (offset, _) in text.char_indices() {
            let before = &text[..offset];
            let line = before.matches('\n').count() + 1;
            let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
            assert_eq!(lines.position(offset), (line, column), "offset {offset}");
        }
    }
}
