//! The records of a service, read through WalkGraph and Control.

use std::collections::{BTreeMap, BTreeSet};

use distributor_core::{AttemptId, QuestId};
use distributor_proto::{control, dm};
use distributor_store::records::{AttemptRecord, DependencyRecord, ExecutionRecord, QuestRecord};
use distributor_store::{AttemptFilter, AttemptPage, StateCounts};

use super::{Remote, convert};
use crate::cli::exit::Failure;
use crate::cli::records::Records;

/// What is asked of each attempt of a walk.
fn include() -> dm::walk_graph_req::Include {
    use dm::walk_graph_req::include::Options;
    let all = Options {
        data: true,
        result: true,
        abnormal: true,
        expired: true,
        ..Options::default()
    };
    dm::walk_graph_req::Include {
        quest: Some(Options {
            data: true,
            ..Options::default()
        }),
        attempt: Some(all),
        execution: Some(all),
        ..dm::walk_graph_req::Include::default()
    }
}

fn named(attempts: &[AttemptId]) -> dm::AttemptList {
    let mut to: BTreeMap<String, dm::attempt_list::Nums> = BTreeMap::new();
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
    fn walk(
        &self,
        attempts: dm::AttemptList,
        include: dm::walk_graph_req::Include,
    ) -> Result<dm::GraphData, Failure> {
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
    fn one(
        &self,
        id: AttemptId,
        include: dm::walk_graph_req::Include,
    ) -> Result<Option<dm::Attempt>, Failure> {
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
            tasks.insert(record.token.clone(), (attempt.execution(number), url));
        }
        Some(record)
    }

    fn attempt_of(&self, id: AttemptId, graph: &dm::GraphData) -> Option<AttemptRecord> {
        let quest = graph.quests.get(&id.quest.to_string())?;
        let attempt = quest.attempts.get(&id.number)?;
        let data = attempt.data.as_ref().filter(|_| !attempt.dne)?;
        let desc = quest.data.as_ref().and_then(|data| data.desc.as_ref());
        let name = desc.map_or("", |desc| &desc.distributor_config_name);
        let newest = attempt.executions.last_key_value();
        let execution =
            newest.and_then(|(number, execution)| self.execution_of(id, *number, execution));
        Some(convert::attempt(id, name, data, execution))
    }
}

impl Records for Remote {
    fn quests(&self, ids: &[QuestId]) -> Result<Vec<Option<QuestRecord>>, Failure> {
        // An attempt must be named; that it exists is not asked.
        let attempts: Vec<AttemptId> = ids.iter().map(|id| id.attempt(1)).collect();
        let only_quests = dm::walk_graph_req::Include {
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
        let mut found: BTreeMap<AttemptId, AttemptRecord> = BTreeMap::new();
        let mut wanted: BTreeSet<AttemptId> = ids.iter().copied().collect();
        // An answer has a largest size: what did not fit is asked for again.
        while !wanted.is_empty() {
            let asked: Vec<AttemptId> = wanted.iter().copied().collect();
            let with_newest = dm::walk_graph_req::Include {
                num_executions: 1,
                ..include()
            };
            let graph = self.walk(named(&asked), with_newest)?;
            for id in asked {
                if let Some(record) = self.attempt_of(id, &graph) {
                    found.insert(id, record);
                    wanted.remove(&id);
                }
            }
            let complete = !graph.had_more;
            if complete || wanted.len() == ids.len() {
                break;
            }
        }
        Ok(ids.iter().map(|id| found.get(id).cloned()).collect())
    }

    fn attempt_numbers(&self, quest: QuestId) -> Result<Vec<u32>, Failure> {
        let all = dm::AttemptList {
            to: BTreeMap::from([(quest.to_string(), dm::attempt_list::Nums::default())]),
        };
        let graph = self.walk(all, include())?;
        let quest = graph.quests.get(&quest.to_string());
        let attempts = quest.into_iter().flat_map(|quest| &quest.attempts);
        let existing = attempts.filter(|(_, attempt)| !attempt.dne);
        Ok(existing.map(|(number, _)| *number).collect())
    }

    fn executions(
        &self,
        attempt: AttemptId,
        limit: usize,
    ) -> Result<Vec<ExecutionRecord>, Failure> {
        let newest = dm::walk_graph_req::Include {
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
        let edges = dm::walk_graph_req::Include {
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
        let edges = dm::walk_graph_req::Include {
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
        before: Option<u64>,
        limit: usize,
    ) -> Result<AttemptPage, Failure> {
        let request = control::ListRequest {
            all: !filter.unfinished,
            page_size: u32::try_from(limit).unwrap_or(u32::MAX),
            page_token: before.map(|it| it.to_string()).unwrap_or_default(),
        };
        let page = self.wait(|client| async move { client.list(request).await })?;
        let attempts = page.attempts.iter().filter_map(|item| {
            let id = AttemptId::try_from(item.id.as_ref()?).ok()?;
            let name = &item.distributor_config_name;
            Some(convert::attempt(id, name, item.data.as_ref()?, None))
        });
        Ok(AttemptPage {
            attempts: attempts.collect(),
            next: page.next_page_token.parse().ok(),
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
