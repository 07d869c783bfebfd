//! The paper's figures from the table.

use std::collections::BTreeSet;

use igpt_artifact::table::comparison::ComparisonRow;

use crate::bars::Bars;
use crate::chart::{Chart, Point, Series};

const ACCURACY: &str = "test top-1 accuracy (%)";

/// The names in a column, in the order in which they first come.
fn names<'a>(rows: impl Iterator<Item = &'a ComparisonRow>) -> Vec<&'a str> {
    let mut seen = BTreeSet::new();
    rows.map(|row| row.model.name.as_str()).filter(|name| seen.insert(*name)).collect()
}

/// Probe accuracy of the best layer against validation loss, a line a network, a dot a step. Only for the
/// autoregressive objective: what a hidden pixel costs is another thing.
pub(crate) fn scaling(rows: &[ComparisonRow]) -> Option<Chart> {
    let dots = || {
        let fits =
            |row: &&ComparisonRow| row.how == "probe" && row.best && row.model.objective == "autoregressive";
        rows.iter().filter(fits).filter(|row| row.model.validation_loss.is_some())
    };
    let line = |name: &str| {
        let mut steps: Vec<_> = dots().filter(|row| row.model.name == name).collect();
        steps.sort_by_key(|row| row.model.step);
        let point = |row: &ComparisonRow| Point {
            x: row.model.validation_loss.unwrap_or_default(),
            y: 100.0 * row.test_accuracy,
            label: row.model.step.map(thousands).unwrap_or_default(),
        };
        let size =
            steps.first().map_or(String::new(), |row| format!(" ({})", millions(row.model.parameters)));
        Series { name: format!("{name}{size}"), points: steps.into_iter().map(point).collect() }
    };
    let series: Vec<_> = names(dots()).into_iter().map(line).collect();
    (dots().count() > 1).then_some(Chart {
        title: "A lower loss, a better probe",
        x: "validation loss (nats per token; labels: training steps)",
        y: ACCURACY,
        falling: true,
        series,
    })
}

/// Probe accuracy against depth, a curve for the last step of each network.
pub(crate) fn depth(rows: &[ComparisonRow]) -> Option<Chart> {
    let probes = || rows.iter().filter(|row| row.how == "probe");
    let curve = |name: &str| {
        let of_name = || probes().filter(|row| row.model.name == name);
        let last = of_name().map(|row| row.model.step).max().flatten();
        let points = of_name().filter(|row| row.model.step == last).filter_map(|row| {
            // Shares of the whole depth, so that networks of different depths can be compared.
            let depth = 100.0 * f64::from(row.layer?) / row.model.n_layer as f64;
            Some(Point { x: depth, y: 100.0 * row.test_accuracy, label: String::new() })
        });
        Series { name: name.to_owned(), points: points.collect() }
    };
    let series: Vec<_> = names(probes()).into_iter().map(curve).collect();
    (!series.is_empty()).then_some(Chart {
        title: "Linear probe by depth",
        x: "depth (% of all blocks; 0 is the input of the first)",
        y: ACCURACY,
        falling: false,
        series,
    })
}

/// Both objectives, probed and fine-tuned: the best network of each.
pub(crate) fn objectives(rows: &[ComparisonRow]) -> Option<Bars> {
    let both = ["autoregressive", "bert"];
    let best = |objective: &str, how: &str| {
        let fits = |row: &&ComparisonRow| row.model.objective == objective && row.how == how && row.best;
        let judged =
            rows.iter().filter(fits).max_by(|a, b| a.validation_accuracy.total_cmp(&b.validation_accuracy));
        judged.map(|row| 100.0 * row.test_accuracy)
    };
    let groups: Vec<_> = [("linear probe", "probe"), ("fine-tuned", "finetune")]
        .into_iter()
        .map(|(title, how)| (title, both.iter().map(|objective| best(objective, how)).collect::<Vec<_>>()))
        .filter(|(_, bars)| bars.iter().all(Option::is_some))
        .collect();
    (!groups.is_empty()).then_some(Bars {
        title: "Autoregressive beside BERT",
        y: ACCURACY,
        names: both.map(str::to_owned).into(),
        groups,
    })
}

