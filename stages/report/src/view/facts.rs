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
                    div { dt { (name.replace('_', " ")) } dd { (json(value)) } }
                }
            }
        }
    }
}

/// Wraps something wide, so that it scrolls by itself on a narrow screen, by keyboard too.
pub(crate) fn scroll(label: &str, content: &Markup) -> Markup {
    html! {
        div.scroll role="region" tabindex="0" aria-label=(label) { (content) }
    }
}
