//! What `/proc` knows of processes: who they are, so that a pid that was used again fools nobody.
//!
//! It refuses to signal anything. Linux only.

use std::collections::HashMap;
use std::fs;
use std::io;

/// The variable by which a task's process is recognized. Its value is the execution id.
pub(crate) const EXECUTION_VARIABLE: &str = "DISTRIBUTOR_EXECUTION";

/// A process that is not over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Process {
    /// Its id.
    pub(crate) pid: i32,
    /// Its start time in clock ticks since boot: with the pid it names one process of a boot.
    pub(crate) start_time: u64,
}

impl Process {
    /// True while the process exists and is not a zombie.
    pub(crate) fn is_alive(self) -> bool {
        stat(self.pid).is_some_and(|stat| stat.start_time == self.start_time && !stat.is_over())
    }
}

/// The parts of `/proc/PID/stat` that matter here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stat {
    state: u8,
    group: i32,
    threads: u32,
    /// Start time in clock ticks since boot.
    pub(crate) start_time: u64,
}

impl Stat {
    /// The first thread of a process may be a zombie while others go on.
    fn is_over(self) -> bool {
        matches!(self.state, b'Z' | b'X' | b'x') && self.threads <= 1
    }
}

/// The kernel's id of this boot.
pub(crate) fn boot_id() -> io::Result<String> {
    Ok(fs::read_to_string("/proc/sys/kernel/random/boot_id")?
        .trim()
        .to_owned())
}

/// Reads `/proc/PID/stat`; `None` if there is no such process.
pub(crate) fn stat(pid: i32) -> Option<Stat> {
    parse_stat(&fs::read(format!("/proc/{pid}/stat")).ok()?)
}

fn parse_stat(text: &[u8]) -> Option<Stat> {
    // The second field is the program's name in parentheses, and may hold any byte.
    let name_end = text.iter().rposition(|byte| *byte == b')')?;
    let rest = std::str::from_utf8(text.get(name_end + 1..)?).ok()?;
    let mut fields = rest.split_ascii_whitespace();
    let state = *fields.next()?.as_bytes().first()?;
    let group = fields.nth(1)?.parse().ok()?;
    let threads = fields.nth(14)?.parse().ok()?;
    let start_time = fields.nth(1)?.parse().ok()?;
    Some(Stat {
        state,
        group,
        threads,
        start_time,
    })
}

/// The living group leaders that carry an execution id, oldest first where one id has several.
///
/// One pass over all processes: for use after a supervisor died, not per task.
pub(crate) fn leaders_by_execution() -> HashMap<String, Process> {
    let mut leaders: HashMap<String, Process> = HashMap::new();
    for (pid, stat) in processes() {
        if stat.group != pid || stat.is_over() {
            continue;
        }
        let Some(id) = execution_of(pid) else {
            continue;
        };
        let process = Process {
            pid,
            start_time: stat.start_time,
        };
        let leader = leaders.entry(id).or_insert(process);
        if process.start_time < leader.start_time {
            *leader = process;
        }
    }
    leaders
}

/// True if some living process of group `group` belongs to execution `id`. The leader of the group
/// may be gone; the group of a task cannot be confused with one that got the same number later.
pub(crate) fn group_belongs_to(group: i32, id: &str) -> bool {
    processes().any(|(pid, stat)| {
        stat.group == group && !stat.is_over() && execution_of(pid).as_deref() == Some(id)
    })
}

fn processes() -> impl Iterator<Item = (i32, Stat)> {
    fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let pid = entry.ok()?.file_name().to_str()?.parse().ok()?;
            Some((pid, stat(pid)?))
        })
}

fn execution_of(pid: i32) -> Option<String> {
    let environment = fs::read(format!("/proc/{pid}/environ")).ok()?;
    environment.split(|byte| *byte == 0).find_map(|variable| {
        let value = variable
            .strip_prefix(EXECUTION_VARIABLE.as_bytes())?
            .strip_prefix(b"=")?;
        String::from_utf8(value.to_vec()).ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_name_with_parentheses_and_blanks_does_not_confuse_the_fields() {
        let text = b"42 (a) b (c) Z 1 43 44 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 5 0 987654 1 2\n";
        let expected = Stat {
            state: b'Z',
            group: 43,
            threads: 5,
            start_time: 987_654,
        };
        assert_eq!(parse_stat(text), Some(expected));
        assert!(!expected.is_over(), "four threads go on");
    }

    #[test]
    fn this_process_is_alive_under_its_own_start_time_only() {
        let pid = i32::try_from(std::process::id()).unwrap();
        let start_time = stat(pid).unwrap().start_time;
        assert!(Process { pid, start_time }.is_alive());
        assert!(
            !Process {
                pid,
                start_time: start_time + 1
            }
            .is_alive()
        );
    }
}
