//! A process for each measurement: this program started again, which answers in JSON.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::group::Workload;
use crate::measurement::{Fact, Measurement};
use crate::{floor, report, served, subject};

/// What a workload found out about itself.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// Executions, or whatever it counts, if they are not as many as it was told to make.
    pub(crate) count: Option<u64>,
    /// How long it took.
    pub(crate) duration: Duration,
    /// Size of its database on disk.
    pub(crate) state_bytes: Option<u64>,
    /// The same after collection.
    pub(crate) collected_bytes: Option<u64>,
    /// See [`peak_rss_bytes`].
    pub(crate) peak_rss_bytes: Option<u64>,
    /// What else there is to say.
    pub(crate) facts: Vec<Fact>,
}

/// Measures in a process of its own, with files in a new `folder`.
pub(crate) fn start(workload: Workload, count: u64, folder: &Path) -> Result<Measurement> {
    let program = std::env::current_exe().context("finding this program")?;
    let output = Command::new(program)
        .args(["__measure", workload.name(), &count.to_string()])
        .arg(folder)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .context("starting this program again")?;
    if !output.status.success() {
        bail!("measuring {} failed ({})", workload.name(), output.status);
    }
    serde_json::from_slice(&output.stdout).context("reading a measurement")
}

/// The other side: measures in this process and prints the result.
pub(crate) fn measure(workload: Workload, count: u64, folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("creating {}", folder.display()))?;
    let outcome = match workload {
        Workload::RawBatched => floor::sqlite::run(folder, count, 1024)?,
        Workload::RawSingle => floor::sqlite::run(folder, count, 1)?,
        Workload::SpawnAndWait => floor::processes::spawn_and_wait(count, 2)?,
        Workload::Xargs => floor::processes::xargs(count, 2)?,
        Workload::Noop => subject::noop(folder, count, 1000)?,
        Workload::NoopSingle => subject::noop(folder, count, 1)?,
        Workload::LocalProcess => subject::local_process(folder, count, 2)?,
        Workload::Ensure => served::ensure::grpc(folder, count)?,
        Workload::EnsurePrpc => served::ensure::prpc(folder, count)?,
        Workload::J02 => served::j02::run(folder, count)?,
        Workload::RandomGraph => served::graph::run(folder, count)?,
        Workload::Latency => served::latency::run(folder, count)?,
        Workload::RawNotifications => floor::notifications::run(folder, count, 1024)?,
        Workload::Answer204 => served::notify::answer_204(folder, count)?,
        Workload::Notifications => served::notify::receive(folder, count)?,
        Workload::NotificationLatency => served::notify::latency(folder, count)?,
    };
    let measurement = Measurement {
        workload,
        count: outcome.count.unwrap_or(count),
        seconds: outcome.duration.as_secs_f64(),
        peak_rss_bytes: outcome.peak_rss_bytes,
        state_bytes: outcome.state_bytes,
        collected_bytes: outcome.collected_bytes,
        facts: outcome.facts,
    };
    report::print(&serde_json::to_string(&measurement)?)
}

/// The most memory that this process has had resident so far, or since [`forget_peak_rss`].
pub(crate) fn peak_rss_bytes() -> Result<u64> {
    status_bytes("VmHWM:")
}

/// The memory that this process has resident now.
pub(crate) fn rss_bytes() -> Result<u64> {
    status_bytes("VmRSS:")
}

/// From now on only what comes counts as peak.
pub(crate) fn forget_peak_rss() -> Result<()> {
    fs::write("/proc/self/clear_refs", "5").context("writing /proc/self/clear_refs")
}

fn status_bytes(field: &str) -> Result<u64> {
    let status = fs::read_to_string("/proc/self/status").context("reading /proc/self/status")?;
    bytes_of(&status, field).with_context(|| format!("/proc/self/status has no {field}"))
}

fn bytes_of(status: &str, field: &str) -> Option<u64> {
    let line = status.lines().find_map(|it| it.strip_prefix(field))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

/// The size of all files directly in `folder`.
pub(crate) fn size_of_files(folder: &Path) -> Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))? {
        let metadata = entry?.metadata()?;
        if metadata.is_file() {
            bytes += metadata.len();
        }
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peak_memory_is_read_in_bytes() {
        let status = "Name:\tbench\nVmPeak:\t  99 kB\nVmHWM:\t    2048 kB\nVmRSS:\t 1 kB\n";
        assert_eq!(bytes_of(status, "VmHWM:"), Some(2048 * 1024));
        assert_eq!(bytes_of(status, "VmRSS:"), Some(1024));
        assert_eq!(bytes_of("Name:\tbench\n", "VmHWM:"), None);
    }
}
