//! The random crops on which the paper pretrains.
//!
//! There, an ImageNet picture is scaled until its shorter side has a random length of 256 to 384
//! pixels, a random square of 224 pixels is cut out, and that is scaled down to the network's
//! size. Here the same square is found in the picture as it is and scaled down once, so no
//! detail is lost on the way. Source: "Generative Pretraining from Pixels", section 3.1.

use igpt_stage::Seed;
use rand::Rng;

use crate::ImagesParams;
use crate::fit::Square;

/// Squares are laid to 1/256 of a pixel. All sums of such numbers are exact in f64, so a square at
/// the edge of the image does not reach over it by rounding.
const GRID: f64 = 256.0;

/// Cuts random squares out of training images.
#[derive(Clone, Debug)]
pub(crate) struct Crops {
    /// Squares an image.
    count: u32,
    /// Shortest and longest shorter side of the scaled image, in its pixels.
    resize: [u32; 2],
    /// Side of the square, in pixels of the scaled image.
    size: u32,
    seed: Seed,
}

impl Crops {
    /// What the parameters ask for; nothing if training images are to be central squares.
    pub(crate) fn new(params: &ImagesParams, seed: Seed) -> Option<Self> {
        (params.crops > 0).then(|| Self {
            count: params.crops,
            resize: params.crop_resize,
            size: params.crop_size,
            seed: seed.named("images/crops"),
        })
    }

    /// Squares an image.
    pub(crate) fn count(&self) -> usize {
        self.count as usize
    }

    /// The squares of an image of `width × height` pixels. They follow from the seed, the place of
    /// the image in its source and the number of each crop alone: more crops, or another limit,
    /// never change one.
    pub(crate) fn squares(&self, place: u64, width: u32, height: u32) -> impl Iterator<Item = Square> {
        let seed = self.seed.nth(place);
        (0..self.count).map(move |crop| self.square(seed.nth(crop.into()), width.into(), height.into()))
    }

    fn square(&self, seed: Seed, width: f64, height: f64) -> Square {
        let mut rng = seed.rng();
        let [shortest, longest] = self.resize;
        let scaled = rng.random_range(shortest..=longest);
        let side = snap(width.min(height) * f64::from(self.size) / f64::from(scaled)).max(1.0 / GRID);
        let mut offset = |length: f64| snap(rng.random::<f64>() * (length - side));
        Square { left: offset(width), top: offset(height), side }
    }
}

fn snap(length: f64) -> f64 {
    (length * GRID).floor() / GRID
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fit::Fitter;
    use image::{Rgb, RgbImage};

    fn crops(change: impl FnOnce(&mut ImagesParams)) -> Crops {
        let mut params = ImagesParams { crops: 4, ..Default::default() };
        change(&mut params);
        Crops::new(&params, Seed::new(5)).unwrap()
    }

    #[test]
    fn squares_have_the_sides_of_the_paper_and_reach_every_edge() {
        let crops = crops(|p| p.crops = 999);
        let squares: Vec<_> = crops.squares(3, 500, 300).collect();
        let (least, most) = (300.0 * 224.0 / 384.0, 300.0 * 224.0 / 256.0);
        let within = |value: f64, low: f64, high: f64| (low - 1.0 / GRID..=high).contains(&value);
        assert!(squares.iter().all(|s| within(s.side, least, most)));
        assert!(squares.iter().all(|s| s.left >= 0.0 && s.left + s.side <= 500.0));
        assert!(squares.iter().all(|s| s.top >= 0.0 && s.top + s.side <= 300.0));
        let extremes = |value: fn(&Square) -> f64| {
            squares.iter().map(value).fold((f64::MAX, f64::MIN), |(low, high), v| (low.min(v), high.max(v)))
        };
        let (low, high) = extremes(|s| s.side);
        assert!(low < least + 1.0 && high > most - 1.0, "{low} to {high}");
        let (low, _) = extremes(|s| s.left);
        let (_, high) = extremes(|s| s.left + s.side);
        assert!(low < 2.0 && high > 498.0, "{low} to {high}");
        let (low, _) = extremes(|s| s.top);
        let (_, high) = extremes(|s| s.top + s.side);
        assert!(low < 2.0 && high > 298.0, "{low} to {high}");
    }

    #[test]
    fn a_square_depends_on_seed_place_and_number_alone() {
        let squares = |crops: &Crops, place| crops.squares(place, 50, 40).collect::<Vec<_>>();
        let (few, many) = (crops(|_| {}), crops(|p| p.crops = 9));
        assert_eq!(squares(&few, 7), squares(&many, 7)[..4]);
        assert_ne!(squares(&few, 7), squares(&few, 8));
        let other = Crops::new(&ImagesParams { crops: 4, ..Default::default() }, Seed::new(6)).unwrap();
        assert_ne!(squares(&few, 7), squares(&other, 7));
    }

    #[test]
    fn a_crop_as_large_as_the_image_is_the_image() {
        let whole = crops(|p| (p.crop_resize, p.crop_size) = ([8, 8], 8));
        let image = crate::decode::tests::gradient(16, 16);
        let mut fitter = Fitter::new(4);
        for square in whole.squares(0, 16, 16) {
            assert_eq!(square, Square { left: 0.0, top: 0.0, side: 16.0 });
            assert_eq!(fitter.cut(&image, square), fitter.fit(image.clone()));
        }
    }

    #[test]
    fn what_is_cut_is_the_square() {
        // Red grows with x and green with y, so the mean of a square tells its middle.
        let image = RgbImage::from_fn(120, 80, |x, y| Rgb([(2 * x) as u8, (2 * y) as u8, 0]));
        for square in crops(|p| p.crops = 50).squares(1, 120, 80) {
            let pixel = Fitter::new(1).cut(&image, square);
            for (value, start) in [(pixel[0], square.left), (pixel[1], square.top)] {
                let expected = 2.0 * (start + square.side / 2.0) - 1.0;
                assert!((f64::from(value) - expected).abs() < 2.0, "{square:?}: {value}, not {expected}");
            }
        }
    }

    #[test]
    fn the_smallest_image_can_be_cut() {
        let paper = crops(|p| p.crops = 50);
        let tiny = crops(|p| (p.crops, p.crop_resize, p.crop_size) = (50, [1, u32::MAX], 1));
        for (width, height) in [(1, 1), (1, 9), (2, 1)] {
            let image = RgbImage::from_pixel(width, height, Rgb([7, 8, 9]));
            for square in paper.squares(0, width, height).chain(tiny.squares(0, width, height)) {
                assert_eq!(Fitter::new(3).cut(&image, square), [7, 8, 9].repeat(9));
            }
        }
    }
}
