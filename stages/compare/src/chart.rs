//! A chart of lines with dots, as all pictures here look.

use std::path::Path;

use igpt_artifact::{Error as ArtifactError, fs};
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::Error;

/// Width and height in pixels.
pub(crate) const SIZE: (u32, u32) = (760, 480);
/// Height of the title and legend above the chart, in pixels.
pub(crate) const HEADER: u32 = 78;

pub(crate) const INK: RGBColor = RGBColor(0x1f, 0x29, 0x37);
pub(crate) const MUTED: RGBColor = RGBColor(0x6b, 0x72, 0x80);
pub(crate) const GRID: RGBColor = RGBColor(0xe5, 0xe7, 0xeb);

/// Colours that the colour-blind can tell apart (Okabe and Ito 2008), in turn.
const COLOURS: [RGBColor; 7] = [
    RGBColor(0x00, 0x72, 0xb2),
    RGBColor(0xd5, 0x5e, 0x00),
    RGBColor(0x00, 0x9e, 0x73),
    RGBColor(0xcc, 0x79, 0xa7),
    RGBColor(0xe6, 0x9f, 0x00),
    RGBColor(0x56, 0xb4, 0xe9),
    RGBColor(0x00, 0x00, 0x00),
];

pub(crate) fn colour(series: usize) -> RGBColor {
    COLOURS[series % COLOURS.len()]
}

/// A picture: what is plotted, and its words.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Chart {
    pub(crate) title: &'static str,
    pub(crate) x: &'static str,
    pub(crate) y: &'static str,
    /// Whether x falls from left to right, as a loss does that gets better.
    pub(crate) falling: bool,
    pub(crate) series: Vec<Series>,
}

/// A line.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Series {
    pub(crate) name: String,
    pub(crate) points: Vec<Point>,
}

/// A dot on a line.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Point {
    pub(crate) x: f64,
    pub(crate) y: f64,
    /// Words beside it; may be empty.
    pub(crate) label: String,
}

pub(crate) type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
pub(crate) type Drawn = Result<(), Box<dyn std::error::Error>>;

/// Writes a picture into an artifact directory.
pub(crate) fn write(
    artifact: &Path,
    file: &'static str,
    draw: impl FnOnce(&Area<'_>) -> Drawn,
) -> Result<(), Error> {
    let mut svg = String::new();
    {
        let failed = |message: String| Error::Plot { file, message };
        let root = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        draw(&root).map_err(|e| failed(e.to_string()))?;
        root.present().map_err(|e| failed(e.to_string()))?;
    }
    let path = artifact.join(file);
    fs::create_dir(artifact)?;
    Ok(std::fs::write(&path, svg).map_err(ArtifactError::io("write", &path))?)
}

/// Smallest and largest of some numbers, with a margin on both sides.
fn spread(numbers: impl Iterator<Item = f64>, margin: f64) -> (f64, f64) {
    let (low, high) = numbers.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), n| (l.min(n), h.max(n)));
    let room = if high > low { margin * (high - low) } else { margin * high.abs().max(1.0) };
    (low - room, high + room)
}

impl Chart {
    pub(crate) fn draw(&self, root: &Area<'_>) -> Drawn {
        root.fill(&WHITE)?;
        let (header, body) = root.split_vertically(HEADER);
        let names: Vec<_> = self.series.iter().map(|series| series.name.as_str()).collect();
        legend(&header, self.title, &names)?;
        let points = || self.series.iter().flat_map(|series| &series.points);
        let (left, right) = spread(points().map(|point| point.x), 0.08);
        let (bottom, top) = spread(points().map(|point| point.y), 0.12);
        let (left, right) = if self.falling { (right, left) } else { (left, right) };
        let mut chart = ChartBuilder::on(&body)
            .margin_top(12)
            .margin_right(28)
            .margin_left(8)
            .margin_bottom(8)
            .x_label_area_size(48)
            .y_label_area_size(60)
            .build_cartesian_2d(left..right, bottom.max(0.0)..top)?;
        chart
            .configure_mesh()
            .disable_x_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(GRID)
            .axis_style(MUTED)
            .label_style(("sans-serif", 14).into_font().color(&INK))
            .axis_desc_style(("sans-serif", 15).into_font().color(&INK))
            .x_desc(self.x)
            .y_desc(self.y)
            .draw()?;
        for (i, series) in self.series.iter().enumerate() {
            let colour = colour(i);
            let line = series.points.iter().map(|point| (point.x, point.y));
            chart.draw_series(LineSeries::new(line.clone(), colour.stroke_width(2)))?;
            chart.draw_series(line.map(|at| Circle::new(at, 4, colour.filled())))?;
            let style =
                ("sans-serif", 12).into_font().color(&MUTED).pos(Pos::new(HPos::Center, VPos::Bottom));
            let label = |point: &Point| {
                EmptyElement::at((point.x, point.y)) + Text::new(point.label.clone(), (0, -8), style.clone())
            };
            chart.draw_series(series.points.iter().filter(|point| !point.label.is_empty()).map(label))?;
        }
        Ok(())
    }
}

/// The title, and a line of names in their colours.
pub(crate) fn legend(header: &Area<'_>, title: &str, names: &[&str]) -> Drawn {
    let bold = ("sans-serif", 20).into_font().style(FontStyle::Bold).color(&INK);
    header.draw(&Text::new(title, (20, 14), bold))?;
    let label = ("sans-serif", 14).into_font().color(&INK).pos(Pos::new(HPos::Left, VPos::Center));
    let (mut x, y) = (20, 56);
    for (i, name) in names.iter().enumerate() {
        header.draw(&PathElement::new([(x, y), (x + 24, y)], colour(i).stroke_width(3)))?;
        header.draw(&Circle::new((x + 12, y), 4, colour(i).filled()))?;
        header.draw(&Text::new((*name).to_owned(), (x + 30, y), label.clone()))?;
        // About the width of the name in this size of a proportional font.
        x += 30 + 8 * name.chars().count() as i32 + 24;
    }
    Ok(())
}
