//! The document around the sections.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::read::Run;
use crate::sections::{Part, headline};

const STYLE: &str = include_str!("style.css");

/// The whole page. Its content policy forbids every request and every script, which both proves
/// that it is self-contained and keeps it so.
pub(crate) fn document(title: &str, run: &Run, parts: &[Part]) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta http-equiv="Content-Security-Policy"
                    content="default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                a.skip href="#content" { "Skip to the content" }
                header {
                    h1 { (title) }
                    p.lead { (headline::lead(run)) }
                    nav aria-label="Sections" {
                        ul { @for part in parts { li { a href=(format!("#{}", part.id)) { (part.title) } } } }
                    }
                }
                main id="content" {
                    @for part in parts {
                        section id=(part.id) aria-labelledby=(format!("{}-heading", part.id)) {
                            h2 id=(format!("{}-heading", part.id)) { (part.title) }
                            (part.body)
                        }
                    }
                }
                footer {
                    p {
                        "Made by igpt from the artifacts listed above. The method: M. Chen et al., "
                        cite { "Generative Pretraining from Pixels" } ", ICML 2020."
                    }
                }
            }
        }
    }
}
