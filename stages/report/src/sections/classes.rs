//! Which classes the best layer tells apart.

use igpt_artifact::table::probe::Source;
use maud::{Markup, html};

use crate::read::{Confusion, Run};
use crate::view::{count, percent, scroll};

/// Classes up to which a matrix can be read.
const MATRIX_CLASSES: usize = 20;

/// Mistakes listed where there is no matrix.
const TOP_MISTAKES: usize = 20;

pub(crate) fn body(run: &Run) -> Option<Markup> {
    let probed = run.probe.as_ref()?;
    let confusion = &probed.confusion;
    if confusion.classes.is_empty() {
        return None;
    }
    let layer = probed.probes.best(Source::Model)?.layer;
    let few = confusion.classes.len() <= MATRIX_CLASSES;
    Some(html! {
        p {
            "Test images, classified from the trained network's best layer by validation"
            @if let Some(layer) = layer { " (layer " (layer) ")" } "."
        }
        @if few {
            (scroll("Accuracy by class", &accuracy(confusion)))
            (scroll("Confusion matrix", &matrix(confusion)))
        } @else {
            (scroll("Most frequent mistakes", &mistakes(confusion)))
            details {
                summary { "Accuracy of all " (confusion.classes.len()) " classes" }
                (scroll("Accuracy by class", &accuracy(confusion)))
            }
        }
    })
}

fn accuracy(confusion: &Confusion) -> Markup {
    html! {
        table.bars {
            caption { "Accuracy by class" }
            thead {
                tr {
                    th scope="col" { "Class" }
                    th.number scope="col" { "Images" }
                    th.number scope="col" { "Recognised" }
                    td {}
                }
            }
            tbody {
                @for (class, name) in confusion.classes.iter().enumerate() {
                    tr {
                        th scope="row" { (name) }
                        td.number { (count(confusion.images(class))) }
                        td.number { (percent(confusion.recall(class))) }
                        td.bar aria-hidden="true" { div style=(share(confusion.recall(class))) {} }
                    }
                }
            }
        }
    }
}

fn matrix(confusion: &Confusion) -> Markup {
    html! {
        table.matrix {
            caption { "Confusion: images of each class (rows) by what they were taken for (columns)" }
            thead {
                tr { td {} @for name in &confusion.classes { th.column scope="col" { span { (name) } } } }
            }
            tbody {
                @for (class, row) in confusion.counts.iter().enumerate() {
                    tr {
                        th scope="row" { (confusion.classes[class]) }
                        @for (predicted, &n) in row.iter().enumerate() {
                            @let heat = share(n as f64 / confusion.images(class).max(1) as f64);
                            td.heat.right[predicted == class].none[n == 0] style=(heat) { (count(n)) }
                        }
                    }
                }
            }
        }
    }
}

fn mistakes(confusion: &Confusion) -> Markup {
    html! {
        table {
            caption { "Most frequent mistakes" }
            thead {
                tr {
                    th scope="col" { "Class" }
                    th scope="col" { "Taken for" }
                    th.number scope="col" { "Images" }
                    th.number scope="col" { "Of its class" }
                }
            }
            tbody {
                @for (label, predicted, n) in confusion.mistakes().into_iter().take(TOP_MISTAKES) {
                    tr {
                        th scope="row" { (confusion.classes[label]) }
                        td { (confusion.classes[predicted]) }
                        td.number { (count(n)) }
                        td.number { (percent(n as f64 / confusion.images(label).max(1) as f64)) }
                    }
                }
            }
        }
    }
}

/// Hands a share to the style sheet.
fn share(share: f64) -> String {
    format!("--share:{share:.3}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn confusion(n: usize) -> Confusion {
        let row = |label: usize| (0..n).map(|p| if p == label { 8 } else { u64::from(p == 0) * 2 }).collect();
        Confusion { classes: (0..n).map(|i| format!("<{i}>")).collect(), counts: (0..n).map(row).collect() }
    }

    #[test]
    fn a_matrix_has_one_cell_a_pair_and_escaped_names() {
        let html = matrix(&confusion(3)).into_string();
        assert_eq!(html.matches("class=\"heat").count(), 9);
        assert!(html.contains("&lt;2&gt;") && !html.contains("<2>"));
        assert!(html.contains("--share:0.800"));
    }

    #[test]
    fn mistakes_are_listed_most_frequent_first() {
        let html = mistakes(&confusion(30)).into_string();
        assert_eq!(html.matches("20.0%").count(), TOP_MISTAKES);
    }
}
