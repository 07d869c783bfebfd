//! Which pixels BERT does not see: each one independently with the same probability (section 3.1).

use igpt_stage::{Invalid, Seed};
use rand::Rng;

/// Draws masks.
#[derive(Clone, Copy, Debug)]
pub struct Hide {
    /// The probability of a pixel to be hidden.
    pub probability: f64,
    /// Where the masks come from.
    pub seed: Seed,
}

impl Hide {
    /// Checks a parameter `mask_probability`: none or all of the pixels is nothing to learn from.
    ///
    /// # Errors
    /// Unless it is between 0 and 1.
    pub fn check(mask_probability: f64) -> Result<(), Invalid> {
        Invalid::unless(
            mask_probability > 0.0 && mask_probability < 1.0,
            "mask_probability",
            format!("mask_probability {mask_probability} is not between 0 and 1"),
        )
    }

    /// For each of `width` pixels whether it is hidden. An image of which nothing would be hidden, as small
    /// ones happen to be, has one pixel hidden after all: without any it has no loss.
    pub fn draw(&self, image: u64, width: usize) -> Vec<bool> {
        let mut rng = self.seed.nth(image).rng();
        let mut hidden: Vec<bool> = (0..width).map(|_| rng.random_bool(self.probability)).collect();
        if !hidden.contains(&true) {
            hidden[rng.random_range(0..width)] = true;
        }
        hidden
    }

    /// Another independent mask for each image.
    #[must_use]
    pub fn nth(&self, mask: u64) -> Self {
        Self { seed: self.seed.nth(mask), ..*self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_is_right_and_no_image_is_bare() {
        let hide = Hide { probability: 0.15, seed: Seed::new(0) };
        let count = |i| hide.draw(i, 64).into_iter().filter(|hidden| *hidden).count();
        let share = (0..1000).map(count).sum::<usize>() as f64 / 64_000.0;
        // Four standard deviations of the mean.
        assert!((share - 0.15).abs() < 4.0 * (0.15 * 0.85 / 64_000_f64).sqrt(), "{share}");
        assert!((0..1000).all(|i| hide.draw(i, 2).contains(&true)));
        assert_ne!(hide.draw(0, 64), hide.nth(0).draw(0, 64));
    }
}
