//! The colours that tokens stand for.

use maud::{Markup, html};

use crate::read::Run;
use crate::view::{facts, figure};

pub(crate) fn body(run: &Run) -> Option<Markup> {
    let (k, swatches, results) = run.palette.as_ref()?;
    let caption = format!("All {k} colours.");
    Some(html! {
        p {
            "Every pixel is replaced by the nearest of " (k) " colours, found by k-means over the training images. "
            "Inertia is the mean squared distance of a pixel from its colour; a higher PSNR means that less is lost."
        }
        (figure(swatches, 512, &caption))
        (facts(results))
    })
}
