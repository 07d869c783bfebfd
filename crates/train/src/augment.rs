//! Small shifts and flips of images, as the paper augments CIFAR (appendix: reflect-pad by 4, crop at
//! random to the old size, flip left and right).
//!
//! Every one of these moves pixels without changing any, so it is done on palette tokens: the result is
//! that of augmenting the image and tokenising it afterwards.

use igpt_stage::{Invalid, Seed};
use rand::Rng;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How training images are changed each time they are seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Augment {
    /// Pixels by which an image is padded on all sides, mirrored at its border, before it is cropped to its
    /// old size at a random place. The paper takes 4 at 32×32.
    pub pad: usize,
    /// Whether half of the images are mirrored left to right.
    pub flip: bool,
}

impl Augment {
    /// Whether nothing is changed.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// Checks that the padding can be mirrored in images of this size.
    ///
    /// # Errors
    /// If it is as wide as the image or wider.
    pub fn check(&self, height: usize, width: usize) -> Result<(), Invalid> {
        let least = height.min(width);
        Invalid::unless(
            self.pad < least,
            "augment",
            format!("pad {} is not below the {least} pixels of an image", self.pad),
        )
    }

    /// The image `row`, in raster order, as it is seen with this seed.
    pub fn apply(&self, row: &[u16], width: usize, seed: Seed) -> Vec<u16> {
        let height = row.len() / width;
        let mut rng = seed.rng();
        let mut shift = || rng.random_range(0..=2 * self.pad) as isize - self.pad as isize;
        let (down, right) = (shift(), shift());
        let flip = rng.random::<bool>() && self.flip;
        let source = |y: usize, x: usize| {
            let x = if flip { width - 1 - x } else { x };
            row[mirrored(y as isize + down, height) * width + mirrored(x as isize + right, width)]
        };
        (0..row.len()).map(|i| source(i / width, i % width)).collect()
    }
}

/// The pixel in `0..size` that stands at `at` when the image is mirrored at its first and last pixel.
fn mirrored(at: isize, size: usize) -> usize {
    let last = size as isize - 1;
    let at = at.abs();
    (if at > last { 2 * last - at } else { at }) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    const IMAGE: [u16; 12] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]; // 3 rows of 4

    #[test]
    fn borders_are_mirrored_as_numpy_reflects_them() {
        assert_eq!((-2..6).map(|at| mirrored(at, 4)).collect::<Vec<_>>(), [2, 1, 0, 1, 2, 3, 2, 1]);
        assert_eq!(mirrored(0, 1), 0);
    }

    #[test]
    fn nothing_asked_for_is_nothing_done() {
        assert_eq!(Augment::default().apply(&IMAGE, 4, Seed::new(0)), IMAGE);
    }

    #[test]
    fn every_shift_and_flip_occurs_and_nothing_else() {
        let augment = Augment { pad: 1, flip: true };
        let seen: BTreeSet<_> = (0..500).map(|i| augment.apply(&IMAGE, 4, Seed::new(0).nth(i))).collect();
        assert_eq!(seen.len(), 18);
        assert!(seen.contains(IMAGE.as_slice()));
        assert!(seen.contains(&vec![3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8]));
        // One up, one to the left: the last row and column are mirrored.
        assert!(seen.contains(&vec![5, 6, 7, 6, 9, 10, 11, 10, 5, 6, 7, 6]));
    }

    #[test]
    fn a_padding_that_has_nothing_to_mirror_is_refused() {
        assert!(Augment { pad: 3, flip: false }.check(4, 5).is_ok());
        let error = Augment { pad: 4, flip: false }.check(4, 5).unwrap_err();
        assert_eq!(error.message, "pad 4 is not below the 4 pixels of an image");
    }
}
