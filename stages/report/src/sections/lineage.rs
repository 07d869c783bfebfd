//! The lineage as a graph.

use maud::{Markup, html};

use crate::lineage::{Layout, Lineage, Route};

const BOX: (f64, f64) = (146.0, 44.0);
const GAP: (f64, f64) = (36.0, 20.0);
const MARGIN: f64 = 6.0;

/// Letters that fit into a box.
const LETTERS: usize = 18;

/// A drawing, with a link from each box to the stage's particulars.
pub(crate) fn graph(lineage: &Lineage, anchor: impl Fn(usize) -> String) -> Markup {
    let inputs: Vec<_> = lineage.nodes.iter().map(|node| node.inputs.clone()).collect();
    let layout = Layout::of(&inputs);
    let top =
        layout.nodes.iter().map(|n| n.1).chain(layout.routes.iter().flat_map(|r| r.rows.iter().copied()));
    let top = top.fold(0.0, f64::min);
    let corner = |column: usize, row: f64| {
        (MARGIN + column as f64 * (BOX.0 + GAP.0), MARGIN + (row - top) * (BOX.1 + GAP.1))
    };
    let width = layout.columns as f64 * (BOX.0 + GAP.0) - GAP.0 + 2.0 * MARGIN;
    let height = layout.rows as f64 * (BOX.1 + GAP.1) - GAP.1 + 2.0 * MARGIN;
    html! {
        svg.lineage viewBox=(format!("0 0 {width} {height}")) width=(width) height=(height)
            role="group" aria-labelledby="lineage-title" {
            title id="lineage-title" { "Which artifact was made from which" }
            @for route in &layout.routes {
                path.edge d=(way(route, layout.nodes[route.from].0, corner)) {}
            }
            @for (i, node) in lineage.nodes.iter().enumerate() {
                @let (x, y) = corner(layout.nodes[i].0, layout.nodes[i].1);
                a href=(format!("#{}", anchor(i))) {
                    g.node.lost[node.manifest.is_none()] {
                        title { (node.name) }
                        rect x=(x) y=(y) width=(BOX.0) height=(BOX.1) rx="8" {}
                        text.name x=(x + BOX.0 / 2.0) y=(y + 19.0) text-anchor="middle" { (shorten(&node.name)) }
                        text.id x=(x + BOX.0 / 2.0) y=(y + 35.0) text-anchor="middle" { (node.key.0.short()) }
                    }
                }
            }
        }
    }
}

/// The path of an edge: level through each column, bent between columns.
fn way(route: &Route, first: usize, corner: impl Fn(usize, f64) -> (f64, f64)) -> String {
    let mut path = String::new();
    for (step, &row) in route.rows.iter().enumerate() {
        let (x, y) = corner(first + step, row);
        let y = y + BOX.1 / 2.0;
        if step > 0 {
            let bend = x - GAP.0 / 2.0;
            let before = corner(first + step - 1, route.rows[step - 1]).1 + BOX.1 / 2.0;
            path += &format!(" C{bend:.1} {before:.1} {bend:.1} {y:.1} {x:.1} {y:.1}");
            if step + 1 < route.rows.len() {
                path += &format!(" H{:.1}", x + BOX.0);
            }
        } else {
            path += &format!("M{:.1} {y:.1}", x + BOX.0);
        }
    }
    path
}

fn shorten(name: &str) -> String {
    if name.chars().count() <= LETTERS {
        name.to_owned()
    } else {
        name.chars().take(LETTERS - 1).chain(['…']).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edge_runs_from_box_to_box() {
        let corner = |column: usize, row: f64| (column as f64 * (BOX.0 + GAP.0), row * 100.0);
        let route = Route { from: 0, to: 2, rows: vec![0.0, 1.0, 0.0] };
        let path = way(&route, 0, corner);
        assert!(path.starts_with("M146.0 22.0 C"), "{path}");
        assert!(path.contains("182.0 122.0 H328.0 C") && path.ends_with("364.0 22.0"), "{path}");
    }

    #[test]
    fn long_names_are_cut_between_letters() {
        assert_eq!(shorten("features"), "features");
        assert_eq!(shorten("features-ünträined-2"), "features-ünträine…");
    }
}
