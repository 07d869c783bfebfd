//! The table, in Markdown that can also be read as it stands.

use std::fmt::Write;

use crate::number::{megabytes, three_digits};
use crate::summary::Summary;

/// One line of the table.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Line {
    /// The row, with a size where it has several.
    pub(crate) name: String,
    /// What we do.
    pub(crate) ours: Summary,
    /// What stands beside it.
    pub(crate) beside: Option<Other>,
}

/// What stands beside a figure of ours.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Other {
    /// A peer, by name.
    Peer(String, Summary),
    /// What arithmetic says.
    Arithmetic(f64),
}

const HEADER: [&str; 7] = ["row", "igpt", "beside", "its figure", "ratio", "memory igpt", "its memory"];

/// The lines as a table.
pub(crate) fn render(lines: &[Line]) -> String {
    let rows: Vec<[String; 7]> = lines.iter().map(cells).collect();
    let mut widths = HEADER.map(|cell| cell.chars().count());
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    let mut write = |cells: [&str; 7]| {
        for (cell, width) in cells.iter().zip(widths) {
            let _ = write!(text, "| {cell:width$} ");
        }
        text.push_str("|\n");
    };
    write(HEADER);
    let rules = widths.map(|width| "-".repeat(width));
    write(rules.each_ref().map(String::as_str));
    rows.iter().for_each(|row| write(row.each_ref().map(String::as_str)));
    text
}

fn cells(Line { name, ours, beside }: &Line) -> [String; 7] {
    let (who, figure, ratio, memory) = match beside {
        None => ("–".into(), "–".into(), "–".into(), "–".into()),
        Some(Other::Peer(name, theirs)) => {
            let ratio = three_digits(ours.times_as_well_as(theirs.value));
            (name.clone(), with_range(theirs), ratio, megabytes(theirs.peak_bytes))
        }
        Some(Other::Arithmetic(expected)) => {
            let figure = format!("{} {}", three_digits(*expected), ours.unit);
            ("arithmetic".into(), figure, three_digits(ours.times_as_well_as(*expected)), "–".into())
        }
    };
    [name.clone(), with_range(ours), who, figure, ratio, megabytes(ours.peak_bytes), memory]
}

/// The median, with the lowest and the highest.
fn with_range(Summary { value, range: (low, high), unit, .. }: &Summary) -> String {
    let [value, low, high] = [*value, *low, *high].map(three_digits);
    if low == high { format!("{value} {unit}") } else { format!("{value} {unit} ({low}–{high})") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_each_with_ratio_and_memory() {
        let summary = |value: f64, peak_bytes| Summary {
            value,
            range: (value, value + 100.0),
            unit: "tokens/s".into(),
            peak_bytes,
            cost: None,
            note: None,
        };
        let line = |beside| Line { name: "train".into(), ours: summary(1500.0, 144_000_000), beside };
        let peer = Other::Peer("PyTorch".into(), summary(1000.0, 0));
        let text = render(&[line(Some(peer)), line(Some(Other::Arithmetic(3000.0))), line(None)]);
        let rows: Vec<Vec<&str>> = text.lines().map(|row| row.split('|').map(str::trim).collect()).collect();
        let ours = "1,500 tokens/s (1,500–1,600)";
        let theirs = "1,000 tokens/s (1,000–1,100)";
        assert_eq!(rows[2], ["", "train", ours, "PyTorch", theirs, "1.50", "144 MB", "–", ""]);
        assert_eq!(rows[3][3..6], ["arithmetic", "3,000 tokens/s", "0.500"]);
        assert_eq!(rows[4][3..6], ["–", "–", "–"]);
        // Columns stand below each other.
        let lengths: std::collections::BTreeSet<_> = text.lines().map(|row| row.chars().count()).collect();
        assert_eq!(lengths.len(), 1);
    }
}
