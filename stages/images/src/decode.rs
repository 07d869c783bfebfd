//! From the bytes of a JPEG or PNG file to RGB pixels.

use std::io::Cursor;

use image::{DynamicImage, ImageDecoder, ImageReader, RgbImage};

use crate::outline::outline;
use crate::{Error, Place};

/// Images with more pixels are refused: one of them decoded takes a gigabyte.
pub(crate) const MAX_PIXELS: u64 = 64_000_000;

/// Decodes a JPEG or PNG image, upright, as 8-bit RGB.
///
/// The format is told by the content. Grey becomes RGB, 16 bits become 8, transparent pixels are
/// laid over white, and a camera's orientation tag is obeyed.
pub(crate) fn decode(bytes: &[u8], place: &Place) -> Result<RgbImage, Error> {
    let header = outline(bytes);
    let size = if bytes.is_empty() { Some((0, 0)) } else { header.size };
    if let Some((width, height)) = size.filter(|&(width, height)| width == 0 || height == 0) {
        return Err(Error::ZeroSize { place: place.clone(), width, height });
    }
    if header.truncated {
        return Err(Error::Truncated { place: place.clone(), bytes: bytes.len() });
    }
    let failed = |source| Error::Decode { place: place.clone(), source };
    let mut decoder = ImageReader::new(Cursor::new(bytes))
        .with_guessed_format()
        .map_err(|e| failed(e.into()))?
        .into_decoder()
        .map_err(failed)?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > MAX_PIXELS {
        return Err(Error::TooLarge { place: place.clone(), width, height });
    }
    let orientation = decoder.orientation().map_err(failed)?;
    let mut image = DynamicImage::from_decoder(decoder).map_err(failed)?;
    image.apply_orientation(orientation);
    Ok(to_rgb(image))
}

fn to_rgb(image: DynamicImage) -> RgbImage {
    if !image.color().has_alpha() {
        return image.into_rgb8();
    }
    let image = image.into_rgba8();
    RgbImage::from_fn(image.width(), image.height(), |x, y| {
        let [r, g, b, a] = image.get_pixel(x, y).0;
        image::Rgb([r, g, b].map(|value| over_white(value, a)))
    })
}

/// `value` with opacity `alpha` over white, rounded to nearest.
fn over_white(value: u8, alpha: u8) -> u8 {
    let (value, alpha) = (u32::from(value), u32::from(alpha));
    ((value * alpha + 255 * (255 - alpha) + 127) / 255) as u8
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::Spot;
    use image::{ImageFormat, Luma, LumaA, Rgb, Rgba};
    use std::path::Path;

    pub(crate) fn gradient(width: u32, height: u32) -> RgbImage {
        RgbImage::from_fn(width, height, |x, y| Rgb([(x * 6) as u8, (y * 6) as u8, 128]))
    }

    pub(crate) fn encode(image: impl Into<DynamicImage>, format: ImageFormat) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        image.into().write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    }

    fn place() -> Place {
        Place { path: Path::new("data.parquet").into(), spot: Spot::Row(7) }
    }

    fn decoded(image: impl Into<DynamicImage>) -> Rgb<u8> {
        *decode(&encode(image, ImageFormat::Png), &place()).unwrap().get_pixel(0, 0)
    }

    #[test]
    fn every_colour_type_becomes_rgb() {
        use image::ImageBuffer;
        assert_eq!(decoded(ImageBuffer::from_pixel(2, 2, Luma([9u8]))), Rgb([9, 9, 9]));
        assert_eq!(decoded(ImageBuffer::from_pixel(2, 2, Luma([0xffffu16]))), Rgb([255; 3]));
        assert_eq!(decoded(ImageBuffer::from_pixel(2, 2, Rgb([0u16, 0x8080, 0xffff]))), Rgb([0, 128, 255]));
        assert_eq!(decoded(ImageBuffer::from_pixel(2, 2, Rgba([10u8, 20, 30, 255]))), Rgb([10, 20, 30]));
        assert_eq!(decoded(ImageBuffer::from_pixel(2, 2, Rgba([10u8, 20, 30, 0]))), Rgb([255; 3]));
        assert_eq!(decoded(ImageBuffer::from_pixel(2, 2, LumaA([0u8, 51]))), Rgb([204; 3]));
    }

    #[test]
    fn jpeg_is_close_to_what_was_encoded() {
        let image = gradient(32, 32);
        let back = decode(&encode(image.clone(), ImageFormat::Jpeg), &place()).unwrap();
        let worst = image.iter().zip(back.iter()).map(|(a, b)| a.abs_diff(*b)).max().unwrap();
        assert!(worst < 24, "off by {worst}");
    }

    #[test]
    fn a_truncated_image_is_an_error_that_names_the_row() {
        for format in [ImageFormat::Jpeg, ImageFormat::Png] {
            let bytes = encode(gradient(40, 40), format);
            for length in [1, bytes.len() / 2, bytes.len() - 20] {
                let error = decode(&bytes[..length], &place()).unwrap_err();
                assert!(matches!(error, Error::Truncated { .. } | Error::Decode { .. }), "{error}");
                assert!(error.to_string().starts_with("data.parquet, row 7: "), "{error}");
            }
        }
    }

    #[test]
    fn an_image_of_zero_size_is_refused() {
        let zero_height = |mut bytes: Vec<u8>, at: usize, count: usize| {
            bytes[at..at + count].fill(0);
            decode(&bytes, &place()).unwrap_err().to_string()
        };
        let png = zero_height(encode(gradient(8, 8), ImageFormat::Png), 20, 4);
        assert_eq!(png, "data.parquet, row 7: image of zero size: 8 × 0 pixels");
        let jpeg = encode(gradient(8, 8), ImageFormat::Jpeg);
        let frame = jpeg.windows(2).position(|pair| pair == [0xff, 0xc0]).unwrap();
        assert_eq!(zero_height(jpeg, frame + 5, 2), png);
        let empty = decode(&[], &place()).unwrap_err();
        assert!(matches!(empty, Error::ZeroSize { .. }), "{empty}");
    }

    #[test]
    fn a_huge_image_is_refused_before_it_is_decoded() {
        let mut jpeg = encode(gradient(8, 8), ImageFormat::Jpeg);
        let frame = jpeg.windows(2).position(|pair| pair == [0xff, 0xc0]).unwrap();
        jpeg[frame + 5..frame + 9].fill(0xff);
        let error = decode(&jpeg, &place()).unwrap_err();
        assert!(matches!(error, Error::TooLarge { width: 65535, height: 65535, .. }), "{error}");
    }

    #[test]
    fn other_formats_are_refused() {
        let error = decode(b"GIF89a and more", &place()).unwrap_err();
        assert!(matches!(error, Error::Decode { .. }), "{error}");
    }
}
