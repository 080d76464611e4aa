//! Where the fields of a text in text format stand, for messages about them.
//!
//! Only as fine as that needs: whether the text is a message is decided by the real parser. What comes
//! out for a text that is none is of no use, and never a panic.

use distributor_proto::templateproto::Specifier;
use distributor_proto::text::from_text;

/// How deep a file may nest; the real parser recurses.
const MAX_DEPTH: usize = 64;

/// The fields of a text, as a tree in one list.
#[derive(Debug)]
pub(super) struct Places<'t> {
    text: &'t str,
    nodes: Vec<Node>,
    roots: Vec<usize>,
    /// The text is nested too deeply, at this offset.
    too_deep: Option<usize>,
}

/// A field. Numbers are byte offsets.
#[derive(Debug)]
struct Node {
    parent: Option<usize>,
    children: Vec<usize>,
    name: (usize, usize),
    /// Of its scalar value; empty for a message.
    value: (usize, usize),
    /// The end of the field, once it was seen.
    end: usize,
}

/// What is open: a message, or a list of values of one field.
struct Frame {
    node: Option<usize>,
    list_of: Option<(usize, usize)>,
}

impl<'t> Places<'t> {
    pub(super) fn of(text: &'t str) -> Self {
        let mut places = Places {
            text,
            nodes: Vec::new(),
            roots: Vec::new(),
            too_deep: None,
        };
        places.read();
        places
    }

    /// Where the text is nested too deeply for the real parser.
    pub(super) fn too_deep(&self) -> Option<usize> {
        self.too_deep
    }

    /// The fields of a message, or of the whole text, as they stand.
    pub(super) fn fields(&self, parent: Option<usize>) -> &[usize] {
        match parent {
            None => &self.roots,
            Some(parent) => self.nodes.get(parent).map_or(&[], |node| &node.children),
        }
    }

    /// A field's name.
    pub(super) fn name(&self, node: usize) -> &'t str {
        let span = self.nodes.get(node).map_or((0, 0), |node| node.name);
        self.text.get(span.0..span.1).unwrap_or_default()
    }

    /// Where a field begins and ends.
    pub(super) fn span(&self, node: usize) -> (usize, usize) {
        let node = self.nodes.get(node);
        node.map_or((0, 0), |node| (node.name.0, node.end))
    }

    /// The text `key` of a map's entry.
    pub(super) fn key(&self, entry: usize) -> String {
        let mut fields = self.fields(Some(entry)).iter().rev();
        let key = fields.find(|field| self.name(**field) == "key");
        let value = key
            .and_then(|key| self.nodes.get(*key))
            .map(|key| key.value);
        let literal = value.and_then(|(start, end)| self.text.get(start..end));
        // The real parser knows the escapes; any message with a text will do.
        let parsed = from_text::<Specifier>(&format!("template_name: {}", literal.unwrap_or("''")));
        parsed
            .map(|parsed| parsed.template_name)
            .unwrap_or_default()
    }

    fn read(&mut self) {
        let mut stack: Vec<Frame> = Vec::new();
        let mut pending = None;
        let mut offset = 0;
        while let Some((start, end)) = token(self.text, offset) {
            offset = end;
            let first = self.text.as_bytes().get(start).copied().unwrap_or_default();
            let parent = stack.last().and_then(|frame| frame.node);
            let list_of = stack.last().and_then(|frame| frame.list_of);
            match first {
                b':' | b',' | b';' | b'-' => {}
                b'{' | b'<' => {
                    if stack.len() >= MAX_DEPTH {
                        self.too_deep = Some(start);
                        return;
                    }
                    let name = pending.take().or(list_of).unwrap_or((start, start));
                    let node = self.add(parent, name, (start, start));
                    stack.push(Frame {
                        node: Some(node),
                        list_of: None,
                    });
                }
                b'[' if pending.is_some() => {
                    if stack.len() >= MAX_DEPTH {
                        self.too_deep = Some(start);
                        return;
                    }
                    stack.push(Frame {
                        node: parent,
                        list_of: pending.take(),
                    });
                }
                b'[' => {
                    // The name of an extension or of a type.
                    let rest = self.text.get(end..).unwrap_or_default();
                    offset = rest.find(']').map_or(end, |length| end + length + 1);
                    pending = Some((start, offset));
                }
                b'}' | b'>' | b']' => {
                    if let Some(frame) = stack.pop()
                        && frame.list_of.is_none()
                        && let Some(node) = frame.node.and_then(|node| self.nodes.get_mut(node))
                    {
                        node.end = end;
                    }
                    pending = None;
                }
                quote => {
                    let name = pending.take().or(list_of);
                    let text = matches!(quote, b'"' | b'\'');
                    match name {
                        Some(name) => {
                            self.add(parent, name, (start, end));
                        }
                        // Texts that follow each other are one.
                        None if text => self.extend(parent, end),
                        None => pending = Some((start, end)),
                    }
                }
            }
        }
    }

    fn add(&mut self, parent: Option<usize>, name: (usize, usize), value: (usize, usize)) -> usize {
        let index = self.nodes.len();
        self.nodes.push(Node {
            parent,
            children: Vec::new(),
            name,
            value,
            end: value.1,
        });
        match parent.and_then(|parent| self.nodes.get_mut(parent)) {
            Some(parent) => parent.children.push(index),
            None => self.roots.push(index),
        }
        index
    }

    fn extend(&mut self, parent: Option<usize>, end: usize) {
        if let Some(node) = self.nodes.last_mut()
            && node.parent == parent
        {
            node.value.1 = end;
            node.end = end;
        }
    }
}

