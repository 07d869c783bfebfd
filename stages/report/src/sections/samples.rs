//! What the network draws.

use maud::{Markup, html};

use crate::read::Run;
use crate::view::{facts, figure};

pub(crate) fn body(run: &Run) -> Option<Markup> {
    let (pictures, results) = run.samples.as_ref()?;
    Some(html! {
        div.pair {
            @for picture in pictures {
                @let caption = match picture.name.as_str() {
                    "samples.png" => "Images drawn pixel by pixel from nothing.",
                    _ => "A row for each held-out image: the image, the upper half that the network saw, and how it went on.",
                };
                (figure(picture, 480, caption))
            }
        }
        (facts(results))
    })
}
