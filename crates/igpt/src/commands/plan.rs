//! `igpt plan`: what a pipeline costs, from its file alone.

use std::io::Write;
use std::process::ExitCode;

use igpt_pipeline::{Error, Overrides, Pipeline};
use igpt_stage::{Amount, Forecast};
use serde_json::json;

use crate::cli;
use crate::format::{self, paint};

pub(super) fn run(args: &cli::Plan) -> Result<ExitCode, Error> {
    // A source that is not set does not change the cost of what is done with it.
    let unset = |name: &str| std::env::var(name).ok().or_else(|| Some(format!("${name}")));
    let overrides = Overrides { set: args.set.clone(), environment: unset, ..Overrides::default() };
    let pipeline = super::load_with(args.file.as_deref(), &overrides)?;
    let forecasts = pipeline.forecasts();
    if args.json {
        print_json(&pipeline, &forecasts)
    } else {
        print_table(&pipeline, &forecasts)
    }
    Ok(ExitCode::SUCCESS)
}

fn print_table(pipeline: &Pipeline, forecasts: &[Forecast]) {
    let width = pipeline.entries.iter().map(|entry| entry.name.chars().count()).max().unwrap_or(0);
    let mut out = anstream::stdout().lock();
    for (entry, forecast) in pipeline.entries.iter().zip(forecasts) {
        if forecast.figures.is_empty() {
            continue;
        }
        let name = paint(format::NAME, format!("{:width$}", entry.name));
        let figures: Vec<_> = forecast
            .figures
            .iter()
            .map(|(name, amount)| format!("{} {}", paint(format::FAINT, name), format::amount(*amount)))
            .collect();
        // A reader that went away, such as `head`, wants no more.
        if writeln!(out, "{name}  {}", figures.join(" · ")).is_err() {
            return;
        }
    }
}

fn print_json(pipeline: &Pipeline, forecasts: &[Forecast]) {
    let figure = |(name, amount): &(&str, Amount)| match amount {
        Amount::Count(count) => json!({"name": name, "count": count}),
        Amount::Flops(flops) => json!({"name": name, "flops": flops}),
        Amount::Bytes(bytes) => json!({"name": name, "bytes": bytes}),
    };
    let rows: Vec<_> = pipeline
        .entries
        .iter()
        .zip(forecasts)
        .map(|(entry, forecast)| {
            let figures: Vec<_> = forecast.figures.iter().map(figure).collect();
            json!({"stage": entry.name, "use": entry.definition.name, "figures": figures})
        })
        .collect();
    let _ = writeln!(std::io::stdout(), "{:#}", serde_json::Value::Array(rows));
}
