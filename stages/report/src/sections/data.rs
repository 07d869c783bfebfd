//! The images, before and after the palette.

use igpt_artifact::Split;
use maud::{Markup, html};

use crate::read::Run;
use crate::view::{count, facts, picture};

pub(crate) fn body(run: &Run) -> Option<Markup> {
    let (meta, results) = run.images.as_ref()?;
    let rows = |split| meta.rows.get(&split).copied().unwrap_or(0);
    Some(html! {
        p {
            (count(rows(Split::Train))) " images to learn from, " (count(rows(Split::Validation)))
            " to choose settings on and " (count(rows(Split::Test))) " to judge by, each " (meta.height) " × "
            (meta.width) " pixels"
            @if !meta.classes.is_empty() { ", in " (meta.classes.len()) " classes" } "."
        }
        @if let Some(examples) = &run.examples {
            @let tokenised = examples.images.iter().any(|example| example.tokenised.is_some());
            p {
                "From the " (examples.split) " split"
                @if tokenised { ": each image as it is, and below it in the colours of the palette, as the network sees it" }
                "."
            }
            ul.examples {
                @for example in &examples.images {
                    li {
                        (picture(&example.original, 96))
                        @if let Some(tokenised) = &example.tokenised { (picture(tokenised, 96)) }
                        span { (example.class) }
                    }
                }
            }
        }
        (facts(results))
        @if let Some((tokens, results)) = &run.tokens {
            h3 { "Tokens" }
            p {
                "Each image is a sequence of " (count(tokens.len() as u64)) " tokens, one a pixel, row by row; a token is one of "
                (tokens.k) " colours."
            }
            (facts(results))
        }
    })
}
