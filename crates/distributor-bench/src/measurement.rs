//! What was measured, and the medians of it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::group::{Group, Workload};

/// One run of one workload.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Measurement {
    pub(crate) workload: Workload,
    /// Executions, or what the group counts.
    pub(crate) count: u64,
    /// From the first one's begin to the last one's end.
    pub(crate) seconds: f64,
    /// Most memory that the process ever had resident; `None` if it did none of the work itself.
    pub(crate) peak_rss_bytes: Option<u64>,
    /// Size of the database on disk afterwards, write-ahead log included.
    pub(crate) state_bytes: Option<u64>,
    /// The same after everything that had ended was collected.
    pub(crate) collected_bytes: Option<u64>,
    /// What else there is to say.
    pub(crate) facts: Vec<Fact>,
}

/// A number that only one workload has.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Fact {
    pub(crate) name: String,
    pub(crate) value: f64,
    pub(crate) unit: String,
}

impl Fact {
    pub(crate) fn new(name: &str, value: f64, unit: &str) -> Self {
        Fact {
            name: name.to_owned(),
            value,
            unit: unit.to_owned(),
        }
    }

    pub(crate) fn count(name: &str, count: u64) -> Self {
        Fact::new(name, count as f64, "")
    }

    pub(crate) fn milliseconds(name: &str, duration: Duration) -> Self {
        Fact::new(name, duration.as_secs_f64() * 1e3, "ms")
    }

    pub(crate) fn mebibytes(name: &str, bytes: u64) -> Self {
        Fact::new(name, bytes as f64 / f64::from(1 << 20), "MiB")
    }
}

impl Measurement {
    /// Executions, or what the group counts, per second.
    pub(crate) fn rate(&self) -> f64 {
        self.count as f64 / self.seconds
    }
}

/// How long the disk takes to make a small overwrite durable, in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Probe {
    pub(crate) p50_micros: f64,
    pub(crate) p99_micros: f64,
}

/// Floors and subject, one after the other, and the disk just before.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Round {
    pub(crate) probe: Probe,
    pub(crate) measurements: Vec<Measurement>,
}

/// All rounds of a group.
#[derive(Debug)]
pub(crate) struct GroupReport {
    pub(crate) group: &'static str,
    /// Quests in each measurement.
    pub(crate) count: u64,
    /// What is counted.
    pub(crate) unit: &'static str,
    pub(crate) subject: Workload,
    /// Floors with the goal for the ratio to each.
    pub(crate) floors: Vec<(Workload, Option<f64>)>,
    pub(crate) rounds: Vec<Round>,
}

impl GroupReport {
    /// No rounds yet.
    pub(crate) fn new(group: &Group, count: u64) -> Self {
        let floors = group.floors.iter();
        GroupReport {
            group: group.name,
            count,
            unit: group.unit,
            subject: group.subject,
            floors: floors
                .map(|floor| {
                    let goal = floor.goal_percent.map(|percent| f64::from(percent) / 100.0);
                    (floor.workload, goal)
                })
                .collect(),
            rounds: Vec::new(),
        }
    }

    /// Median of something over all rounds, 0 if there are none.
    pub(crate) fn median(&self, of: impl Fn(&Round) -> Option<f64>) -> f64 {
        median(self.rounds.iter().filter_map(of).collect())
    }

    /// Median rate of a workload.
    pub(crate) fn rate(&self, workload: Workload) -> f64 {
        self.median(|round| Some(round.get(workload)?.rate()))
    }

    /// Median over the rounds of the subject's rate as a part of the floor's in the same round.
    pub(crate) fn ratio(&self, floor: Workload) -> f64 {
        self.median(|round| {
            let floor = round.get(floor)?.rate();
            Some(round.get(self.subject)?.rate() / floor)
        })
    }

    /// The subject's further numbers, each the median over all rounds.
    pub(crate) fn facts(&self) -> Vec<Fact> {
        let subjects = || self.rounds.iter().filter_map(|it| it.get(self.subject));
        let Some(first) = subjects().next() else {
            return Vec::new();
        };
        let median_of = |fact: &Fact| {
            let facts = subjects().flat_map(|it| &it.facts);
            let same = facts.filter(|it| it.name == fact.name);
            Fact {
                value: median(same.map(|it| it.value).collect()),
                ..fact.clone()
            }
        };
        first.facts.iter().map(median_of).collect()
    }

    /// The largest of something over all rounds.
    pub(crate) fn largest(
        &self,
        workload: Workload,
        of: impl Fn(&Measurement) -> Option<u64>,
    ) -> Option<u64> {
        let measurements = self.rounds.iter().filter_map(|round| round.get(workload));
        measurements.filter_map(of).max()
    }
}

impl Round {
    fn get(&self, workload: Workload) -> Option<&Measurement> {
        self.measurements.iter().find(|it| it.workload == workload)
    }
}

/// The middle one, or the mean of the two in the middle; 0 of none.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => 0.0,
        length if length % 2 == 1 => values[middle],
        _ => f64::midpoint(values[middle - 1], values[middle]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::group::Choice;

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median(vec![]), 0.0);
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(vec![4.0, 1.0, 3.0, 2.0]), 2.5);
    }

    #[test]
    fn ratios_compare_within_a_round() {
        let mut report = GroupReport::new(&Choice::Noop.groups()[0], 100);
        let measurement = |workload, seconds, peak| Measurement {
            workload,
            count: 100,
            seconds,
            peak_rss_bytes: Some(peak),
            state_bytes: None,
            collected_bytes: None,
            facts: vec![Fact::new("first page", seconds, "s")],
        };
        // The machine is ten times slower in the second round: the ratio is not.
        for (slowness, peak) in [(1.0, 5), (10.0, 7), (2.0, 6)] {
            report.rounds.push(Round {
                probe: Probe {
                    p50_micros: 1.0,
                    p99_micros: 2.0,
                },
                measurements: vec![
                    measurement(Workload::RawBatched, slowness, 1),
                    measurement(Workload::Noop, slowness * 4.0, peak),
                ],
            });
        }
        assert_eq!(report.ratio(Workload::RawBatched), 0.25);
        assert_eq!(report.rate(Workload::RawBatched), 50.0);
        let peak = report.largest(Workload::Noop, |it| it.peak_rss_bytes);
        assert_eq!(peak, Some(7));
        assert_eq!(report.facts(), [Fact::new("first page", 8.0, "s")]);
    }
}
