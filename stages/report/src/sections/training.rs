//! The training curve.

use maud::{Markup, html};

use crate::read::{Curve, Model, Run};
use crate::view::{Axis, Chart, Mark, Series, count, decimal, facts, metric, seconds};

/// Points of a line at most; more would not be seen.
const MAX_POINTS: usize = 400;

pub(crate) fn body(run: &Run) -> Option<Markup> {
    let (model, results) = run.model.as_ref()?;
    let config = &model.config;
    Some(html! {
        p {
            "The network has " (config.n_layer) " layers of width " (config.n_embd) " with " (config.n_head)
            " attention heads, and reads " (config.n_positions) " pixels of "
            (config.vocab_size.saturating_sub(1)) " colours one after another."
            @if let Some(last) = model.train.last().or(model.validation.last()) {
                " It was trained for " (count(last.step)) " steps on " (metric(last.tokens)) " tokens"
                @if let Some((time, speed)) = model.speed {
                    " in " (seconds(time)) ", " (count(speed.round() as u64)) " tokens a second"
                }
                "."
            }
        }
        @if model.train.last().or(model.validation.last()).is_some() {
            (chart(model))
        }
        (facts(results))
    })
}

fn chart(model: &Model) -> Markup {
    let series = |name: &str, class, mark, curve: &Curve| Series {
        name: name.into(),
        class,
        mark,
        points: thin(curve.0.iter().map(|point| (point.tokens, point.loss)).collect()),
        ringed: None,
    };
    let lines = [
        series("training, mean since the last point", "train", Mark::None, &model.train),
        series("validation", "validation", Mark::Circle, &model.validation),
    ];
    let ends = [&model.train, &model.validation].map(|curve| match (curve.0.first(), curve.last()) {
        (Some(first), Some(last)) => format!("from {} to {}", decimal(first.loss), decimal(last.loss)),
        _ => "not measured".into(),
    });
    Chart {
        id: "training-chart",
        title: "Loss over the course of training",
        description: format!("Training loss {}, validation loss {} nats per token.", ends[0], ends[1]),
        x: Axis {
            label: "tokens trained on",
            format: |tokens, _| metric(tokens),
            includes: Some(0.0),
            whole: false,
        },
        y: Axis {
            label: "loss in nats/token",
            format: |loss, decimals| format!("{loss:.decimals$}"),
            includes: None,
            whole: false,
        },
        series: lines.into_iter().filter(|line| !line.points.is_empty()).collect(),
    }
    .render()
}

/// Means of neighbouring points where there are too many; the last point is kept as it is.
fn thin(points: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
    let Some((&last, rest)) = points.split_last() else { return points };
    if points.len() <= MAX_POINTS {
        return points;
    }
    let mean = |chunk: &[(f64, f64)]| {
        let n = chunk.len() as f64;
        (chunk.iter().map(|p| p.0).sum::<f64>() / n, chunk.iter().map(|p| p.1).sum::<f64>() / n)
    };
    rest.chunks(rest.len().div_ceil(MAX_POINTS - 1)).map(mean).chain([last]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_curves_are_thinned_and_end_where_they_ended() {
        let points: Vec<_> = (0..10_001).map(|i| (f64::from(i), 2.0)).collect();
        let thinned = thin(points);
        assert!(thinned.len() <= MAX_POINTS);
        assert_eq!((thinned[0], thinned[thinned.len() - 1]), ((12.5, 2.0), (10_000.0, 2.0)));
        assert_eq!(thin(vec![(1.0, 2.0)]), [(1.0, 2.0)]);
        assert!(thin(Vec::new()).is_empty());
    }
}