/// The next token from `offset` on: a word, a text with its quotes, or another character.
fn token(text: &str, mut offset: usize) -> Option<(usize, usize)> {
    let bytes = text.as_bytes();
    loop {
        match bytes.get(offset)? {
            b'#' => {
                let rest = text.get(offset..)?;
                offset += rest.find('\n').unwrap_or(rest.len());
            }
            byte if byte.is_ascii_whitespace() || *byte == 0x0b => offset += 1,
            _ => break,
        }
    }
    let start = offset;
    let quote = *bytes.get(start)?;
    if matches!(quote, b'"' | b'\'') {
        let mut end = start + 1;
        while let Some(byte) = bytes.get(end) {
            match byte {
                b'\n' => return Some((start, end)),
                b'\\' => end += 2,
                byte if *byte == quote => return Some((start, end + 1)),
                _ => end += 1,
            }
        }
        return Some((start, bytes.len()));
    }
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'+');
    let length = bytes
        .get(start..)?
        .iter()
        .take_while(|byte| is_word(byte))
        .count();
    Some((start, start + length.max(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"
# template { key: "in a comment" }
template { key: "a" value: <
  doc: "}" 'x' "y" list: [1, 2] n: -1.5e+3
  param { key: "${" 'x}' } param: [ { key: '\x24{y}' }, { key: "z" } ]
> }
template [ { key: "ä" } ]
"#;

    #[test]
    fn fields_are_found_with_their_keys() {
        let places = Places::of(TEXT);
        let keys = |nodes: &[usize]| -> Vec<String> {
            nodes.iter().map(|node| places.key(*node)).collect()
        };
        let named = |parent: usize, name: &str| -> Vec<usize> {
            let fields = places.fields(Some(parent)).iter().copied();
            fields.filter(|field| places.name(*field) == name).collect()
        };
        let templates = places.fields(None);
        assert_eq!(keys(templates), ["a", "ä"]);
        assert!(templates.iter().all(|it| places.name(*it) == "template"));
        let value = named(templates[0], "value")[0];
        assert_eq!(keys(&named(value, "param")), ["${x}", "${y}", "z"]);
        assert_eq!(named(value, "list").len(), 2);
        let (start, end) = places.span(templates[0]);
        assert!(TEXT[start..end].starts_with("template { key:"));
        assert!(TEXT[start..end].ends_with("> }"));
        let (start, end) = places.span(named(value, "doc")[0]);
        assert_eq!(&TEXT[start..end], r#"doc: "}" 'x' "y""#);
    }

    #[test]
    fn no_text_makes_it_panic() {
        for end in 0..TEXT.len() {
            for text in [TEXT.get(..end), TEXT.get(end..)].into_iter().flatten() {
                let places = Places::of(text);
                let nodes = 0..places.nodes.len();
                let keys = nodes.map(|node| (places.key(node), places.span(node)));
                assert!(keys.count() <= 20);
            }
        }
        let _unbalanced = Places::of("]}> [ a \"\\");
    }

    #[test]
    fn nesting_is_limited() {
        assert_eq!(Places::of(&"a{".repeat(64)).too_deep(), None);
        assert_eq!(Places::of(&"a{".repeat(65)).too_deep(), Some(129));
        assert_eq!(Places::of(&"a:[{".repeat(1_000_000)).too_deep(), Some(130));
    }
}
