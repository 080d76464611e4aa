//! What clients may ask of the graph of quests and attempts, and what they are told.
//!
//! Plain data; the committer performs it.

use std::collections::HashSet;
use std::sync::Arc;

use distributor_core::{AttemptId, ExecutionId, QuestId, Secret, dm};
use distributor_store::records::Policy;

use super::message::{Ensured, NewAttempt};

/// A quest that a client wants to exist, with attempts.
#[derive(Debug, Clone)]
pub struct EnsureQuest {
    /// Its description; normalized by the host.
    pub desc: dm::quest::Desc,
    /// Its attempts.
    pub attempts: Vec<NewAttempt>,
}

/// A description that is normalized, has its name, and that its backend accepts.
#[derive(Debug, Clone)]
pub struct CheckedQuest {
    pub(super) id: QuestId,
    pub(super) policy: Policy,
    pub(super) desc: Arc<dm::quest::Desc>,
}

impl CheckedQuest {
    /// Its name.
    pub fn id(&self) -> QuestId {
        self.id
    }

    /// Its normalized description.
    pub fn desc(&self) -> &Arc<dm::quest::Desc> {
        &self.desc
    }
}

/// A quest of a [`GraphRequest`].
#[derive(Debug, Clone)]
pub struct GraphQuest {
    /// What it is.
    pub quest: CheckedQuest,
    /// The templates that made it; united with those that are known.
    pub built_by: Vec<dm::quest::TemplateSpec>,
    /// Its attempts.
    pub attempts: Vec<NewAttempt>,
}

/// A running execution that shall depend on attempts.
#[derive(Debug, Clone)]
pub struct Dependent {
    /// Which.
    pub execution: ExecutionId,
    /// Its execution token.
    pub token: Secret,
}

/// One change of the graph: all of it happens, or nothing.
#[derive(Debug, Clone, Default)]
pub struct GraphRequest {
    /// Quests that shall exist, with attempts. The same quest may come more than once.
    pub quests: Vec<GraphQuest>,
    /// Attempts that shall exist, of quests that exist or are in `quests`. They come after those of
    /// `quests`, so none of these can name one of them as a need.
    pub attempts: Vec<AttemptId>,
    /// Who shall depend on all attempts of the request.
    pub dependent: Option<Dependent>,
}

/// What came of a [`GraphRequest`].
#[derive(Debug, Clone, Default)]
pub struct GraphAnswer {
    /// Quests of the request that did not exist before.
    pub new_quests: HashSet<QuestId>,
    /// Every attempt of the request once, sorted.
    pub attempts: Vec<Ensured>,
    /// The dependent has to wait: its token is revoked.
    pub halted: bool,
}
