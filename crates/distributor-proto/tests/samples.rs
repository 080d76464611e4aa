//! Bytes written once keep their meaning.
//!
//! The `.binpb` files in `tests/samples/` are never written again: stored records
//! and clients of other versions hold such bytes. The `.txtpb` beside each says
//! what it means.

use std::fmt::Debug;

use distributor_proto::text::from_text;
use distributor_proto::{dm, normalize_desc, quest_id};
use prost::{Message, Name};

#[track_caller]
fn check<M: Message + Name + Default + PartialEq + Debug>(bytes: &[u8], text: &str) -> M {
    let decoded = M::decode(bytes).expect("the sample decodes");
    let meant: M = from_text(text).expect("the text is well-formed");
    assert_eq!(decoded, meant);
    assert_eq!(decoded.encode_to_vec(), bytes);
    decoded
}

#[test]
fn quest_desc_keeps_its_meaning_and_id() {
    let mut desc: dm::quest::Desc = check(
        include_bytes!("samples/quest_desc.binpb"),
        include_str!("samples/quest_desc.txtpb"),
    );
    let written = desc.clone();
    assert_eq!(normalize_desc(&mut desc), Ok(()));
    assert_eq!(desc, written, "the sample is normalized");
    assert_eq!(
        quest_id(&desc).to_string(),
        "XkxD2POQfp9ODoRqrIxA7uDC_2TQxgMTtEfYG00uZFI"
    );
}

#[test]
fn graph_data_keeps_its_meaning() {
    let _: dm::GraphData = check(
        include_bytes!("samples/graph_data.binpb"),
        include_str!("samples/graph_data.txtpb"),
    );
}
