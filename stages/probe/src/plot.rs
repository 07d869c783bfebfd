//! `depth.svg`: test accuracy against depth.

use std::ops::Range;
use std::path::Path;

use igpt_artifact::table::probe::Source;
use igpt_artifact::{Error as ArtifactError, fs};
use plotters::coord::Shift;
use plotters::coord::ranged1d::{DefaultFormatting, KeyPointHint};
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::error::{Error, Result};
use crate::job::Outcome;
use crate::output::best;

/// The plot's file in a probe artifact.
const DEPTH_FILE: &str = "depth.svg";

/// Width and height in pixels.
const SIZE: (u32, u32) = (760, 460);
/// Height of the title and legend above the chart, in pixels.
const HEADER: u32 = 72;

const INK: RGBColor = RGBColor(0x1f, 0x29, 0x37);
const MUTED: RGBColor = RGBColor(0x6b, 0x72, 0x80);
const GRID: RGBColor = RGBColor(0xe5, 0xe7, 0xeb);

/// How a source is drawn. Colours can be told apart by the colour-blind (Okabe and Ito 2008).
fn look(source: Source) -> (&'static str, RGBColor) {
    match source {
        Source::Model => ("trained", RGBColor(0x00, 0x72, 0xb2)),
        Source::Untrained => ("untrained", RGBColor(0xd5, 0x5e, 0x00)),
        Source::Pixels => ("raw pixels", MUTED),
    }
}

/// Draws `depth.svg` into an artifact directory.
pub(crate) fn write(artifact: &Path, outcomes: &[Outcome]) -> Result<()> {
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        draw(&root, outcomes).map_err(|e| Error::Plot { message: e.to_string() })?;
        root.present().map_err(|e| Error::Plot { message: e.to_string() })?;
    }
    let path = artifact.join(DEPTH_FILE);
    fs::create_dir(artifact)?;
    std::fs::write(&path, svg).map_err(ArtifactError::io("write", &path))?;
    Ok(())
}

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Drawn = std::result::Result<(), Box<dyn std::error::Error>>;

fn draw(root: &Area<'_>, outcomes: &[Outcome]) -> Drawn {
    // The curve over depth; what looks at several layers or few labels has no place on it.
    let plain = || outcomes.iter().filter(|outcome| outcome.is_plain());
    root.fill(&WHITE)?;
    let (header, body) = root.split_vertically(HEADER);
    let drawn = |source: &Source| plain().any(|outcome| outcome.id.source == *source);
    let sources: Vec<Source> = Source::ALL.into_iter().filter(drawn).collect();
    draw_header(&header, &sources)?;

    let percent = |outcome: &Outcome| 100.0 * outcome.test.accuracy;
    let top = plain().map(percent).fold(0.0, f64::max);
    // Room above the highest point, up to a full ten.
    let top = (((top + 4.0) / 10.0).ceil() * 10.0).min(100.0);
    let layers = || plain().filter_map(|outcome| outcome.id.layer);
    let (first, last) = (layers().min().unwrap_or(0), layers().max().unwrap_or(0));
    let (left, right) = (f64::from(first) - 0.35, f64::from(last) + 0.35);
    let mut chart = ChartBuilder::on(&body)
        .margin_top(20)
        .margin_right(24)
        .margin_left(8)
        .margin_bottom(8)
        .x_label_area_size(48)
        .y_label_area_size(60)
        .build_cartesian_2d(
            Axis { range: (left..right).into(), ticks: ticks(first, last) },
            Axis { range: (0.0..top).into(), ticks: (0..=10).map(|ten| 10.0 * f64::from(ten)).collect() },
        )?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(GRID)
        .axis_style(MUTED)
        .x_label_formatter(&|x| format!("{x:.0}"))
        .y_label_formatter(&|y| format!("{y:.0}"))
        .label_style(("sans-serif", 14).into_font().color(&INK))
        .axis_desc_style(("sans-serif", 15).into_font().color(&INK))
        .x_desc("layer (0: input of the first block)")
        .y_desc("test top-1 accuracy (%)")
        .draw()?;

    if let Some(pixels) = best(outcomes, Source::Pixels) {
        let line = [(left, percent(pixels)), (right, percent(pixels))];
        let style = look(Source::Pixels).1.stroke_width(2);
        chart.draw_series(DashedLineSeries::new(line, 7, 5, style))?;
    }
    for source in [Source::Untrained, Source::Model] {
        let color = look(source).1;
        let points: Vec<(f64, f64)> = plain()
            .filter(|outcome| outcome.id.source == source)
            .filter_map(|outcome| Some((f64::from(outcome.id.layer?), percent(outcome))))
            .collect();
        chart.draw_series(LineSeries::new(points.iter().copied(), color.stroke_width(3)))?;
        chart.draw_series(points.iter().map(|&at| Circle::new(at, 4, color.filled())))?;
    }
    if let Some(outcome) = best(outcomes, Source::Model) {
        let at = (f64::from(outcome.id.layer.unwrap_or(0)), percent(outcome));
        let color = look(Source::Model).1;
        let style = ("sans-serif", 15).into_font().color(&color).pos(Pos::new(HPos::Center, VPos::Bottom));
        chart.draw_series([Circle::new(at, 8, color.stroke_width(2))])?;
        chart.draw_series([EmptyElement::at(at) + Text::new(format!("{:.1}", at.1), (0, -12), style)])?;
    }
    Ok(())
}

