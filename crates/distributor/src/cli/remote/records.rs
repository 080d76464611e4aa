//! The records of a service, read through WalkGraph and Control.

use std::collections::{BTreeMap, BTreeSet};

use distributor_core::{AttemptId, QuestId};
use distributor_proto::dm::attempt_list::Nums;
use distributor_proto::dm::walk_graph_req::Include;
use distributor_proto::dm::walk_graph_req::include::Options;
use distributor_proto::{control, dm};
use distributor_store::records::{AttemptRecord, DependencyRecord, ExecutionRecord, QuestRecord};
use distributor_store::{AttemptFilter, StateCounts};

use super::{Remote, convert};
use crate::cli::exit::Failure;
use crate::cli::records::{Page, PageToken, Records};

/// What is asked of each attempt of a walk.
fn include() -> Include {
    Include {
        quest: Some(Options {
            data: true,
            ..Options::default()
        }),
        attempt: Some(everything()),
        execution: Some(everything()),
        ..Include::default()
    }
}

fn everything() -> Options {
    Options {
        data: true,
        result: true,
        abnormal: true,
        expired: true,
        ..Options::default()
    }
}

/// Which attempts there are, and nothing else.
fn names_only() -> Include {
    Include {
        attempt: Some(Options {
            abnormal: true,
            expired: true,
            ..Options::default()
        }),
        ..Include::default()
    }
}

/// All attempts of these quests.
fn all_of(quests: &[QuestId]) -> dm::AttemptList {
    let to = quests.iter().map(|id| (id.to_string(), Nums::default()));
    dm::AttemptList { to: to.collect() }
}

/// Numbers of the attempts that exist, ascending.
fn existing(quest: &dm::Quest) -> impl Iterator<Item = u32> {
    let attempts = quest.attempts.iter();
    let existing = attempts.filter(|(_, attempt)| !attempt.dne);
    existing.map(|(number, _)| *number)
}

fn named(attempts: &[AttemptId]) -> dm::AttemptList {
    let mut to: BTreeMap<String, Nums> = BTreeMap::new();
    for id in attempts {
        let numbers = to.entry(id.quest.to_string()).or_default();
        numbers.nums.push(id.number);
    }
    for numbers in to.values_mut() {
        numbers.nums.sort_unstable_by(|a, b| b.cmp(a));
        numbers.nums.dedup();
    }
    dm::AttemptList { to }
}

impl Remote {
    fn walk(&self, attempts: dm::AttemptList, include: Include) -> Result<dm::GraphData, Failure> {
        let request = dm::WalkGraphReq {
            query: Some(dm::GraphQuery {
                attempt_list: Some(attempts),
                ..dm::GraphQuery::default()
            }),
            limit: Some(dm::walk_graph_req::Limit {
                max_data_size: u32::MAX,
                ..dm::walk_graph_req::Limit::default()
            }),
            include: Some(include),
            ..dm::WalkGraphReq::default()
        };
        let graph = self.wait(|client| async move { client.walk_graph(request).await })?;
        if graph.had_errors {
            let message = "the service could not read a part of the graph; try again";
            return Err(Failure::Service(message.to_owned()));
        }
        Ok(graph)
    }

    /// One attempt with everything that `include` asks for.
    fn one(&self, id: AttemptId, include: Include) -> Result<Option<dm::Attempt>, Failure> {
        let mut graph = self.walk(named(&[id]), include)?;
        let quest = graph.quests.get_mut(&id.quest.to_string());
        let attempt = quest.and_then(|quest| quest.attempts.remove(&id.number));
        Ok(attempt.filter(|attempt| !attempt.dne))
    }

    /// Converts, and remembers whose task it is.
    fn execution_of(
        &self,
        attempt: AttemptId,
        number: u32,
        execution: &dm::Execution,
    ) -> Option<ExecutionRecord> {
        let (record, url) = convert::execution(number, execution.data.as_ref()?);
        if let Ok(mut tasks) = self.shared.tasks.lock() {
            tasks.put(record.token.clone(), (attempt.execution(number), url));
        }
        Some(record)
    }

