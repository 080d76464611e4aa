//! A message, as Swarming publishes it and as Pub/Sub shows it.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::clock::Micros;
use crate::model::Task;
use crate::wire::zulu;

/// A message.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Message {
    /// Unique; copies share it.
    pub(crate) id: String,
    /// When it was published.
    pub(crate) published: Micros,
    /// In base64.
    pub(crate) data: String,
    /// Among them what must not be shown.
    pub(crate) attributes: BTreeMap<String, String>,
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Message({})", self.id)
    }
}

impl Message {
    /// The topic and the message that tell of a change of this task, if it wants any: neither its state
    /// nor anything else is in it.
    pub(crate) fn of(task: &Task, now: Micros) -> Option<(&str, Message)> {
        let notify = task.request.notify.as_ref()?;
        let data = json!({ "task_id": task.id.to_string(), "userdata": notify.userdata });
        let token = notify.auth_token.iter();
        let message = Message {
            id: String::new(),
            published: now,
            data: STANDARD.encode(format!("{data:#}")),
            attributes: token
                .map(|token| ("auth_token".to_owned(), token.reveal().to_owned()))
                .collect(),
        };
        Some((&notify.topic, message))
    }

    /// As a pull shows it.
    pub(crate) fn pulled(&self) -> Value {
        let mut shown = json!({
            "messageId": self.id,
            "publishTime": zulu(self.published),
        });
        if !self.data.is_empty() {
            shown["data"] = json!(self.data);
        }
        if !self.attributes.is_empty() {
            shown["attributes"] = json!(self.attributes);
        }
        shown
    }

    /// The body of a push: some names come in both spellings.
    pub(crate) fn pushed(&self, subscription: &str) -> Value {
        let mut message = self.pulled();
        message["message_id"] = message["messageId"].clone();
        message["publish_time"] = message["publishTime"].clone();
        json!({ "message": message, "subscription": subscription })
    }
}
