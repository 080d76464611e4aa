//! One execution, and everything that its request is made of.

use std::sync::Arc;

use distributor_core::{
    Abandoned, AttemptId, ExecutionId, QuestId, Result, RunRequest, Secret, Topic, dm,
};
use serde_json::Value;

use crate::config::Settings;
use crate::config::tests::settings;
use crate::parameters::{Parameters, tests::good};
use crate::wire::NewTaskRequest;

/// An activation token.
pub(super) const TOKEN: &[u8] = b"canary: thirty-two bytes or more";

/// All that goes in.
pub(super) struct Case {
    pub(super) settings: Settings,
    pub(super) parameters: Parameters,
    pub(super) run: RunRequest,
    pub(super) dm_host: String,
    pub(super) topic: Option<Topic>,
}

impl Case {
    /// The second execution of the third attempt of some quest, with good parameters.
    pub(super) fn new() -> Self {
        let attempt = AttemptId {
            quest: QuestId::from_bytes([7; 32]),
            number: 3,
        };
        let run = RunRequest {
            execution: ExecutionId { attempt, number: 2 },
            quest: Arc::default(),
            activation_token: Secret::new(TOKEN),
            previous_result: None,
            needs: Vec::new(),
            abandoned: Abandoned::never(),
        };
        Case {
            settings: settings(),
            parameters: Parameters::parse(&good().to_string()).unwrap(),
            run,
            dm_host: "dm.example".to_owned(),
            topic: Some(Topic {
                name: "projects/app/topics/dm-distributor-notify".to_owned(),
                auth_token: Secret::new(*b"topic-token"),
            }),
        }
    }

    /// The quest's description, to be changed.
    pub(super) fn quest(&mut self) -> &mut dm::quest::Desc {
        Arc::make_mut(&mut self.run.quest)
    }

    /// Gives it data of an earlier execution.
    pub(super) fn previous(&mut self, object: &Value) {
        self.run.previous_result = Some(dm::JsonResult {
            object: object.to_string(),
            ..dm::JsonResult::default()
        });
    }

    pub(super) fn build(&self) -> NewTaskRequest {
        self.try_build().unwrap()
    }

    pub(super) fn try_build(&self) -> Result<NewTaskRequest> {
        let topic = self.topic.as_ref();
        super::build(
            &self.settings,
            &self.parameters,
            &self.run,
            &self.dm_host,
            topic,
        )
    }
}
