//! Byte offsets to lines and columns.

pub(super) struct Lines<'t> {
    text: &'t str,
    starts: Vec<usize>,
}

impl<'t> Lines<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        let breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let starts = std::iter::once(0)
            .chain(breaks.map(|(offset, _)| offset + 1))
            .collect();
        Lines { text, starts }
    }

    /// Line and column of the character at `offset`, both from 1, the column in characters.
    pub(super) fn position(&self, offset: usize) -> (usize, usize) {
        let offset = self.text.floor_char_boundary(offset);
        let line = self.line(offset);
        let before = &self.text[self.starts[line - 1]..offset];
        (line, before.chars().count() + 1)
    }

    pub(super) fn line(&self, offset: usize) -> usize {
        self.starts.partition_point(|&start| start <= offset)
    }
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
}
