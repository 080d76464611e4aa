//! Notifications as journal rows keep them.
//!
//! Those that came from outside get there at once. A hint gets there when its handling has failed and
//! will be tried again; it is not durable before.

use std::collections::BTreeMap;

use distributor_core::{ExecutionId, Notification};
use prost::Message;

#[derive(Clone, PartialEq, Message)]
struct Body {
    #[prost(bytes = "vec", tag = "1")]
    data: Vec<u8>,
    #[prost(btree_map = "string, string", tag = "2")]
    attributes: BTreeMap<String, String>,
}

pub(super) fn encode(notification: Notification) -> Vec<u8> {
    let body = Body {
        data: notification.data,
        attributes: notification.attributes,
    };
    body.encode_to_vec()
}

/// `None` if it was damaged.
pub(super) fn decode(id: ExecutionId, payload: &[u8]) -> Option<Notification> {
    let body = Body::decode(payload).ok()?;
    Some(Notification {
        id,
        data: body.data,
        attributes: body.attributes,
    })
}

#[cfg(test)]
mod tests {
    use distributor_core::QuestId;

    use super::*;

    #[test]
    fn stored_notifications_keep_decoding() {
        let id = QuestId::from_bytes([1; 32]).attempt(2).execution(3);
        let mut notification = Notification::new(id, vec![0, 0xff]);
        notification
            .attributes
            .insert("a".to_owned(), "b".to_owned());
        let sample = [0x0a, 2, 0, 0xff, 0x12, 6, 0x0a, 1, b'a', 0x12, 1, b'b'];
        assert_eq!(decode(id, &sample), Some(notification.clone()));
        assert_eq!(encode(notification), sample);
        assert_eq!(decode(id, &[0x0a, 9]), None);
    }
}
