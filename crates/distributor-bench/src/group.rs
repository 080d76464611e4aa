//! What can be measured: subjects, and the floors that they are compared with.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// The choice on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Choice {
    /// Noop quests, 1,000 in flight.
    Noop,
    /// Noop quests, one in flight.
    Single,
    /// `/bin/true`, on two slots.
    LocalProcess,
    /// EnsureGraphData through a served port, 10 new noop quests a call.
    Ensure,
    /// The 50 quests of J02 many times over, through a served port.
    J02,
    /// A random graph of simulated jobs, and the walk over it, through a served port.
    RandomGraph,
    /// Both graphs.
    Graph,
    /// One noop quest at a time through a served port that is idle.
    Latency,
    /// Notifications through the push receiver, about executions that run.
    Notifications,
    /// One quest at a time that a notification ends, at a service that is idle.
    NotificationLatency,
    /// All of these.
    All,
}

/// One thing that is measured in a process of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Workload {
    /// Three statements per execution on raw SQLite, 1,024 executions in a transaction.
    RawBatched,
    /// The same, one execution in a transaction.
    RawSingle,
    /// Two threads that spawn `/bin/true` and wait for it.
    SpawnAndWait,
    /// `xargs -P2 -n1 /bin/true`.
    Xargs,
    /// Noop quests on the host with its embedded store, 1,000 in flight.
    Noop,
    /// The same, one in flight.
    NoopSingle,
    /// `/bin/true` on the host with its embedded store, two slots.
    LocalProcess,
    /// Calls that each make 10 noop quests, 64 under way, to a service.
    Ensure,
    /// The same by pRPC in binary instead of gRPC.
    EnsurePrpc,
    /// Graphs of 50 jobs that ask for each other, all at once, at a service.
    J02,
    /// A random graph of jobs that ask for each other, at a service.
    RandomGraph,
    /// Noop quests, one in flight, at a service.
    Latency,
    /// Raw SQLite that writes and removes a row for each notification, 1,024 in a transaction.
    RawNotifications,
    /// A service that answers pushes which say nothing.
    Answer204,
    /// Notifications that are verified, recorded and acknowledged by a service.
    Notifications,
    /// Quests that a notification ends, one in flight, at a service.
    NotificationLatency,
}

impl Workload {
    /// What people read.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Workload::RawBatched => "raw SQLite, 1,024 a transaction",
            Workload::RawSingle => "raw SQLite, 1 a transaction",
            Workload::SpawnAndWait => "bare spawn and wait, 2 threads",
            Workload::Xargs => "xargs -P2 -n1",
            Workload::Noop => "noop, 1,000 in flight",
            Workload::NoopSingle => "noop, 1 in flight",
            Workload::LocalProcess => "local-process, 2 slots",
            Workload::Ensure => "EnsureGraphData by gRPC, 10 a call",
            Workload::EnsurePrpc => "EnsureGraphData by pRPC",
            Workload::J02 => "J02, life of all its jobs",
            Workload::RandomGraph => "random graph, life of all its jobs",
            Workload::Latency => "served noop, 1 in flight",
            Workload::RawNotifications => "raw SQLite, 1,024 a transaction",
            Workload::Answer204 => "the same server, empty 204",
            Workload::Notifications => "pushes recorded, 256 in flight",
            Workload::NotificationLatency => "ended by a push, 1 in flight",
        }
    }

    /// Its name as an argument and as a folder.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Workload::RawBatched => "raw-batched",
            Workload::RawSingle => "raw-single",
            Workload::SpawnAndWait => "spawn-and-wait",
            Workload::Xargs => "xargs",
            Workload::Noop => "noop",
            Workload::NoopSingle => "noop-single",
            Workload::LocalProcess => "local-process",
            Workload::Ensure => "ensure",
            Workload::EnsurePrpc => "ensure-prpc",
            Workload::J02 => "j02",
            Workload::RandomGraph => "random-graph",
            Workload::Latency => "latency",
            Workload::RawNotifications => "raw-notifications",
            Workload::Answer204 => "answer204",
            Workload::Notifications => "notifications",
            Workload::NotificationLatency => "notification-latency",
        }
    }
}

/// A subject with its floors.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Group {
    pub(crate) name: &'static str,
    /// Quests, unless the command line says how many.
    pub(crate) count: u64,
    /// What is counted, in the plural.
    pub(crate) unit: &'static str,
    pub(crate) floors: &'static [Floor],
    pub(crate) subject: Workload,
}

