//! `igpt status`, and the table that `run --dry-run` shares with it.

use std::io::Write;
use std::process::ExitCode;

use igpt_pipeline::{Error, Plan, Planner, State};
use serde_json::json;

use super::STALE;
use crate::cli;
use crate::format::{self, paint};

pub(super) fn run(args: &cli::Status) -> Result<ExitCode, Error> {
    let pipeline = super::load(&args.pipeline)?;
    let (targets, forced) = super::targets(&pipeline, &args.pipeline)?;
    let plan = Planner::new(&pipeline, forced, args.pipeline.verify).plan(&targets)?;
    if args.json {
        print_json(&plan)
    } else {
        print_table(&plan)
    }
    Ok(if args.exit_code && !plan.is_done() { ExitCode::from(STALE) } else { ExitCode::SUCCESS })
}

/// Prints one line a stage: name, state, reason.
pub(super) fn print_table(plan: &Plan) {
    let width = plan.steps.iter().map(|step| step.name.chars().count()).max().unwrap_or(0);
    let mut out = anstream::stdout().lock();
    for step in &plan.steps {
        let name = paint(format::NAME, format!("{:width$}", step.name));
        let (style, reason) = (format::state(step.state), step.reason());
        let state = if reason.is_empty() {
            paint(style, step.state.name())
        } else {
            format!("{}  {reason}", paint(style, format!("{:7}", step.state.name())))
        };
        // A reader that went away, such as `head`, wants no more.
        if writeln!(out, "{name}  {state}").is_err() {
            return;
        }
    }
}

fn print_json(plan: &Plan) {
    let rows: Vec<_> = plan
        .steps
        .iter()
        .map(|step| {
            json!({
                "stage": step.name,
                "use": step.stage,
                "state": step.state,
                "reason": step.reason(),
                "reasons": step.reasons.iter().map(ToString::to_string).collect::<Vec<_>>(),
                "key": step.key.map(|key| key.to_string()),
                "path": step.path,
            })
        })
        .collect();
    let _ = writeln!(std::io::stdout(), "{:#}", serde_json::Value::Array(rows));
}

/// What a plan comes to: `2 to run, 1 that may, 7 cached`.
pub(super) fn summary(plan: &Plan) -> String {
    let parts = [
        (State::Run, "to run"),
        (State::Maybe, "that may have to run"),
        (State::Restore, "to restore"),
        (State::Cached, "cached"),
    ];
    let parts = parts.into_iter().map(|(state, words)| (plan.count(state), words));
    parts.filter(|(n, _)| *n > 0).map(|(n, words)| format!("{n} {words}")).collect::<Vec<_>>().join(", ")
}
