//! Aligned columns and labelled facts for people. Pure: text in, text out.

use std::fmt::Write;

use anstyle::{AnsiColor, Style};

use super::findings::one_line;

/// Widest a column gets, in characters, except for the last one.
const WIDEST: usize = 60;

/// A text with a style.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cell {
    text: String,
    style: Style,
}

impl Cell {
    /// Without colour.
    pub(crate) fn plain(text: impl AsRef<str>) -> Self {
        Cell {
            text: one_line(text.as_ref()),
            style: Style::new(),
        }
    }

    /// A state or status of the API in its colour.
    pub(crate) fn state(text: &str) -> Self {
        let colour = match text {
            "FINISHED" => AnsiColor::Green,
            "EXECUTING" | "RUNNING" | "STOPPING" => AnsiColor::Cyan,
            "SCHEDULING" | "WAITING" | "CANCELLED" => AnsiColor::Yellow,
            _ => AnsiColor::Red,
        };
        Cell {
            text: one_line(text),
            style: colour.on_default(),
        }
    }
}

/// Rows under a heading; all columns but the last are as wide as their widest cell.
#[derive(Debug)]
pub(crate) struct Table {
    rows: Vec<Vec<Cell>>,
}

impl Table {
    /// With these headings.
    pub(crate) fn new(headings: &[&str]) -> Self {
        let bold = |heading: &&str| Cell {
            text: (*heading).to_owned(),
            style: Style::new().bold(),
        };
        Table {
            rows: vec![headings.iter().map(bold).collect()],
        }
    }

    /// Adds a row with as many cells as there are headings.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = Cell>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// The whole table, a line for each row.
    pub(crate) fn render(&self, colours: bool) -> String {
        let mut widths: Vec<usize> = Vec::new();
        for row in &self.rows {
            widths.resize(widths.len().max(row.len()), 0);
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.text.chars().count().min(WIDEST));
            }
        }
        let mut out = String::new();
        for row in &self.rows {
            let mut line = String::new();
            for (index, (cell, width)) in row.iter().zip(&widths).enumerate() {
                if index > 0 {
                    line.push_str("  ");
                }
                paint(&mut line, cell, colours);
                if index + 1 < row.len() {
                    let gap = width.saturating_sub(cell.text.chars().count());
                    line.extend(std::iter::repeat_n(' ', gap));
                }
            }
            out.push_str(line.trim_end());
            out.push('\n');
        }
        out
    }
}

/// Labels with their values below each other.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    facts: Vec<(&'static str, Cell)>,
}

impl Facts {
    /// Adds one.
    pub(crate) fn add(&mut self, label: &'static str, value: Cell) {
        self.facts.push((label, value));
    }

    /// Adds one that may be absent.
    pub(crate) fn add_some(&mut self, label: &'static str, value: Option<impl AsRef<str>>) {
        if let Some(value) = value {
            self.add(label, Cell::plain(value));
        }
    }

    /// All of them, a line each, behind `indent`.
    pub(crate) fn render(&self, indent: &str, colours: bool) -> String {
        let width = self.facts.iter().map(|(label, _)| label.len()).max();
        let width = width.unwrap_or(0);
        let mut out = String::new();
        for (label, value) in &self.facts {
            // Writing to a string cannot fail.
            let _infallible = write!(out, "{indent}{label:width$}  ");
            paint(&mut out, value, colours);
            out.push('\n');
        }
        out
    }
}

fn paint(out: &mut String, cell: &Cell, colours: bool) {
    let text = &cell.text;
    // Writing to a string cannot fail.
    let _infallible = match colours && !cell.style.is_plain() {
        true => write!(out, "{0}{text}{0:#}", cell.style),
        false => out.write_str(text),
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_lines_end_with_text() {
        let mut table = Table::new(&["NAME", "STATE", "REASON"]);
        table.row([
            Cell::plain("compile/lexer"),
            Cell::state("FINISHED"),
            Cell::plain(""),
        ]);
        table.row([
            Cell::plain("é"),
            Cell::state("FAILED"),
            Cell::plain("a\nb\u{1b}"),
        ]);
        assert_eq!(
            table.render(false),
            "NAME           STATE     REASON\n\
             compile/lexer  FINISHED\n\
             é              FAILED    a\\nb\\u{1b}\n"
        );
    }

    #[test]
    fn colours_are_there_only_if_wanted() {
        let mut facts = Facts::default();
        facts.add("state", Cell::state("FINISHED"));
        facts.add_some("reason", None::<&str>);
        assert_eq!(facts.render("  ", false), "  state  FINISHED\n");
        assert_eq!(
            facts.render("", true),
            "state  \u{1b}[32mFINISHED\u{1b}[0m\n"
        );
    }
}