/// Something that the subject is compared with: what it cannot be faster than in kind, or the same with
/// less around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Floor {
    pub(crate) workload: Workload,
    /// The part of its rate, in percent, that the subject is meant to reach.
    pub(crate) goal_percent: Option<u32>,
}

const GROUPS: &[Group] = &[
    Group {
        name: "noop",
        count: 100_000,
        unit: "executions",
        floors: &[Floor {
            workload: Workload::RawBatched,
            goal_percent: Some(10),
        }],
        subject: Workload::Noop,
    },
    Group {
        name: "single",
        count: 2_000,
        unit: "executions",
        floors: &[Floor {
            workload: Workload::RawSingle,
            goal_percent: Some(30),
        }],
        subject: Workload::NoopSingle,
    },
    Group {
        name: "local-process",
        count: 2_000,
        unit: "executions",
        floors: &[
            Floor {
                workload: Workload::SpawnAndWait,
                goal_percent: None,
            },
            Floor {
                workload: Workload::Xargs,
                goal_percent: Some(70),
            },
        ],
        subject: Workload::LocalProcess,
    },
    Group {
        name: "ensure",
        count: 100_000,
        unit: "quests",
        floors: &[
            beside(Workload::RawBatched),
            beside(Workload::Noop),
            beside(Workload::EnsurePrpc),
        ],
        subject: Workload::Ensure,
    },
    Group {
        name: "j02",
        count: 20_000,
        unit: "executions",
        floors: &[beside(Workload::RawBatched), beside(Workload::Noop)],
        subject: Workload::J02,
    },
    Group {
        name: "random-graph",
        count: 100_000,
        unit: "executions",
        floors: &[beside(Workload::RawBatched), beside(Workload::Noop)],
        subject: Workload::RandomGraph,
    },
    Group {
        name: "latency",
        count: 2_000,
        unit: "executions",
        floors: &[beside(Workload::RawSingle), beside(Workload::NoopSingle)],
        subject: Workload::Latency,
    },
    Group {
        name: "notifications",
        count: 100_000,
        unit: "notifications",
        floors: &[
            Floor {
                workload: Workload::Answer204,
                goal_percent: Some(40),
            },
            Floor {
                workload: Workload::RawNotifications,
                goal_percent: None,
            },
        ],
        subject: Workload::Notifications,
    },
    Group {
        name: "notification-latency",
        count: 2_000,
        unit: "executions",
        floors: &[beside(Workload::RawSingle), beside(Workload::Latency)],
        subject: Workload::NotificationLatency,
    },
];

/// A floor without a goal.
const fn beside(workload: Workload) -> Floor {
    Floor {
        workload,
        goal_percent: None,
    }
}

impl Choice {
    /// The groups that are meant, in the order of the report.
    pub(crate) fn groups(self) -> &'static [Group] {
        match self {
            Choice::Noop => &GROUPS[..1],
            Choice::Single => &GROUPS[1..2],
            Choice::LocalProcess => &GROUPS[2..3],
            Choice::Ensure => &GROUPS[3..4],
            Choice::J02 => &GROUPS[4..5],
            Choice::RandomGraph => &GROUPS[5..6],
            Choice::Graph => &GROUPS[4..6],
            Choice::Latency => &GROUPS[6..7],
            Choice::Notifications => &GROUPS[7..8],
            Choice::NotificationLatency => &GROUPS[8..],
            Choice::All => GROUPS,
        }
    }
}

impl Group {
    /// The floors, then the subject.
    pub(crate) fn workloads(&self) -> impl Iterator<Item = Workload> {
        let floors = self.floors.iter().map(|floor| floor.workload);
        floors.chain([self.subject])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_workload_is_its_argument() {
        for workload in Workload::value_variants() {
            let parsed = Workload::from_str(workload.name(), false);
            assert_eq!(parsed.as_ref(), Ok(workload));
        }
    }

    #[test]
    fn each_choice_is_the_group_of_its_name() {
        for choice in Choice::value_variants() {
            let name = choice
                .to_possible_value()
                .map(|it| it.get_name().to_owned());
            let groups: Vec<&str> = choice.groups().iter().map(|group| group.name).collect();
            match choice {
                Choice::All => assert_eq!(groups.len(), GROUPS.len()),
                Choice::Graph => assert_eq!(groups, ["j02", "random-graph"]),
                _ => assert_eq!(groups, [name.unwrap_or_default()]),
            }
        }
    }
}