    /// What the answer has of an attempt that was asked for.
    fn attempt_of(&self, id: AttemptId, graph: &dm::GraphData) -> Seen {
        let quest = graph.quests.get(&id.quest.to_string());
        let attempt = quest.and_then(|quest| Some((quest, quest.attempts.get(&id.number)?)));
        let Some((quest, attempt)) = attempt else {
            return match graph.had_more {
                true => Seen::Partly,
                false => Seen::Absent,
            };
        };
        if attempt.dne {
            return Seen::Absent;
        }
        let left_out = attempt.partial.is_some_and(|partial| {
            use dm::attempt::partial::Result as Part;
            partial.data || matches!(partial.result(), Part::NotLoaded | Part::DataSizeLimit)
        });
        let Some(data) = attempt.data.as_ref().filter(|_| !left_out) else {
            return Seen::Partly;
        };
        let desc = quest.data.as_ref().and_then(|data| data.desc.as_ref());
        let name = desc.map_or("", |desc| &desc.distributor_config_name);
        let newest = attempt.executions.last_key_value();
        let execution =
            newest.and_then(|(number, execution)| self.execution_of(id, *number, execution));
        Seen::Whole(Box::new(convert::attempt(id, name, data, execution)))
    }
}

/// What an answer has of an attempt.
enum Seen {
    /// All that was asked for.
    Whole(Box<AttemptRecord>),
    /// Something that did not fit: it must be asked for again.
    Partly,
    /// There is no such attempt.
    Absent,
}

/// An answer has a largest size, and always has room for something. It would be no use to ask for ever.
fn no_progress() -> Failure {
    Failure::Service("the service does not show what it was asked for; try again".to_owned())
}

impl Records for Remote {
    fn quests(&self, ids: &[QuestId]) -> Result<Vec<Option<QuestRecord>>, Failure> {
        // An attempt must be named; that it exists is not asked.
        let attempts: Vec<AttemptId> = ids.iter().map(|id| id.attempt(1)).collect();
        let only_quests = Include {
            attempt: None,
            execution: None,
            ..include()
        };
        let graph = self.walk(named(&attempts), only_quests)?;
        let found = ids.iter().map(|id| {
            let quest = graph.quests.get(&id.to_string())?;
            convert::quest(*id, quest)
        });
        Ok(found.collect())
    }

    fn quests_with_prefix(&self, prefix: &str, limit: usize) -> Result<Vec<QuestId>, Failure> {
        let request = control::FindQuestsRequest {
            prefix: prefix.to_owned(),
            limit: u32::try_from(limit).unwrap_or(u32::MAX),
        };
        let found = self.wait(|client| async move { client.find_quests(request).await })?;
        let quests = found.quests.iter().map(QuestId::try_from);
        quests
            .collect::<Result<_, _>>()
            .map_err(|error| Failure::Service(error.to_string()))
    }

    fn attempts(&self, ids: &[AttemptId]) -> Result<Vec<Option<AttemptRecord>>, Failure> {
        // Of one attempt everything; of many only what does not crowd out the others.
        let quest = include().quest.filter(|_| ids.len() == 1);
        let mut found: BTreeMap<AttemptId, AttemptRecord> = BTreeMap::new();
        let mut wanted: BTreeSet<AttemptId> = ids.iter().copied().collect();
        while !wanted.is_empty() {
            let asked: Vec<AttemptId> = wanted.iter().copied().collect();
            let newest = Options {
                result: false,
                ..everything()
            };
            let with_newest = Include {
                quest,
                execution: Some(newest),
                num_executions: 1,
                ..include()
            };
            let graph = self.walk(named(&asked), with_newest)?;
            for id in &asked {
                match self.attempt_of(*id, &graph) {
                    Seen::Whole(record) => {
                        found.insert(*id, *record);
                        wanted.remove(id);
                    }
                    Seen::Absent => {
                        wanted.remove(id);
                    }
                    Seen::Partly => {}
                }
            }
            if wanted.len() == asked.len() {
                return Err(no_progress());
            }
        }
        Ok(ids.iter().map(|id| found.get(id).cloned()).collect())
    }

    fn attempt_numbers(&self, quest: QuestId) -> Result<Vec<u32>, Failure> {
        let graph = self.walk(all_of(&[quest]), names_only())?;
        let quest = graph.quests.get(&quest.to_string());
        Ok(quest.into_iter().flat_map(existing).collect())
    }

    fn newest_attempts(&self, quests: &[QuestId]) -> Result<Vec<Option<u32>>, Failure> {
        let mut newest: BTreeMap<QuestId, Option<u32>> = BTreeMap::new();
        let mut wanted: BTreeSet<QuestId> = quests.iter().copied().collect();
        while !wanted.is_empty() {
            let asked: Vec<QuestId> = wanted.iter().copied().collect();
            let graph = self.walk(all_of(&asked), names_only())?;
            for id in &asked {
                let quest = graph.quests.get(&id.to_string());
                // The newest come first, so that one is enough where the answer was cut.
                let number = quest.and_then(|quest| existing(quest).max());
                if number.is_some() || !graph.had_more {
                    newest.insert(*id, number);
                    wanted.remove(id);
                }
            }
            if wanted.len() == asked.len() {
                return Err(no_progress());
            }
        }
        let found = quests.iter().map(|id| newest.get(id).copied().flatten());
        Ok(found.collect())
    }