/// `250`, `2k`, `131k`, `1M`.
fn thousands(step: u64) -> String {
    match step {
        0..1000 => step.to_string(),
        1000..1_000_000 if step.is_multiple_of(1000) || step >= 10_000 => format!("{}k", step / 1000),
        1000..1_000_000 => format!("{:.1}k", step as f64 / 1e3),
        _ => format!("{:.1}M", step as f64 / 1e6),
    }
}

/// `0.31 M`, `76.6 M`, `1362 M`.
fn millions(parameters: u64) -> String {
    let millions = parameters as f64 / 1e6;
    let decimals = if millions < 10.0 { 2 } else { usize::from(millions < 100.0) };
    format!("{millions:.decimals$} M")
}

#[cfg(test)]
mod tests {
    use super::*;
    use igpt_artifact::table::model::ModelFacts;

    fn row(
        name: &str,
        objective: &str,
        how: &'static str,
        step: u64,
        layer: Option<u32>,
        accuracy: f64,
    ) -> ComparisonRow {
        let model = ModelFacts {
            name: name.into(),
            objective: objective.into(),
            n_layer: 2,
            parameters: 312_960,
            step: Some(step),
            validation_loss: Some(2.0 - step as f64 / 1000.0),
            ..ModelFacts::default()
        };
        let best = layer.is_none_or(|layer| layer == 1);
        ComparisonRow {
            model,
            how,
            layer,
            best,
            validation_accuracy: accuracy,
            test_accuracy: accuracy - 0.1,
        }
    }

    fn table() -> Vec<ComparisonRow> {
        vec![
            row("small", "autoregressive", "probe", 500, Some(0), 0.4),
            row("small", "autoregressive", "probe", 500, Some(1), 0.6),
            row("small", "autoregressive", "probe", 100, Some(1), 0.5),
            row("large", "autoregressive", "probe", 500, Some(1), 0.8),
            row("bert", "bert", "probe", 500, Some(1), 0.7),
            row("bert", "bert", "finetune", 500, None, 0.9),
        ]
    }

    #[test]
    fn a_line_a_network_in_the_order_of_its_steps() {
        let chart = scaling(&table()).unwrap();
        let names: Vec<_> = chart.series.iter().map(|series| series.name.as_str()).collect();
        assert_eq!(names, ["small (0.31 M)", "large (0.31 M)"]);
        let points: Vec<_> = chart.series[0].points.iter().map(|p| (p.x, p.label.as_str())).collect();
        assert_eq!(points, [(1.9, "100"), (1.5, "500")]);
        assert_eq!(scaling(&table()[..1]), None);
    }

    #[test]
    fn depth_shows_the_last_step() {
        let chart = depth(&table()).unwrap();
        let points: Vec<_> = chart.series[0].points.iter().map(|p| p.x).collect();
        assert_eq!(points, [0.0, 50.0]);
        assert_eq!(chart.series.len(), 3);
    }

    #[test]
    fn objectives_need_both() {
        let bars = objectives(&table()).unwrap();
        assert_eq!(bars.groups.len(), 1);
        let found: Vec<_> = bars.groups[0].1.iter().flatten().map(|x| x.round()).collect();
        assert_eq!((bars.groups[0].0, &found[..]), ("linear probe", &[70.0, 60.0][..]));
        assert_eq!(objectives(&table()[..3]), None);
    }

    #[test]
    fn numbers_are_short() {
        assert_eq!(
            [250, 2000, 1500, 131_072, 1_000_000].map(thousands),
            ["250", "2k", "1.5k", "131k", "1.0M"]
        );
        assert_eq!([312_960, 76_571_648, 1_362_250_752].map(millions), ["0.31 M", "76.6 M", "1362 M"]);
    }
}
