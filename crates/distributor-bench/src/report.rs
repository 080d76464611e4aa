//! The table for people, the JSON for programs.

use std::fmt::Write as _;
use std::io::Write as _;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::group::Workload;
use crate::measurement::{Fact, GroupReport};

/// Writes to standard output, which is for results.
pub(crate) fn print(text: &str) -> Result<()> {
    let mut output = std::io::stdout().lock();
    writeln!(output, "{text}").context("writing to standard output")
}

/// Says something to people while they wait.
#[expect(
    clippy::print_stderr,
    reason = "the one place where this program talks to people"
)]
pub(crate) fn tell(message: &str) {
    eprintln!("{message}");
}

/// A block of lines for each group: floors, then the subject with its ratios.
pub(crate) fn table(reports: &[GroupReport]) -> String {
    let mut text = String::new();
    for report in reports {
        let rounds = report.rounds.len();
        let _ = writeln!(
            text,
            "{}: {} quests, {rounds} round(s), fdatasync of 4 KiB p50 {:.0} us, p99 {:.0} us",
            report.group,
            report.count,
            report.median(|round| Some(round.probe.p50_micros)),
            report.median(|round| Some(round.probe.p99_micros)),
        );
        let _ = writeln!(
            text,
            "  {:<34} {:>12} {:>7} {:>6} {:>12} {:>12} {:>12}",
            "",
            format!("{}/s", report.unit),
            "ratio",
            "goal",
            "peak memory",
            "state",
            "collected"
        );
        for (floor, goal) in &report.floors {
            line(&mut text, report, *floor, Some((*floor, *goal)));
        }
        line(&mut text, report, report.subject, None);
        for fact in report.facts() {
            fact_line(&mut text, &fact);
        }
        text.push('\n');
    }
    text.push_str("ratio: of the subject's rate to that of the floor, in the same round; medians of all rounds");
    text
}

/// One line; `ratio` is for the lines of floors: to which one, and how much it should be.
fn line(
    text: &mut String,
    report: &GroupReport,
    workload: Workload,
    ratio: Option<(Workload, Option<f64>)>,
) {
    let number = |value: Option<f64>| value.map_or(String::new(), |it| format!("{it:.2}"));
    let columns = format!(
        "  {:<34} {:>12.0} {:>7} {:>6} {:>12} {:>12} {:>12}",
        workload.title(),
        report.rate(workload),
        number(ratio.map(|(floor, _)| report.ratio(floor))),
        number(ratio.and_then(|(_, goal)| goal)),
        mebibytes(report.largest(workload, |it| it.peak_rss_bytes)),
        mebibytes(report.largest(workload, |it| it.state_bytes)),
        mebibytes(report.largest(workload, |it| it.collected_bytes)),
    );
    text.push_str(columns.trim_end());
    text.push('\n');
}

/// One line for a number that only the subject has.
fn fact_line(text: &mut String, fact: &Fact) {
    let decimals = if fact.value.fract() == 0.0 { 0 } else { 2 };
    let columns = format!(
        "    {:<32} {:>12.decimals$} {}",
        fact.name, fact.value, fact.unit
    );
    text.push_str(columns.trim_end());
    text.push('\n');
}

fn mebibytes(bytes: Option<u64>) -> String {
    bytes.map_or(String::new(), |bytes| {
        format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
    })
}

/// Everything that was measured, and the medians that the table shows.
pub(crate) fn json(reports: &[GroupReport]) -> Result<String> {
    let cpus = std::thread::available_parallelism().map_or(0, |it| it.get());
    let groups: Vec<Value> = reports.iter().map(group).collect();
    let document = json!({ "cpus": cpus, "groups": groups });
    serde_json::to_string_pretty(&document).context("writing JSON")
}

fn group(report: &GroupReport) -> Value {
    let floors: Vec<Value> = report
        .floors
        .iter()
        .map(|(floor, goal)| {
            json!({
                "name": floor,
                "title": floor.title(),
                "per_second": report.rate(*floor),
                "ratio": report.ratio(*floor),
                "goal": goal,
            })
        })
        .collect();
    let subject = report.subject;
    json!({
        "name": report.group,
        "count": report.count,
        "unit": report.unit,
        "subject": {
            "name": subject,
            "title": subject.title(),
            "per_second": report.rate(subject),
            "peak_rss_bytes": report.largest(subject, |it| it.peak_rss_bytes),
            "state_bytes": report.largest(subject, |it| it.state_bytes),
            "collected_bytes": report.largest(subject, |it| it.collected_bytes),
            "facts": report.facts(),
        },
        "floors": floors,
        "rounds": report.rounds,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::group::Choice;
    use crate::measurement::{Measurement, Probe, Round};

    fn report() -> GroupReport {
        let mut report = GroupReport::new(&Choice::LocalProcess.groups()[0], 2000);
        let measurement = |workload, seconds| Measurement {
            workload,
            count: 2000,
            seconds,
            peak_rss_bytes: (workload != Workload::Xargs).then_some(12 << 20),
            state_bytes: (workload == Workload::LocalProcess).then_some(1 << 19),
            collected_bytes: None,
            facts: match workload {
                Workload::LocalProcess => vec![Fact::new("slowest", 1.5, "ms")],
                _ => Vec::new(),
            },
        };
        report.rounds.push(Round {
            probe: Probe {
                p50_micros: 80.4,
                p99_micros: 115.0,
            },
            measurements: vec![
                measurement(Workload::SpawnAndWait, 0.5),
                measurement(Workload::Xargs, 0.8),
                measurement(Workload::LocalProcess, 1.0),
            ],
        });
        report
    }

    #[test]
    fn the_table_has_a_line_for_each_workload() {
        let expected = "\
local-process: 2000 quests, 1 round(s), fdatasync of 4 KiB p50 80 us, p99 115 us
                                     executions/s   ratio   goal  peak memory        state    collected
  bare spawn and wait, 2 threads             4000    0.50            12.0 MiB
  xargs -P2 -n1                              2500    0.80   0.70
  local-process, 2 slots                     2000                    12.0 MiB      0.5 MiB
    slowest                                  1.50 ms

ratio: of the subject's rate to that of the floor, in the same round; medians of all rounds";
        assert_eq!(table(&[report()]), expected);
    }

    #[test]
    fn json_has_medians_and_every_round() {
        let text = json(&[report()]).expect("it is valid");
        let value: Value = serde_json::from_str(&text).expect("it is JSON");
        let group = &value["groups"][0];
        assert_eq!(group["name"], "local-process");
        assert_eq!(group["subject"]["per_second"], 2000.0);
        assert_eq!(group["unit"], "executions");
        assert_eq!(group["subject"]["facts"][0]["value"], 1.5);
        assert_eq!(group["floors"][1]["name"], "xargs");
        assert_eq!(group["floors"][1]["ratio"], 0.8);
        assert_eq!(group["floors"][1]["goal"], 0.7);
        assert_eq!(group["rounds"][0]["measurements"][2]["seconds"], 1.0);
    }
}
