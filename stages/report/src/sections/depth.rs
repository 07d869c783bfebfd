//! How well each layer's features classify.

use igpt_artifact::Split;
use igpt_artifact::table::probe::Source;
use maud::{Markup, html};

use crate::read::{Probe, Probes, Run};
use crate::view::{Axis, Chart, Mark, Series, count, decimal, facts, percent, scroll, source_name};

/// Rows up to which the table is shown without a click.
const SHORT_TABLE: usize = 20;

pub(crate) fn body(run: &Run) -> Option<Markup> {
    let probed = run.probe.as_ref()?;
    let probes = &probed.probes;
    let table = scroll("Every probe", &table(probes));
    Some(html! {
        p {
            "A linear classifier is fitted to the features of each layer: the mean over all pixels of what the layer "
            "passes on. Layer 0 is the input of the first block, the last one the network's output. In the paper, "
            "quality rises steeply, peaks near the middle and falls gently."
        }
        (chart(probes))
        @if probes.0.len() <= SHORT_TABLE { (table) }
        @else { details { summary { "All " (probes.0.len()) " probes as a table" } (table) } }
        (facts(&probed.facts))
    })
}

fn chart(probes: &Probes) -> Markup {
    let test = |probe: &Probe| Some((probe.layer? as f64, probe.accuracy(Split::Test)?));
    let line = |source, class, mark| Series {
        name: source_name(source).into(),
        class,
        mark,
        points: probes.of(source).filter_map(test).collect(),
        ringed: probes
            .best(source)
            .and_then(test)
            .and_then(|best| probes.of(source).filter_map(test).position(|point| point == best)),
    };
    let mut series = vec![
        line(Source::Model, "trained", Mark::Circle),
        line(Source::Untrained, "untrained", Mark::Square),
    ];
    series.retain(|series| !series.points.is_empty());
    // Pixels have no layer: a level line under the others.
    let layers = || series.iter().flat_map(|series| &series.points).map(|point| point.0);
    let (first, last) = (layers().fold(f64::INFINITY, f64::min), layers().fold(0.0, f64::max));
    if let Some(pixels) = probes.best(Source::Pixels).and_then(|probe| probe.accuracy(Split::Test)) {
        let points = if first <= last { vec![(first, pixels), (last, pixels)] } else { vec![(0.0, pixels)] };
        let name = source_name(Source::Pixels).to_owned();
        series.push(Series { name, class: "pixels", mark: Mark::None, points, ringed: None });
    }
    let best = |source| {
        let probe = probes.best(source)?;
        let layer = probe.layer.map(|layer| format!(" at layer {layer}")).unwrap_or_default();
        Some(format!("{} {}{layer}", source_name(source), percent(probe.accuracy(Split::Test)?)))
    };
    let best: Vec<_> = Source::ALL.into_iter().filter_map(best).collect();
    html! {
        (Chart {
            id: "depth-chart",
            title: "Test accuracy by layer",
            description: format!("Test accuracy of the best layer by validation: {}.", best.join(", ")),
            x: Axis { label: "layer", format: |layer, _| format!("{layer:.0}"), includes: None, whole: true },
            y: Axis {
                label: "test accuracy",
                format: |share, decimals| format!("{:.*}%", decimals.saturating_sub(2), 100.0 * share),
                includes: Some(0.0),
                whole: false,
            },
            series,
        }.render())
        p.note { "Ringed: the best layer by validation accuracy." }
    }
}

fn table(probes: &Probes) -> Markup {
    let cell = |value: Option<f64>| value.map(percent).unwrap_or_else(|| "–".into());
    html! {
        table {
            caption { "Every probe; the best single layer of each source by validation accuracy is marked" }
            thead {
                tr {
                    th scope="col" { "Source" }
                    th.number scope="col" { "Layer" }
                    th.number scope="col" { "Features" }
                    th.number scope="col" { "L2 strength" }
                    th.number scope="col" { "Train" }
                    th.number scope="col" { "Validation" }
                    th.number scope="col" { "Test" }
                    th.number scope="col" { "Test loss (nats)" }
                    th.number scope="col" { "Iterations" }
                }
            }
            tbody {
                @for probe in &probes.0 {
                    @let best = probes.best(probe.source) == Some(probe);
                    tr.best[best] {
                        th scope="row" { (source_name(probe.source)) @if best { " " span.tag { "best" } } }
                        td.number { (place(probe)) }
                        td.number { (count(u64::try_from(probe.dims).unwrap_or(0))) }
                        td.number { (decimal(probe.l2)) }
                        @for split in Split::ALL { td.number { (cell(probe.accuracy(split))) } }
                        td.number { (probe.scores.get(&Split::Test).map_or_else(|| "–".into(), |s| format!("{:.3}", s.loss))) }
                        td.number { (probe.iterations) }
                    }
                }
            }
        }
    }
}

/// The layer that a probe looks at, or how many around it.
fn place(probe: &Probe) -> String {
    match (probe.layer, probe.layers) {
        (Some(layer), Some(layers)) if layers > 1 => format!("{layers} around {layer}"),
        (Some(layer), _) => layer.to_string(),
        (None, _) => "–".into(),
    }
}
