//! The part of Pub/Sub's own API that a pull receiver needs; `PUBSUB_EMULATOR_HOST` may name the farm.

use std::collections::BTreeMap;

use http::StatusCode;
use serde_json::{Value, json};

use super::failure::Failure;
use super::{Reply, Request};
use crate::clock::{Micros, SECOND};
use crate::publish::Message;
use crate::shared::Shared;
use crate::wire::{Fields, is_topic};

/// How long a pull holds what it got, unless it asks for more.
const ACK_DEADLINE: Micros = 10 * SECOND;
/// How long a pull waits for the first message.
const LONG_POLL: Micros = 20 * SECOND;

pub(super) async fn call(
    shared: &Shared,
    verb: &str,
    name: &str,
    request: &Request,
) -> Result<Reply, Failure> {
    let body = request.json()?;
    let fields = Fields::of(&body)?;
    if verb == "publish" {
        return publish(shared, name, fields).map(|value| answer(&value));
    }
    if shared.lock().outbox.subscription(name).is_none() {
        return Err(Failure::not_found(format!(
            "there is no subscription {name}"
        )));
    }
    let value = match verb {
        "pull" => pull(shared, name, fields).await?,
        "acknowledge" => acknowledge(shared, name, fields)?,
        "modifyAckDeadline" => modify(shared, name, fields)?,
        other => return Err(Failure::not_found(format!("there is no method {other}"))),
    };
    Ok(answer(&value))
}

/// Here also what is empty is an object.
fn answer(value: &Value) -> Reply {
    Reply::of(StatusCode::OK, value.to_string().into())
}

async fn pull(shared: &Shared, name: &str, mut fields: Fields<'_>) -> Result<Value, Failure> {
    let most = fields.int_in("maxMessages", 1, i64::from(i32::MAX))?;
    let Some(most) = most else {
        return Err(fields.refuse("maxMessages", "is required").into());
    };
    let at_once = fields.flag("returnImmediately")?;
    fields.finish()?;
    let most = usize::try_from(most).unwrap_or(usize::MAX).min(1000);
    let clock = shared.clock();
    let patience = clock.now().saturating_add(LONG_POLL);
    let mut mail = shared.mail();
    loop {
        mail.borrow_and_update();
        let taken = shared.pull(name, most, ACK_DEADLINE);
        if !taken.is_empty() || at_once || clock.now() >= patience {
            let received: Vec<Value> = taken
                .iter()
                .map(|delivery| {
                    json!({
                        "ackId": format!("{}-{}", delivery.id, delivery.tries),
                        "message": delivery.message.pulled(),
                    })
                })
                .collect();
            return Ok(match received.is_empty() {
                true => json!({}),
                false => json!({ "receivedMessages": received }),
            });
        }
        let next = shared.lock().outbox.next_due(name);
        tokio::select! {
            _changed = mail.changed() => {}
            () = clock.sleep_until(next.unwrap_or(patience).min(patience)) => {}
        }
    }
}

/// The deliveries that these ack ids stand for, and as which try of them. Strange ones are nothing.
fn held(fields: &mut Fields<'_>) -> Result<Vec<(i64, u32)>, Failure> {
    let ids = fields.texts("ackIds", 10_000)?;
    if ids.is_empty() {
        return Err(fields.refuse("ackIds", "is required").into());
    }
    let parse = |text: &String| {
        let (id, tries) = text.split_once('-')?;
        Some((id.parse().ok()?, tries.parse().ok()?))
    };
    Ok(ids.iter().filter_map(parse).collect())
}

fn acknowledge(shared: &Shared, name: &str, mut fields: Fields<'_>) -> Result<Value, Failure> {
    let held = held(&mut fields)?;
    fields.finish()?;
    let mut state = shared.lock();
    // What came too late is delivered again: nobody may rely on the contrary.
    let done: Vec<i64> = held
        .iter()
        .filter(|(id, tries)| state.outbox.tries(name, *id) == Some(*tries))
        .map(|(id, _)| *id)
        .collect();
    state.acknowledge(&done)?;
    Ok(json!({}))
}

fn modify(shared: &Shared, name: &str, mut fields: Fields<'_>) -> Result<Value, Failure> {
    let held = held(&mut fields)?;
    let Some(seconds) = fields.int_in("ackDeadlineSeconds", 0, 600)? else {
        return Err(fields.refuse("ackDeadlineSeconds", "is required").into());
    };
    fields.finish()?;
    let until = shared.clock().now().saturating_add(seconds * SECOND);
    shared.put_off(name, &held, until);
    Ok(json!({}))
}

fn publish(shared: &Shared, topic: &str, mut fields: Fields<'_>) -> Result<Value, Failure> {
    if !is_topic(topic) {
        return Err(Failure::not_found(format!("there is no topic {topic}")));
    }
    let published = shared.clock().now();
    let mut messages = Vec::new();
    for mut one in fields.objects("messages", 1000)? {
        let data = one.bytes("data", 10_000_000)?.unwrap_or_default();
        let mut attributes = BTreeMap::new();
        if let Some(given) = one.object("attributes")? {
            attributes = given.all_texts()?;
        }
        one.finish()?;
        messages.push(Message {
            id: String::new(),
            published,
            data,
            attributes,
        });
    }
    if messages.is_empty() {
        return Err(fields.refuse("messages", "is required").into());
    }
    fields.finish()?;
    let ids = shared.lock().publish(topic, messages)?;
    shared.new_mail();
    Ok(json!({ "messageIds": ids }))
}
