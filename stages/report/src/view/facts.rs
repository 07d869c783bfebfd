//! Named values, and room for wide tables.

use maud::{Markup, html};

use super::json;
use crate::read::Facts;

/// A stage's headline numbers as a list.
pub(crate) fn facts(facts: &Facts) -> Markup {
    html! {
        @if !facts.is_empty() {
            dl.facts {
                @for (name, value) in facts {
                    div { dt { (label(name)) } dd { (json(value)) } }
                }
            }
        }
    }
}

/// A name for people: `train_psnr_db` reads "train PSNR (dB)".
fn label(name: &str) -> String {
    let word = |word: &str| match word {
        "psnr" => "PSNR".to_owned(),
        "db" => "(dB)".to_owned(),
        "l2" => "L2".to_owned(),
        word => word.to_owned(),
    };
    name.split('_').map(word).collect::<Vec<_>>().join(" ")
}

/// Wraps something wide, so that it scrolls by itself on a narrow screen, by keyboard too.
pub(crate) fn scroll(label: &str, content: &Markup) -> Markup {
    html! {
        div.scroll role="region" tabindex="0" aria-label=(label) { (content) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_well() {
        assert_eq!(label("train_psnr_db"), "train PSNR (dB)");
        assert_eq!(label("l2"), "L2");
        let html = facts(&vec![("a_<b>".into(), "<i>".into())]).into_string();
        assert!(html.contains("<dt>a &lt;b&gt;</dt><dd>&lt;i&gt;</dd>"), "{html}");
    }
}
