//! Brings an image of any size to a square.

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use image::RgbImage;

/// A square of an image, in pixels; it may begin and end within one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Square {
    /// From the left edge of the image.
    pub(crate) left: f64,
    /// From its top edge.
    pub(crate) top: f64,
    /// The square's width and height.
    pub(crate) side: f64,
}

/// Brings squares of images to `size × size` pixels.
pub(crate) struct Fitter {
    size: usize,
    resizer: Resizer,
}

impl Fitter {
    pub(crate) fn new(size: usize) -> Self {
        Self { size, resizer: Resizer::new() }
    }

    /// The central square of `image`, averaged over areas down to `size × size × 3` values. The
    /// pixels of a square that already has that size are copied.
    pub(crate) fn fit(&mut self, image: RgbImage) -> Vec<u8> {
        let (width, height) = image.dimensions();
        let side = width.min(height);
        let (left, top) = ((width - side) / 2, (height - side) / 2);
        if side as usize == self.size {
            return if width == height {
                image.into_raw()
            } else {
                image::imageops::crop_imm(&image, left, top, side, side).to_image().into_raw()
            };
        }
        self.cut(&image, Square { left: left.into(), top: top.into(), side: side.into() })
    }

    /// A square of `image`, averaged over areas to `size × size × 3` values.
    ///
    /// # Panics
    /// If the square does not lie inside the image.
    pub(crate) fn cut(&mut self, image: &RgbImage, Square { left, top, side }: Square) -> Vec<u8> {
        let (width, height) = image.dimensions();
        let size = u32::try_from(self.size).expect("a size is at most 256");
        let source = ImageRef::new(width, height, image.as_raw(), PixelType::U8x3)
            .expect("an RGB image holds width × height × 3 bytes");
        let mut square = Image::new(size, size, PixelType::U8x3);
        let options = ResizeOptions::new()
            .resize_alg(ResizeAlg::Convolution(FilterType::Box))
            .crop(left, top, side, side);
        self.resizer
            .resize(&source, &mut square, &options)
            .expect("the square lies inside the image and both have the same pixel type");
        square.into_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::Rgb;

    /// Columns 0, 1, 2 … hold the values 0, 10, 20 …
    fn ramp(width: u32, height: u32) -> RgbImage {
        RgbImage::from_fn(width, height, |x, _| Rgb([(x * 10) as u8; 3]))
    }

    fn first_row(pixels: &[u8], size: usize) -> Vec<u8> {
        pixels[..size * 3].iter().step_by(3).copied().collect()
    }

    #[test]
    fn the_right_size_is_copied() {
        let image = crate::decode::tests::gradient(16, 16);
        assert_eq!(Fitter::new(16).fit(image.clone()), image.into_raw());
    }

    #[test]
    fn areas_are_averaged() {
        assert_eq!(first_row(&Fitter::new(4).fit(ramp(8, 8)), 4), [5, 25, 45, 65]);
        assert_eq!(Fitter::new(1).fit(ramp(5, 5)), [20, 20, 20]);
    }

    #[test]
    fn the_middle_of_the_longer_side_is_kept() {
        assert_eq!(first_row(&Fitter::new(2).fit(ramp(6, 2)), 2), [20, 30]);
        assert_eq!(first_row(&Fitter::new(2).fit(ramp(8, 4)), 2), [25, 45]);
        assert_eq!(Fitter::new(2).fit(ramp(2, 7)).len(), 12);
    }

    #[test]
    fn a_small_image_is_enlarged() {
        assert_eq!(first_row(&Fitter::new(4).fit(ramp(2, 2)), 4), [0, 0, 10, 10]);
    }
}
