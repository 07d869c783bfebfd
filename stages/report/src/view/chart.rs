//! Line charts as inline SVG. Colours and type come from the page's style sheet, so a chart
//! follows the reader's light or dark setting and is redrawn for print.

use maud::{Markup, html};

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 380.0;
const LEFT: f64 = 66.0;
const RIGHT: f64 = 30.0;
const TOP: f64 = 40.0;
const BOTTOM: f64 = 70.0;

/// Decimals of a single point, shown when the pointer rests on it.
const MARK_DECIMALS: usize = 3;

/// A line chart.
pub(crate) struct Chart {
    /// Unique on the page.
    pub(crate) id: &'static str,
    /// What it shows, in a few words.
    pub(crate) title: &'static str,
    /// What a reader would see in it.
    pub(crate) description: String,
    pub(crate) x: Axis,
    pub(crate) y: Axis,
    pub(crate) series: Vec<Series>,
}

/// One direction of a chart.
pub(crate) struct Axis {
    /// The quantity and its unit.
    pub(crate) label: &'static str,
    /// How a number is written, given the decimals that it takes to tell ticks apart.
    pub(crate) format: fn(f64, usize) -> String,
    /// A value that the axis has to include.
    pub(crate) includes: Option<f64>,
    /// Whether only whole numbers make sense.
    pub(crate) whole: bool,
}

/// One line.
pub(crate) struct Series {
    pub(crate) name: String,
    /// The class that gives its colour and dash in the style sheet.
    pub(crate) class: &'static str,
    pub(crate) mark: Mark,
    pub(crate) points: Vec<(f64, f64)>,
    /// The point to ring.
    pub(crate) ringed: Option<usize>,
}

/// What a point looks like; shapes tell lines apart where colours do not.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark {
    None,
    Circle,
    Square,
}

/// Values on a straight piece of paper.
struct Scale {
    values: (f64, f64),
    paper: (f64, f64),
    ticks: Vec<f64>,
    /// Decimals that tell ticks apart.
    decimals: usize,
}

impl Chart {
    /// The chart with its legend.
    pub(crate) fn render(&self) -> Markup {
        let points =
            || self.series.iter().flat_map(|s| &s.points).filter(|(x, y)| x.is_finite() && y.is_finite());
        let x = Scale::fit(&self.x, points().map(|p| p.0), (LEFT, WIDTH - RIGHT), 7);
        let y = Scale::fit(&self.y, points().map(|p| p.1), (HEIGHT - BOTTOM, TOP), 6);
        let (title, description) = (format!("{}-title", self.id), format!("{}-description", self.id));
        html! {
            figure.chart {
                svg viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) role="img"
                    aria-labelledby=(title) aria-describedby=(description) {
                    title id=(title) { (self.title) }
                    desc id=(description) { (self.description) }
                    (self.axes(&x, &y))
                    @for series in &self.series { (series.render(&x, &y, self)) }
                }
                figcaption {
                    ul.legend { @for series in &self.series { li { (series.key()) (series.name) } } }
                }
            }
        }
    }

    fn axes(&self, x: &Scale, y: &Scale) -> Markup {
        let (left, right, floor) = (x.paper.0, x.paper.1, y.paper.0);
        html! {
            text.axis-label x=(left) y="20" text-anchor="start" { (self.y.label) }
            text.axis-label x=(right) y=(HEIGHT - 6.0) text-anchor="end" { (self.x.label) }
            @for &tick in &y.ticks {
                line.grid x1=(left) x2=(right) y1=(at(y, tick)) y2=(at(y, tick)) {}
                text.tick x=(left - 10.0) y=(at(y, tick)) dy="0.35em" text-anchor="end" { ((self.y.format)(tick, y.decimals)) }
            }
            line.axis x1=(left) x2=(right) y1=(floor) y2=(floor) {}
            @for &tick in &x.ticks {
                line.axis x1=(at(x, tick)) x2=(at(x, tick)) y1=(floor) y2=(floor + 5.0) {}
                text.tick x=(at(x, tick)) y=(floor + 12.0) dy="0.8em" text-anchor="middle" { ((self.x.format)(tick, x.decimals)) }
            }
        }
    }
}

impl Series {
    fn render(&self, x: &Scale, y: &Scale, chart: &Chart) -> Markup {
        let points: Vec<_> = self.points.iter().filter(|(x, y)| x.is_finite() && y.is_finite()).collect();
        let path: Vec<_> = points.iter().map(|p| format!("{},{}", at(x, p.0), at(y, p.1))).collect();
        html! {
            g class=(format!("series {}", self.class)) {
                polyline.line points=(path.join(" ")) {}
                @for (i, point) in self.points.iter().enumerate() {
                    @if self.ringed == Some(i) { circle.ring cx=(at(x, point.0)) cy=(at(y, point.1)) r="9" {} }
                }
                // A single point makes no line, so it needs a mark.
                @if self.mark != Mark::None || points.len() == 1 {
                    @for point in &points {
                        g.mark {
                            title {
                                (self.name) ", " (chart.x.label) " " ((chart.x.format)(point.0, x.decimals)) ": "
                                ((chart.y.format)(point.1, MARK_DECIMALS))
                            }
                            (self.mark.at(at(x, point.0), at(y, point.1)))
                        }
                    }
                }
            }
        }
    }

