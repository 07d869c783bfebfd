//! Groups of bars: the same things judged in several ways.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::chart::{Area, Drawn, GRID, HEADER, INK, MUTED, colour, legend};

/// Groups of bars.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Bars {
    pub(crate) title: &'static str,
    pub(crate) y: &'static str,
    /// What the bars of a group are.
    pub(crate) names: Vec<String>,
    /// Each group's name and bars; one may be missing.
    pub(crate) groups: Vec<(&'static str, Vec<Option<f64>>)>,
}

impl Bars {
    pub(crate) fn draw(&self, root: &Area<'_>) -> Drawn {
        root.fill(&WHITE)?;
        let (header, body) = root.split_vertically(HEADER);
        legend(&header, self.title, &self.names.iter().map(String::as_str).collect::<Vec<_>>())?;
        let most = self.groups.iter().flat_map(|(_, bars)| bars).flatten().fold(1.0, |a: f64, b| a.max(*b));
        let count = self.groups.len() as f64;
        let mut chart = ChartBuilder::on(&body)
            .margin(12)
            .x_label_area_size(36)
            .y_label_area_size(60)
            .build_cartesian_2d(0.0..count, 0.0..(most * 1.12))?;
        chart
            .configure_mesh()
            .disable_x_mesh()
            .disable_x_axis()
            .light_line_style(TRANSPARENT)
            .bold_line_style(GRID)
            .axis_style(MUTED)
            .label_style(("sans-serif", 14).into_font().color(&INK))
            .axis_desc_style(("sans-serif", 15).into_font().color(&INK))
            .y_desc(self.y)
            .draw()?;
        let centred = |size: i32, vertical| {
            ("sans-serif", size).into_font().color(&INK).pos(Pos::new(HPos::Center, vertical))
        };
        for (g, (name, bars)) in self.groups.iter().enumerate() {
            let width = 0.7 / bars.len().max(1) as f64;
            for (i, bar) in bars.iter().enumerate() {
                let Some(height) = *bar else { continue };
                let left = g as f64 + 0.15 + i as f64 * width;
                let corners = [(left + 0.04 * width, 0.0), (left + 0.96 * width, height)];
                chart.draw_series([Rectangle::new(corners, colour(i).filled())])?;
                let at = (left + width / 2.0, height);
                let label = Text::new(format!("{height:.1}"), (0, -4), centred(13, VPos::Bottom));
                chart.draw_series([EmptyElement::at(at) + label])?;
            }
            let label = Text::new(*name, (0, 10), centred(15, VPos::Top));
            chart.draw_series([EmptyElement::at((g as f64 + 0.5, 0.0)) + label])?;
        }
        Ok(())
    }
}
