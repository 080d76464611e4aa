//! Descriptions of quests, in few words.

use distributor_core::dm::quest::desc::Meta;
use distributor_core::dm::quest::desc::meta::{Retry, Simple, Timeouts, simple};
use distributor_core::{AttemptId, QuestId, dm};
use distributor_host::driver::{GraphQuest, NewAttempt};
use distributor_host::{Engine, EnsureQuest};
use distributor_proto::{normalize_desc, quest_id};

#[derive(Debug, Clone)]
pub(crate) struct Quest {
    desc: dm::quest::Desc,
    waits_for: Vec<AttemptId>,
}

impl Quest {
    /// A quest whose job never calls the API. `name` makes it different from others.
    pub(crate) fn simple(config: &str, name: impl ToString) -> Self {
        let mut quest = Self::speaking(config, name);
        quest.meta().simple = Some(Simple::default());
        quest
    }

    /// A quest whose job calls the API.
    pub(crate) fn speaking(config: &str, name: impl ToString) -> Self {
        Quest {
            desc: dm::quest::Desc {
                distributor_config_name: config.to_owned(),
                parameters: format!(r#"{{"name":"{}"}}"#, name.to_string()),
                distributor_parameters: "{}".to_owned(),
                meta: Some(Meta::default()),
            },
            waits_for: Vec::new(),
        }
    }

    pub(crate) fn retry(mut self, retry: Retry) -> Self {
        self.meta().retry = Some(retry);
        self
    }

    /// In seconds; zero for none.
    pub(crate) fn timeouts(mut self, start: i64, run: i64, stop: i64) -> Self {
        let duration =
            |seconds| (seconds > 0).then_some(prost_types::Duration { seconds, nanos: 0 });
        self.meta().timeouts = Some(Timeouts {
            start: duration(start),
            run: duration(run),
            stop: duration(stop),
        });
        self
    }

    /// Waits for these, and gets their results under the names `n0`, `n1`, ….
    pub(crate) fn needs(mut self, needs: &[AttemptId]) -> Self {
        let named = needs.iter().enumerate().map(|(index, need)| simple::Need {
            name: format!("n{index}"),
            quest: need.quest.to_string(),
        });
        let named = named.collect();
        if let Some(simple) = &mut self.meta().simple {
            simple.needs = named;
        }
        self.waits_for = needs.to_vec();
        self
    }

    pub(crate) fn run_anyway(mut self) -> Self {
        if let Some(simple) = &mut self.meta().simple {
            simple.run_anyway = true;
        }
        self
    }

    /// The name as written: an alias stays one.
    pub(crate) fn config(&self) -> &str {
        &self.desc.distributor_config_name
    }

    pub(crate) fn waits_for(&self) -> &[AttemptId] {
        &self.waits_for
    }

    pub(crate) fn runs_anyway(&self) -> bool {
        let meta = self.desc.meta.as_ref();
        let simple = meta.and_then(|meta| meta.simple.as_ref());
        simple.is_some_and(|simple| simple.run_anyway)
    }

    pub(crate) fn distributor_parameters(mut self, parameters: &str) -> Self {
        self.desc.distributor_parameters = parameters.to_owned();
        self
    }

    pub(crate) fn id(&self) -> QuestId {
        let mut desc = self.desc.clone();
        normalize_desc(&mut desc).expect("a description with a normal form");
        quest_id(&desc)
    }

    /// Its first attempt.
    pub(crate) fn attempt(&self) -> AttemptId {
        self.id().attempt(1)
    }

    /// The request for its first attempt.
    pub(crate) fn ensure(&self) -> EnsureQuest {
        self.ensure_attempts(&[1])
    }

    /// Its part of a request, with these attempts.
    pub(crate) fn part(&self, engine: &Engine, numbers: &[u32]) -> GraphQuest {
        let EnsureQuest { desc, attempts } = self.ensure_attempts(numbers);
        let quest = engine.check_desc(desc);
        GraphQuest {
            quest: quest.expect("a right description"),
            built_by: Vec::new(),
            attempts,
        }
    }

    pub(crate) fn ensure_attempts(&self, numbers: &[u32]) -> EnsureQuest {
        let attempts = numbers.iter().map(|number| NewAttempt {
            number: *number,
            needs: self.waits_for.clone(),
        });
        EnsureQuest {
            desc: self.desc.clone(),
            attempts: attempts.collect(),
        }
    }

    fn meta(&mut self) -> &mut Meta {
        self.desc.meta.get_or_insert_default()
    }
}

pub(crate) fn ensure_all(quests: &[Quest]) -> Vec<EnsureQuest> {
    quests.iter().map(Quest::ensure).collect()
}
