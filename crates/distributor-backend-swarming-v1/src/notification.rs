//! What Swarming says when a task has changed: which task, and nothing else.

use serde::Deserialize;

#[derive(Deserialize)]
struct Body {
    task_id: String,
}

/// The id of the task that a notification is about; `None` if it names none, and is to be ignored.
pub(crate) fn task_id(data: &[u8]) -> Option<String> {
    let body: Body = serde_json::from_slice(data).ok()?;
    Some(body.task_id).filter(|id| !id.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_generations_of_servers_are_understood() {
        for data in [
            r#"{"task_id":"4f2a10"}"#,
            r#"{"task_id":"4f2a10","userdata":""}"#,
            r#" { "userdata" : "x\ny", "later": [null], "task_id" : "4f2a10" } "#,
        ] {
            assert_eq!(
                task_id(data.as_bytes()).as_deref(),
                Some("4f2a10"),
                "{data}"
            );
        }
    }

    #[test]
    fn dc_46_what_names_no_task_is_ignored() {
        let deep = "[".repeat(100_000);
        let twice = r#"{"task_id":"a0","task_id":"b0"}"#;
        for data in [
            "",
            "null",
            "{}",
            "[]",
            "\"4f2a10\"",
            r#"{"task_id":null}"#,
            r#"{"task_id":""}"#,
            r#"{"task_id":7}"#,
            r#"{"task_id":"4f2a10""#,
            r#"{"task_id":"a"} x"#,
            twice,
            &deep,
        ] {
            assert_eq!(task_id(data.as_bytes()), None, "{data:.40}");
        }
        assert_eq!(task_id(b"\xff\x00{\"task_id\":\"a\"}"), None);
    }
}