    fn executions(
        &self,
        attempt: AttemptId,
        limit: usize,
    ) -> Result<Vec<ExecutionRecord>, Failure> {
        let newest = Include {
            quest: None,
            attempt: None,
            num_executions: u32::try_from(limit).unwrap_or(u32::MAX),
            ..include()
        };
        let Some(found) = self.one(attempt, newest)? else {
            return Ok(Vec::new());
        };
        let newest_first = found.executions.iter().rev();
        Ok(newest_first
            .filter_map(|(number, execution)| self.execution_of(attempt, *number, execution))
            .collect())
    }

    fn execution(
        &self,
        attempt: AttemptId,
        number: u32,
    ) -> Result<Option<ExecutionRecord>, Failure> {
        // Only the newest can be asked for: so many that the wanted one is among them.
        let Some(record) = self.attempts(&[attempt])?.pop().flatten() else {
            return Ok(None);
        };
        let Some(newer) = record.current_execution.checked_sub(number) else {
            return Ok(None);
        };
        let count = usize::try_from(newer).unwrap_or(usize::MAX);
        let executions = self.executions(attempt, count.saturating_add(1))?;
        Ok(executions.into_iter().find(|it| it.number == number))
    }

    fn dependencies(&self, dependent: AttemptId) -> Result<Vec<DependencyRecord>, Failure> {
        let edges = Include {
            fwd_deps: true,
            ..include()
        };
        let found = self.one(dependent, edges)?;
        let list = found.and_then(|attempt| attempt.fwd_deps);
        let others = ids_of(list.unwrap_or_default());
        Ok(others.map(|other| edge(dependent, other)).collect())
    }

    fn dependents(
        &self,
        dependency: AttemptId,
        limit: usize,
    ) -> Result<Vec<DependencyRecord>, Failure> {
        let edges = Include {
            back_deps: true,
            ..include()
        };
        let found = self.one(dependency, edges)?;
        let list = found.and_then(|attempt| attempt.back_deps);
        let others = ids_of(list.unwrap_or_default()).take(limit);
        Ok(others.map(|other| edge(other, dependency)).collect())
    }

    fn list(
        &self,
        filter: AttemptFilter,
        from: Option<PageToken>,
        limit: usize,
    ) -> Result<Page, Failure> {
        let request = control::ListRequest {
            all: !filter.unfinished,
            page_size: u32::try_from(limit).unwrap_or(u32::MAX),
            page_token: from.map(|token| token.0).unwrap_or_default(),
        };
        let page = self.wait(|client| async move { client.list(request).await })?;
        let attempts = page.attempts.iter().filter_map(|item| {
            let id = AttemptId::try_from(item.id.as_ref()?).ok()?;
            let name = &item.distributor_config_name;
            Some(convert::attempt(id, name, item.data.as_ref()?, None))
        });
        Ok(Page {
            attempts: attempts.collect(),
            next: Some(page.next_page_token)
                .filter(|token| !token.is_empty())
                .map(PageToken),
        })
    }

    fn counts(&self) -> Result<StateCounts, Failure> {
        let request = control::ListRequest {
            page_size: 1,
            ..control::ListRequest::default()
        };
        let page = self.wait(|client| async move { client.list(request).await })?;
        let counts = page.counts.unwrap_or_default();
        Ok(StateCounts {
            scheduling: counts.scheduling,
            executing: counts.executing,
            waiting: counts.waiting,
            finished: counts.finished,
            abnormal_finished: counts.abnormal_finished,
        })
    }
}

fn ids_of(list: dm::AttemptList) -> impl Iterator<Item = AttemptId> {
    list.to.into_iter().flat_map(|(quest, numbers)| {
        let quest = quest.parse::<QuestId>().ok();
        let numbers = numbers.nums.into_iter();
        numbers.filter_map(move |number| Some(quest?.attempt(number)))
    })
}

fn edge(dependent: AttemptId, dependency: AttemptId) -> DependencyRecord {
    DependencyRecord {
        dependent,
        dependency,
        bit: 0,
        for_execution: 0,
        propagated: false,
    }
}
