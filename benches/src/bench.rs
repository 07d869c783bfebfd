//! All rows, in rounds in which every side has a turn.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

use igpt_artifact::Error as FileError;

use crate::child::{self, Side};
use crate::cli::Options;
use crate::error::{Error, Result};
use crate::figure::Figure;
use crate::machine;
use crate::number::three_digits;
use crate::rows::{ALL, Beside, Peer, Program, Row};
use crate::summary::Summary;
use crate::table::{self, Line, Other};

/// Measures the rows that were asked for, prints the table, and says whether nothing of ours failed.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let rows = chosen(&options.only)?;
    let mut report = Report { python: python_is_there(options), ..Report::default() };
    let machine = machine::describe(options.threads.get(), &options.device);
    if !report.python {
        let python = options.python.display();
        report
            .remark(format!("peers in Python are left out: no Python at {python} (`make python` makes one)"));
    }
    for row in &rows {
        if let Err(error) = measure(row, options, &mut report) {
            report.failed = true;
            report.remark(format!("{} failed: {error}", row.name));
        }
    }
    let text = report.render(&rows, &machine, options);
    std::io::stdout().lock().write_all(text.as_bytes()).map_err(Error::Print)?;
    if let Some(path) = &options.markdown {
        std::fs::write(path, &text).map_err(FileError::io("write", path))?;
    }
    Ok(ExitCode::from(u8::from(report.failed)))
}

/// The rows of these names, or whose names begin with them; all when none is given.
fn chosen(only: &[String]) -> Result<Vec<&'static Row>> {
    let is = |row: &Row, name: &String| {
        row.name.strip_prefix(name.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    };
    if let Some(name) = only.iter().find(|name| !ALL.iter().any(|row| is(row, name))) {
        let known = ALL.iter().map(|row| row.name).collect();
        return Err(Error::Row { name: name.clone(), known });
    }
    Ok(ALL.iter().filter(|row| only.is_empty() || only.iter().any(|name| is(row, name))).collect())
}

fn python_is_there(options: &Options) -> bool {
    let mut python = Command::new(&options.python);
    python.args(["-c", ""]).stdout(Stdio::null()).stderr(Stdio::null());
    python.status().is_ok_and(|status| status.success())
}

/// What comes out.
#[derive(Debug, Default)]
struct Report {
    lines: Vec<Line>,
    remarks: Vec<String>,
    python: bool,
    failed: bool,
}

impl Report {
    /// Keeps what a reader should know, and says it at once.
    fn remark(&mut self, remark: String) {
        progress(&remark);
        self.remarks.push(remark);
    }

    fn render(&self, rows: &[&Row], machine: &str, options: &Options) -> String {
        let mut text = format!("{machine}; medians of {}, lowest and highest beside\n\n", options.repeats);
        text.push_str(&table::render(&self.lines));
        text.push_str("\nA ratio above 1 is in favour of igpt. Memory is the largest peak of a process.\n\n");
        for row in rows {
            let _ = writeln!(text, "- {}: {}. {}", row.name, row.about, row.sizes);
        }
        self.remarks.iter().for_each(|remark| text.push_str(&format!("- {remark}\n")));
        text
    }
}

/// Measures one row.
fn measure(row: &Row, options: &Options, report: &mut Report) -> Result<()> {
    let temporary = std::env::temp_dir();
    let dir = tempfile::tempdir_in(&temporary).map_err(FileError::io("write into", &temporary))?;
    match &row.beside {
        Beside::Peers(peers) => beside_peers(row, peers, dir.path(), options, report),
        Beside::Itself(sizes) => beside_itself(row, sizes, dir.path(), options, report),
    }
}

