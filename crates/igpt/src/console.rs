//! What a person sees of a run: one bar for the running stage on a terminal, plain lines
//! elsewhere. All of it on standard error.

use std::io::{IsTerminal, Write};
use std::time::Duration;

use igpt_pipeline::{Event, News, State, Step};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::format::{self, paint};

/// Prints the news of a run.
pub(crate) struct Console {
    bar: ProgressBar,
    quiet: bool,
    plain: bool,
    width: usize,
}

impl Console {
    /// A console for stages whose names are at most `width` characters long.
    pub(crate) fn new(quiet: bool, width: usize) -> Self {
        let plain = !std::io::stderr().is_terminal();
        Self { bar: ProgressBar::hidden(), quiet, plain, width }
    }

    /// Prints a line, above the bar if there is one.
    pub(crate) fn line(&self, line: &str) {
        if !self.quiet {
            self.bar.suspend(|| {
                let _ = writeln!(anstream::stderr(), "{line}");
            });
        }
    }

    /// Prints what happened.
    pub(crate) fn hear(&mut self, news: News<'_>) {
        match news {
            News::Started { step, number, total } => {
                self.step(step, number, total, State::Run);
                self.start_bar();
            }
            News::Settled { step, number, total } => {
                // Nothing to do is not worth a line.
                if step.state != State::Cached {
                    self.step(step, number, total, step.state);
                }
            }
            News::Told(event) => self.told(event),
            News::Finished { result, seconds, reused, .. } => {
                self.bar.finish_and_clear();
                let numbers = result
                    .results
                    .iter()
                    .take(6)
                    .map(|(name, value)| format!("{name} {}", format::value(value)));
                let numbers = paint(format::FAINT, numbers.collect::<Vec<_>>().join(" · "));
                let how = if reused { "made by another run" } else { "done" };
                self.line(&format!("      {how} in {}  {numbers}", format::seconds(seconds)));
            }
        }
    }

    /// Takes the bar away, as before an error.
    pub(crate) fn clear(&self) {
        self.bar.finish_and_clear();
    }

    fn step(&self, step: &Step, number: usize, total: usize, state: State) {
        let (count, width) = (total.to_string().len(), self.width);
        let name = paint(format::NAME, format!("{:width$}", step.name));
        let word = paint(format::state(state), format!("{:7}", state.name()));
        self.line(&format!("[{number:count$}/{total}] {name}  {word}  {}", step.reason()));
    }

    fn start_bar(&mut self) {
        if self.quiet || self.plain {
            return;
        }
        self.bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        self.bar.set_style(style("      {spinner} {msg}"));
        self.bar.enable_steady_tick(Duration::from_millis(120));
    }

    fn told(&self, event: &Event) {
        match event {
            Event::Waiting => self.line("      waiting for another run that makes the same result"),
            Event::Begin { task, total, unit } => {
                self.bar.reset();
                self.bar.set_message("");
                if *total > 0 {
                    self.bar.set_length(*total);
                    let task = task.replace(['{', '}'], "");
                    let unit = unit.replace(['{', '}'], "");
                    self.bar.set_style(style(&format!(
                        "      {{spinner}} {task} {{bar:24}} {{pos}}/{{len}} {unit}  {{per_sec}}  {{eta}} left  {{msg}}"
                    )));
                } else {
                    self.bar.set_style(style("      {spinner} {prefix}  {pos}  {msg}"));
                    self.bar.set_prefix(task.clone());
                }
            }
            Event::At { done } => self.bar.set_position(*done),
            Event::Note { text } => self.bar.set_message(text.clone()),
            Event::Log { line } => {
                if self.plain {
                    self.line(&format!("      {line}"));
                }
            }
            Event::Done | Event::Reused | Event::Failed(_) => {}
        }
    }
}

/// A bar's style; a task's name that upsets the template gives a plain bar.
fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
