//! How fast the disk makes something durable, which bounds every durable rate.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::measurement::Probe;

/// Bytes that are written each time: a page of SQLite's.
const BLOCK: usize = 4096;

/// Overwrites the same block for about a second, each time with fdatasync.
pub(crate) fn run(folder: &Path) -> Result<Probe> {
    let path = folder.join("probe");
    let file = File::create(&path).with_context(|| format!("creating {}", path.display()))?;
    let block = [7; BLOCK];
    let write = || -> std::io::Result<Duration> {
        let begin = Instant::now();
        file.write_all_at(&block, 0)?;
        file.sync_data()?;
        Ok(begin.elapsed())
    };
    let context = || format!("writing {}", path.display());
    // The first ones change the file's size and place, which the others do not.
    for _ in 0..3 {
        write().with_context(context)?;
    }
    let mut durations = Vec::new();
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_secs(1) {
        durations.push(write().with_context(context)?);
    }
    durations.sort_unstable();
    Ok(Probe {
        p50_micros: percentile(&durations, 50),
        p99_micros: percentile(&durations, 99),
    })
}

/// The shortest duration that `percent` of all are not above, in microseconds.
pub(crate) fn percentile(sorted: &[Duration], percent: usize) -> f64 {
    let rank = (sorted.len() * percent).div_ceil(100);
    let duration = sorted.get(rank.saturating_sub(1));
    duration.map_or(0.0, |it| it.as_secs_f64() * 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_ranks() {
        let micros: Vec<_> = (1..=200).map(Duration::from_micros).collect();
        assert_eq!(percentile(&micros, 50).round(), 100.0);
        assert_eq!(percentile(&micros, 99).round(), 198.0);
        assert_eq!(percentile(&micros[..1], 99).round(), 1.0);
        assert_eq!(percentile(&[], 50), 0.0);
    }
}
