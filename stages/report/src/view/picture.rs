//! Pixels, shown as such.

use maud::{Markup, html};

use crate::read::Picture;

/// A picture enlarged by the largest whole factor that keeps it within `room` CSS pixels.
pub(crate) fn picture(picture: &Picture, room: u32) -> Markup {
    let scale = (room / picture.width.max(1)).max(1);
    html! {
        @if let Some(data) = &picture.data {
            img.picture src=(data) alt=(picture.alt)
                width=(picture.width * scale) height=(picture.height * scale);
        } @else {
            p.note {
                "The picture is too large for this page (" (picture.width) " × " (picture.height)
                " pixels): see " code { (picture.name) } " in the artifact."
            }
        }
    }
}

/// A picture with a caption.
pub(crate) fn figure(content: &Picture, room: u32, caption: &str) -> Markup {
    html! {
        figure { (picture(content, room)) figcaption { (caption) } }
    }
}
