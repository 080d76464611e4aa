//! How a run is going, on standard error: bars on a terminal, lines elsewhere, or nothing.
//!
//! It refuses to know what the news mean; it only shows them.

use std::collections::HashMap;
use std::fmt;
use std::io::{self, IsTerminal};
use std::time::Duration;

use distributor_core::{Clock, SystemClock, Timestamp};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::cli::findings::one_line;
use crate::cli::output;

/// Running jobs that have a line of their own on a terminal.
const LINES: usize = 8;
/// How often lines on a terminal move.
const TICK: Duration = Duration::from_millis(200);

/// What is shown of a run.
pub(super) struct Progress {
    show: Show,
    /// When what runs was seen to start.
    started: HashMap<usize, Timestamp>,
}

enum Show {
    Nothing,
    Lines,
    Bars(Bars),
}

struct Bars {
    all: MultiProgress,
    total: ProgressBar,
    running: HashMap<usize, ProgressBar>,
}

impl Progress {
    /// Chooses how to show it.
    pub(super) fn new(quiet: bool) -> Self {
        let show = if quiet {
            Show::Nothing
        } else if io::stderr().is_terminal() {
            Show::Bars(Bars::new())
        } else {
            Show::Lines
        };
        Progress {
            show,
            started: HashMap::new(),
        }
    }

    /// `total` attempts in all, of which some need not run.
    pub(super) fn begin(&mut self, total: usize, reused: usize) {
        if let Show::Bars(bars) = &self.show {
            bars.total.set_length(total as u64);
            bars.total.set_position(reused as u64);
            bars.total.enable_steady_tick(TICK);
        }
    }

    /// Something that is not about one job.
    pub(super) fn note(&mut self, text: impl fmt::Display) {
        self.line(format_args!("run: {text}"));
    }

    /// A job whose old result counts.
    pub(super) fn reused(&mut self, name: &str) {
        if let Show::Lines = self.show {
            self.line(format_args!("run: {name}: reused"));
        }
    }

    /// A job runs, not for the first time if `execution` is above 1.
    pub(super) fn running(&mut self, job: usize, name: &str, execution: u32) {
        self.started.insert(job, SystemClock.now());
        let again = match execution {
            0 | 1 => String::new(),
            number => format!(" (execution {number})"),
        };
        match &mut self.show {
            Show::Nothing => {}
            Show::Lines => self.line(format_args!("run: {name}: RUNNING{again}")),
            Show::Bars(bars) => bars.running(job, format!("{name}{again}")),
        }
    }

    /// A job ended normally.
    pub(super) fn finished(&mut self, job: usize, name: &str) {
        let took = self.ended(job);
        if let Show::Lines = self.show {
            self.line(format_args!("run: {name}: FINISHED{took}"));
        }
    }

    /// A job ended abnormally. What never ran is only counted: there may be very many.
    pub(super) fn failed(&mut self, job: usize, name: &str, status: &str, reason: &str) {
        let ran = self.started.contains_key(&job);
        let took = self.ended(job);
        if ran || status != "CANCELLED" {
            let reason = one_line(reason);
            self.line(format_args!("run: {name}: {status}{took}: {reason}"));
        }
    }

    /// Takes the bars away: what follows is the result.
    pub(super) fn end(&mut self) {
        if let Show::Bars(bars) = &mut self.show {
            for bar in bars.running.values() {
                bar.finish_and_clear();
            }
            bars.total.finish_and_clear();
        }
    }

    /// ` in 0.4 s`, if the start was seen.
    fn ended(&mut self, job: usize) -> String {
        if let Show::Bars(bars) = &mut self.show {
            bars.ended(job);
        }
        match self.started.remove(&job) {
            Some(start) => format!(" in {}", time(SystemClock.now().since(start))),
            None => String::new(),
        }
    }

    fn line(&self, text: fmt::Arguments<'_>) {
        match &self.show {
            Show::Nothing => {}
            Show::Lines => output::note(text),
            Show::Bars(bars) => bars.all.suspend(|| output::note(text)),
        }
    }
}

impl Bars {
    fn new() -> Self {
        let all = MultiProgress::new();
        let total = all.add(ProgressBar::new(0));
        total.set_style(style(
            "{bar:30} {pos}/{len} jobs, {elapsed}",
            ProgressStyle::default_bar(),
        ));
        Bars {
            all,
            total,
            running: HashMap::new(),
        }
    }

    fn running(&mut self, job: usize, text: String) {
        if let Some(bar) = self.running.get(&job) {
            bar.set_message(text);
            return;
        }
        if self.running.len() >= LINES {
            return;
        }
        let bar = self.all.add(ProgressBar::new_spinner());
        bar.set_style(style(
            "  {spinner} {wide_msg} {elapsed}",
            ProgressStyle::default_spinner(),
        ));
        bar.set_message(text);
        bar.enable_steady_tick(TICK);
        self.running.insert(job, bar);
    }

    fn ended(&mut self, job: usize) {
        if let Some(bar) = self.running.remove(&job) {
            bar.finish_and_clear();
            self.all.remove(&bar);
        }
        self.total.inc(1);
    }
}

/// The templates are constant, so the fallback is never needed.
fn style(template: &str, otherwise: ProgressStyle) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or(otherwise)
}

/// A duration for people: hundredths of seconds, tenths from ten seconds on, whole ones from a minute on.
pub(super) fn time(duration: Duration) -> String {
    if duration < Duration::from_millis(9_995) {
        return format!("{:.2} s", duration.as_secs_f64());
    }
    if duration < Duration::from_secs(60) {
        return format!("{:.1} s", duration.as_secs_f64());
    }
    humantime::format_duration(Duration::from_secs(duration.as_secs())).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_as_exact_as_people_want_them() {
        let check = |millis, expected| assert_eq!(time(Duration::from_millis(millis)), expected);
        check(0, "0.00 s");
        check(449, "0.45 s");
        check(9_999, "10.0 s");
        check(59_900, "59.9 s");
        check(60_000, "1m");
        check(3_723_456, "1h 2m 3s");
    }
}