/// An axis with ticks at chosen places.
struct Axis {
    range: RangedCoordf64,
    ticks: Vec<f64>,
}

impl Ranged for Axis {
    type FormatOption = DefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, limit: (i32, i32)) -> i32 {
        self.range.map(value, limit)
    }

    fn key_points<Hint: KeyPointHint>(&self, _: Hint) -> Vec<f64> {
        self.ticks
            .iter()
            .copied()
            .filter(|tick| (self.range.range().start..=self.range.range().end).contains(tick))
            .collect()
    }

    fn range(&self) -> Range<f64> {
        self.range.range()
    }
}

/// The layers that get a label: every one, or every fifth or tenth of many.
fn ticks(first: u32, last: u32) -> Vec<f64> {
    let step = match last - first {
        0..25 => 1,
        25..100 => 5,
        _ => 10,
    };
    (first..=last).filter(|layer| layer.is_multiple_of(step)).map(f64::from).collect()
}

fn draw_header(header: &Area<'_>, sources: &[Source]) -> Drawn {
    let title = ("sans-serif", 20).into_font().style(FontStyle::Bold).color(&INK);
    header.draw(&Text::new("Linear probe by depth", (20, 14), title))?;
    let label = ("sans-serif", 14).into_font().color(&INK).pos(Pos::new(HPos::Left, VPos::Center));
    let (mut x, y) = (20, 54);
    for &source in sources {
        let (name, color) = look(source);
        match source {
            Source::Pixels => {
                for start in [x, x + 11, x + 22] {
                    header.draw(&PathElement::new([(start, y), (start + 6, y)], color.stroke_width(2)))?;
                }
            }
            _ => {
                header.draw(&PathElement::new([(x, y), (x + 28, y)], color.stroke_width(3)))?;
                header.draw(&Circle::new((x + 14, y), 4, color.filled()))?;
            }
        }
        header.draw(&Text::new(name, (x + 36, y), label.clone()))?;
        x += 130;
    }
    let note = label.color(&MUTED).pos(Pos::new(HPos::Right, VPos::Center));
    header.draw(&Text::new("ring: layer chosen on validation", (SIZE.0 as i32 - 24, y), note))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::Held;
    use crate::scaler::{Moments, Scaler};
    use crate::softmax::{Score, Softmax};
    use crate::weights::Linear;
    use igpt_artifact::table::probe::{ProbeId, Subset};
    use ndarray::{Array2, array};

    fn outcome(id: ProbeId, accuracy: f64) -> Outcome {
        let score = Score { accuracy, loss: 1.0, images: 10 };
        let scaler = Scaler::standardize(Moments::of(&Held::new(array![[0.0_f32]])).unwrap());
        Outcome {
            id,
            dims: 1,
            l2: 0.1,
            learning_rate: None,
            iterations: 50,
            unconverged: Vec::new(),
            train: score,
            validation: score,
            test: score,
            predictions: Vec::new(),
            linear: Linear::new(id, &Softmax(Array2::zeros((2, 2))), &scaler, &[0, 1]),
            seconds: 0.0,
        }
    }

    fn svg(outcomes: &[Outcome]) -> String {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), outcomes).unwrap();
        std::fs::read_to_string(dir.path().join(DEPTH_FILE)).unwrap()
    }

    #[test]
    fn a_plot_for_any_number_of_layers_and_sources() {
        let one = svg(&[outcome(ProbeId::layer(Source::Model, 3), 0.0)]);
        assert!(one.contains("trained") && !one.contains("untrained") && !one.contains("raw pixels"));
        let curve = |source, layers: u32| -> Vec<Outcome> {
            let of = |l: u32| 0.2 + 0.55 * (std::f64::consts::PI * f64::from(l) / f64::from(layers)).sin();
            (0..layers).map(|layer| outcome(ProbeId::layer(source, layer), of(layer))).collect()
        };
        let layer = ProbeId::layer(Source::Model, 30);
        let further = [
            outcome(ProbeId::PIXELS, 1.0),
            // Neither has a place on the curve.
            outcome(layer.side_by_side(5), 1.0),
            outcome(layer.on(Subset { labels_per_class: 4, number: 0 }), 1.0),
        ];
        let many = svg(&[curve(Source::Model, 61), further.to_vec()].concat());
        assert_eq!(many.matches("<circle").count(), 61 + 1 + 1, "a dot a layer, the ring, the legend's");
        assert!(many.contains("raw pixels") && many.contains("75.0"));
    }
}