    /// Its sign in the legend.
    fn key(&self) -> Markup {
        html! {
            svg.key viewBox="0 0 36 14" width="36" height="14" aria-hidden="true" {
                g class=(format!("series {}", self.class)) {
                    polyline.line points="2,7 34,7" {}
                    @if self.mark != Mark::None { g.mark { (self.mark.at("18".into(), "7".into())) } }
                }
            }
        }
    }
}

impl Mark {
    fn at(self, x: String, y: String) -> Markup {
        html! {
            @if self == Self::Square {
                rect x="-4" y="-4" width="8" height="8" transform=(format!("translate({x} {y})")) {}
            } @else {
                circle cx=(x) cy=(y) r="4.5" {}
            }
        }
    }
}

impl Scale {
    /// A scale over some values, from one tick to another, with about `wanted` ticks.
    fn fit(axis: &Axis, values: impl Iterator<Item = f64>, paper: (f64, f64), wanted: usize) -> Self {
        let (low, high) = values
            .chain(axis.includes)
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
        let (low, high) = match (low, high) {
            (low, high) if low > high => (0.0, 1.0),
            (low, high) if low == high => (low - 0.5, high + 0.5),
            range => range,
        };
        let step = nice((high - low) / wanted as f64);
        let step = if axis.whole { step.max(1.0).round() } else { step };
        let (first, last) = ((low / step).floor() as i64, (high / step).ceil() as i64);
        let ticks: Vec<f64> = (first..=last).map(|i| i as f64 * step).collect();
        // A whole-number axis ends where its values do: there is no layer 6 and a half.
        let values = if axis.whole { (low, high) } else { (first as f64 * step, last as f64 * step) };
        let ticks = ticks.into_iter().filter(|tick| (values.0..=values.1).contains(tick)).collect();
        let decimals = (-step.log10().floor()).clamp(0.0, 9.0) as usize;
        Self { values, paper, ticks, decimals }
    }
}

/// The smallest of 1, 2, 5, 10, 20, 50 … (and 0.5, 0.2 …) that is not below `step`.
fn nice(step: f64) -> f64 {
    let power = 10_f64.powf(step.log10().floor());
    [1.0, 2.0, 5.0].into_iter().map(|m| m * power).find(|&m| m >= step * (1.0 - 1e-9)).unwrap_or(10.0 * power)
}

/// Where a value goes, to a tenth of a pixel.
fn at(scale: &Scale, value: f64) -> String {
    let share = (value - scale.values.0) / (scale.values.1 - scale.values.0);
    format!("{:.1}", scale.paper.0 + share * (scale.paper.1 - scale.paper.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axis(whole: bool) -> Axis {
        Axis { label: "x", format: |v, decimals| format!("{v:.decimals$}"), includes: None, whole }
    }

    #[test]
    fn ticks_are_round_and_cover_the_values() {
        let scale = Scale::fit(&axis(false), [0.13, 0.72].into_iter(), (0.0, 100.0), 6);
        assert_eq!((scale.ticks.len(), scale.decimals), (8, 1));
        assert_eq!(scale.values, (0.1, 0.8));
        let scale = Scale::fit(&axis(true), (0..=6).map(f64::from), (0.0, 100.0), 7);
        assert_eq!(scale.ticks, [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        let scale = Scale::fit(&axis(true), (0..=48).map(f64::from), (0.0, 100.0), 7);
        assert_eq!(scale.ticks, [0.0, 10.0, 20.0, 30.0, 40.0]);
        assert_eq!(scale.values, (0.0, 48.0));
    }

    #[test]
    fn no_value_or_one_still_gives_a_scale() {
        for values in [vec![], vec![2.0]] {
            let scale = Scale::fit(&axis(false), values.into_iter(), (0.0, 100.0), 6);
            assert!(scale.ticks.len() > 1 && scale.values.0 < scale.values.1);
        }
    }

    #[test]
    fn values_that_are_no_numbers_are_left_out() {
        let chart = Chart {
            id: "c",
            title: "t",
            description: "d".into(),
            x: axis(false),
            y: axis(false),
            series: vec![Series {
                name: "a<b".into(),
                class: "train",
                mark: Mark::Circle,
                points: vec![(0.0, 1.0), (1.0, f64::NAN), (2.0, 3.0)],
                ringed: Some(2),
            }],
        };
        let svg = chart.render().into_string();
        assert!(!svg.contains("NaN") && !svg.contains("a<b") && svg.contains("a&lt;b"), "{svg}");
        assert_eq!(svg.matches("class=\"ring\"").count(), 1);
    }
}