fn beside_peers(row: &Row, peers: &[Peer], dir: &Path, options: &Options, report: &mut Report) -> Result<()> {
    let settings = settings(row, "", dir, options);
    if let Some(reason) = child::prepare(row.work, &settings, options)?.skipped {
        report.remark(format!("{} skipped: {reason}", row.name));
        return Ok(());
    }
    let mut sides = vec![side("igpt", &Program::This, row, settings, options)?];
    for peer in peers.iter().filter(|peer| report.python || peer.program == Program::This) {
        let settings = self::settings(row, peer.more, dir, options);
        sides.push(side(peer.name, &peer.program, row, settings, options)?);
    }
    let measured = in_turns(row, &sides, options);
    let mut summaries = Vec::new();
    for (side, figures) in sides.iter().zip(measured) {
        match figures {
            Ok(figures) => {
                let name = figures.last().and_then(|figure| figure.peer.clone());
                summaries.push((name.unwrap_or_else(|| side.name.clone()), Summary::of(&figures)));
            }
            Err(error) if summaries.is_empty() => return Err(error),
            Err(error) => report.remark(format!("{}: left out: {error}", row.name)),
        }
    }
    let mut summaries = summaries.into_iter().filter_map(|(name, summary)| Some((name, summary?)));
    let Some((_, ours)) = summaries.next() else { return Ok(()) };
    let theirs: Vec<_> = summaries.collect();
    for (name, summary) in
        [("igpt", &ours)].into_iter().chain(theirs.iter().map(|(name, s)| (name.as_str(), s)))
    {
        report.remarks.extend(summary.note.as_ref().map(|note| format!("{}, {name}: {note}", row.name)));
    }
    let line = |beside| Line { name: row.name.to_owned(), ours: ours.clone(), beside };
    if theirs.is_empty() {
        report.lines.push(line(None));
    }
    report.lines.extend(theirs.into_iter().map(|(name, summary)| line(Some(Other::Peer(name, summary)))));
    Ok(())
}

fn beside_itself(
    row: &Row,
    sizes: &[&'static str],
    dir: &Path,
    options: &Options,
    report: &mut Report,
) -> Result<()> {
    let mut sides = Vec::new();
    for (i, size) in sizes.iter().enumerate() {
        let dir = dir.join(i.to_string());
        std::fs::create_dir(&dir).map_err(FileError::io("create", &dir))?;
        let settings = settings(row, size, &dir, options);
        if let Some(reason) = child::prepare(row.work, &settings, options)?.skipped {
            report.remark(format!("{} skipped: {reason}", row.name));
            return Ok(());
        }
        sides.push(side(size, &Program::This, row, settings, options)?);
    }
    let mut first: Option<Summary> = None;
    for (side, figures) in sides.iter().zip(in_turns(row, &sides, options)) {
        let Some(ours) = Summary::of(&figures?) else { continue };
        let expected = first.as_ref().and_then(|first| ours.expected_from(first));
        first.get_or_insert_with(|| ours.clone());
        let name = format!("{} {}", row.name, side.name);
        report.lines.push(Line { name, ours, beside: expected.map(Other::Arithmetic) });
    }
    Ok(())
}

/// Measures every side once, then again, so that all of them see the same moods of the machine. A side that fails
/// is not asked again.
fn in_turns(row: &Row, sides: &[Side], options: &Options) -> Vec<Result<Vec<Figure>>> {
    let mut measured: Vec<Result<Vec<Figure>>> = sides.iter().map(|_| Ok(Vec::new())).collect();
    for round in 1..=options.repeats.get() {
        for (side, measured) in sides.iter().zip(&mut measured) {
            let Ok(figures) = measured else { continue };
            match side.measure(options) {
                Ok(figure) => {
                    let value = three_digits(figure.value);
                    progress(&format!(
                        "{} {round}/{}: {}: {value} {}",
                        row.name, options.repeats, side.name, figure.unit
                    ));
                    figures.push(figure);
                }
                Err(error) => *measured = Err(error),
            }
        }
    }
    measured
}

/// What a process is told: the row's sizes, further ones, and where it is.
fn settings(row: &Row, more: &str, dir: &Path, options: &Options) -> Vec<String> {
    let sizes = row.sizes.split_whitespace().chain(more.split_whitespace()).map(str::to_owned);
    sizes.chain([format!("dir={}", dir.display()), format!("device={}", options.device)]).collect()
}

fn side(name: &str, program: &Program, row: &Row, settings: Vec<String>, options: &Options) -> Result<Side> {
    let command = match program {
        Program::This => vec![child::this()?, "row".into(), row.work.into()],
        Program::Script(script) => vec![options.python.clone(), options.peers.join(script)],
    };
    Ok(Side { name: name.to_owned(), command, settings })
}

/// Says on standard error how far it is.
fn progress(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}
