//! Equal configuration gives equal bytes: map entries are put in the order of their keys.
//!
//! All other fields are encoded by ascending number already.

use prost::Message;
use prost_reflect::{DynamicMessage, MapKey, ReflectMessage, Value};

use crate::registry::Schema;

pub(super) fn encode(mut message: DynamicMessage, schema: &Schema) -> Vec<u8> {
    sort_maps(&mut message, schema);
    message.encode_to_vec()
}

fn sort_maps(message: &mut DynamicMessage, schema: &Schema) {
    for (_, value) in message.fields_mut() {
        match value {
            Value::Message(inner) => sort_maps(inner, schema),
            Value::List(items) => sort_items(items, schema),
            _ => {}
        }
    }
}

fn sort_items(items: &mut [Value], schema: &Schema) {
    for item in &mut *items {
        if let Value::Message(inner) = item {
            sort_maps(inner, schema);
        }
    }
    let in_map = items
        .first()
        .and_then(Value::as_message)
        .is_some_and(|first| schema.is_map_entry(&first.descriptor()));
    if in_map {
        items.sort_by_cached_key(key);
    }
}

fn key(item: &Value) -> Option<MapKey> {
    let key = item.as_message()?.get_field_by_name("key")?;
    key.into_owned().into_map_key()
}
