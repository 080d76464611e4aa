//! What counts as a value.

use prost::Message;
use prost_reflect::MessageDescriptor;

use super::{of_binary, of_json, of_text};
use crate::dm;
use crate::text::{descriptor_pool, from_json};

#[test]
fn messages_and_strings_are_counted_at_any_depth() {
    let json =
        r#"{"query":{"attemptRange":[{"quest":"q","low":1},{}]},"exclude":{"quests":["a","b"]}}"#;
    let request = from_json::<dm::WalkGraphReq>(json).unwrap();
    let bytes = request.encode_to_vec();
    // The query, two ranges, a quest; the exclusion, two quests.
    assert_eq!(of_binary::<dm::WalkGraphReq>(&bytes, 100), 7);
    assert_eq!(of_binary::<dm::WalkGraphReq>(&bytes, 5), 5);
    // The ranges are inside a string of another message.
    assert_eq!(of_binary::<dm::quest::Desc>(&bytes, 100), 2);
    assert_eq!(of_binary::<prost_types::Any>(&bytes, 100), 2);
}

#[test]
fn counting_ends_where_the_encoding_is_malformed() {
    for bytes in [
        &b""[..],
        b"\x12",
        b"\x12\x7f",
        b"\xff\xff",
        b"\x0b",
        b"\x12\x01\x07",
    ] {
        assert!(of_binary::<dm::WalkGraphReq>(bytes, 100) <= 1, "{bytes:?}");
    }
}

#[test]
fn strings_and_comments_of_texts_do_not_count() {
    assert_eq!(of_json(b"{\"a,b\\\":{[\": [1, {}]}"), 5);
    assert_eq!(of_json(b"\"{"), 0);
    assert_eq!(of_json(b"\"\\"), 0);
    assert_eq!(of_json(b"# ' { \n {"), 2);
    assert_eq!(of_text(b"a { b: ['}\"{', \"'{\"] } # don't {{\nc < >"), 5);
}

/// Counting goes as deep as the messages do, so there must be an end to that.
#[test]
fn no_message_holds_one_of_its_own_kind() {
    fn check(message: &MessageDescriptor, outer: &mut Vec<String>) {
        assert!(
            !outer.iter().any(|it| it == message.full_name()),
            "{outer:?}"
        );
        outer.push(message.full_name().to_owned());
        for field in message.fields() {
            if let Some(inner) = field.kind().as_message() {
                check(inner, outer);
            }
        }
        outer.pop();
    }
    for message in descriptor_pool().all_messages() {
        check(&message, &mut Vec::new());
    }
}
