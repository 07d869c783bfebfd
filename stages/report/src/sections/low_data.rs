//! How well few labels do.

use igpt_artifact::table::probe::{LowDataRow, Source};
use maud::{Markup, html};

use crate::read::Run;
use crate::view::{count, scroll, source_name};

/// CIFAR-10 test accuracy of iGPT-L by labels a class, mean and deviation over 5 subsets, in percent
/// (Chen et al. 2020).
const PAPER: [(u32, &str); 3] = [(4, "73.2 ± 1.5"), (25, "87.6 ± 0.6"), (400, "94.3 ± 0.1")];

pub(crate) fn body(run: &Run) -> Option<Markup> {
    let rows = &run.probe.as_ref()?.low_data;
    let subsets = rows.iter().map(|row| row.subsets).max()?;
    Some(html! {
        p {
            "The same classifier, given few labelled images of each class: "
            @if subsets > 1 {
                "mean test accuracy and its standard deviation over " (subsets)
                " random subsets, in percent. Every source is given the same subsets."
            } @else { "test accuracy on one random subset, in percent. Every source is given the same images." }
        }
        (scroll("Accuracy with few labels", &table(rows)))
        p.note {
            "The layer is the best one with all labels; its strength is chosen on the whole validation split. The "
            "paper's column is of another data set and a network many times larger: it is here for orientation, not "
            "for comparison."
        }
    })
}

fn table(rows: &[LowDataRow]) -> Markup {
    let sources: Vec<_> =
        Source::ALL.into_iter().filter(|source| rows.iter().any(|row| row.source == *source)).collect();
    let mut sizes: Vec<_> = rows.iter().map(|row| row.labels_per_class).collect();
    sizes.sort_unstable();
    sizes.dedup();
    let of = |source, n| rows.iter().find(|row| row.source == source && row.labels_per_class == n);
    let paper = |n| PAPER.into_iter().find(|row| row.0 == n).map_or("–", |row| row.1);
    html! {
        table {
            caption { "Test accuracy (%) by labels a class" }
            thead {
                tr {
                    th.number scope="col" { "Labels a class" }
                    @for source in &sources {
                        @let layer = rows.iter().find(|row| row.source == *source).and_then(|row| row.layer);
                        th.number scope="col" {
                            (source_name(*source)) @if let Some(layer) = layer { ", layer " (layer) }
                        }
                    }
                    th.number scope="col" { "Paper: iGPT-L, CIFAR-10" }
                }
            }
            tbody {
                @for n in sizes {
                    tr {
                        th.number scope="row" { (count(n.into())) }
                        @for source in &sources { td.number { (of(*source, n).map_or_else(|| "–".into(), spread)) } }
                        td.number { (paper(n)) }
                    }
                }
            }
        }
    }
}

/// `73.2 ± 1.5`, in percent.
fn spread(row: &LowDataRow) -> String {
    let mean = 100.0 * row.mean;
    row.deviation.map_or_else(|| format!("{mean:.1}"), |d| format!("{mean:.1} ± {:.1}", 100.0 * d))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_a_number_of_labels_and_the_paper_where_it_has_one() {
        let row = |source, labels_per_class, deviation| LowDataRow {
            source,
            layer: (source == Source::Model).then_some(3),
            labels_per_class,
            subsets: 5,
            mean: 0.5,
            deviation,
        };
        let rows = [
            row(Source::Model, 25, Some(0.0123)),
            row(Source::Model, 7, None),
            row(Source::Pixels, 25, Some(0.1)),
        ];
        let html = table(&rows).into_string();
        assert!(
            html.contains("trained, layer 3") && html.contains(">pixels<") && !html.contains("untrained")
        );
        let lines = [
            "7</th><td class=\"number\">50.0</td><td class=\"number\">–</td><td class=\"number\">–</td>",
            "25</th><td class=\"number\">50.0 ± 1.2</td><td class=\"number\">50.0 ± 10.0</td><td class=\"number\">87.6 ± 0.6</td>",
        ];
        for line in lines {
            assert!(html.contains(line), "{line} in {html}");
        }
    }
}
