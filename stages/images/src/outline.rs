//! What an image file says of itself, read without a decoder.
//!
//! The JPEG decoder fills what is missing at the end of a truncated file with grey and reports
//! success, so the end is looked for here. PNG files are checked by their decoder (checksums).
//! Sources: ITU-T T.81 annex B (JPEG markers), PNG specification 11.2.2 (IHDR).

/// The size that the header declares, and whether the file reaches its end marker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outline {
    /// Width and height, if the header was found.
    pub(crate) size: Option<(u32, u32)>,
    /// A JPEG that begins a scan and has no end-of-image marker.
    pub(crate) truncated: bool,
}

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";
const SOI: u8 = 0xd8;
const EOI: u8 = 0xd9;
const SOS: u8 = 0xda;

/// The outline of a PNG or JPEG file; an empty one for anything else.
pub(crate) fn outline(bytes: &[u8]) -> Outline {
    if bytes.starts_with(PNG) {
        let size = Option::zip(be32(bytes, 16), be32(bytes, 20));
        Outline { size, truncated: false }
    } else if bytes.starts_with(&[0xff, SOI]) {
        jpeg(bytes)
    } else {
        Outline::default()
    }
}

fn jpeg(bytes: &[u8]) -> Outline {
    let mut size = None;
    let mut at = 2;
    loop {
        let (Some(0xff), Some(&marker)) = (bytes.get(at), bytes.get(at + 1)) else {
            // Past the end: the headers themselves are cut. Anything else is for the decoder.
            return Outline { size, truncated: at + 1 >= bytes.len() };
        };
        match marker {
            // A fill byte before a marker.
            0xff => at += 1,
            // Markers without a segment.
            0x01 | 0xd0..=SOI => at += 2,
            EOI => return Outline { size, truncated: false },
            SOS => {
                // Within entropy-coded data 0xff is always followed by 0 or a restart marker, so
                // these two bytes can only be the end.
                let ends = bytes[at..].windows(2).any(|pair| pair == [0xff, EOI]);
                return Outline { size, truncated: !ends };
            }
            _ => {
                let is_frame = matches!(marker, 0xc0..=0xcf) && !matches!(marker, 0xc4 | 0xc8 | 0xcc);
                if is_frame {
                    size = Option::zip(be16(bytes, at + 7), be16(bytes, at + 5));
                }
                at += 2 + be16(bytes, at + 2).unwrap_or(0).max(2) as usize;
            }
        }
    }
}

fn be16(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?)))
}

fn be32(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::tests::{encode, gradient};
    use image::ImageFormat;

    #[test]
    fn headers_tell_the_size() {
        for format in [ImageFormat::Jpeg, ImageFormat::Png] {
            let bytes = encode(gradient(7, 5), format);
            assert_eq!(outline(&bytes), Outline { size: Some((7, 5)), truncated: false });
        }
        assert_eq!(outline(b"GIF89a"), Outline::default());
    }

    #[test]
    fn a_jpeg_cut_anywhere_is_seen() {
        let bytes = encode(gradient(40, 40), ImageFormat::Jpeg);
        for length in 2..bytes.len() {
            assert!(outline(&bytes[..length]).truncated, "{length} of {} bytes", bytes.len());
        }
    }
}
