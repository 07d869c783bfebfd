//! What tokens use of a palette, and what they lose.

use igpt_artifact::table::palette::{self, Palette, squared_error};
use rayon::prelude::*;

/// Pixels in a unit of parallel work.
const CHUNK: usize = 1 << 16;

/// Counts over the pixels of a split.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tally {
    shown: Vec<[u8; 3]>,
    counts: Vec<u64>,
    squared_error: u64,
}

impl Tally {
    /// An empty tally for tokens of this palette.
    pub fn new(palette: &Palette) -> Self {
        let shown: Vec<_> = (0..palette.len()).map(|token| palette.rgb(token as u16)).collect();
        Self { counts: vec![0; shown.len()], shown, squared_error: 0 }
    }

    /// Counts pixels and their tokens, on all threads.
    ///
    /// # Panics
    /// If a token is not in the palette.
    pub fn add(&mut self, pixels: &[[u8; 3]], tokens: &[u16]) {
        let count = |(pixels, tokens): (&[[u8; 3]], &[u16])| {
            let mut counts = vec![0; self.shown.len()];
            let mut error = 0;
            for (pixel, &token) in pixels.iter().zip(tokens) {
                let token = usize::from(token);
                counts[token] += 1;
                error += squared_error(*pixel, self.shown[token]);
            }
            (counts, error)
        };
        let chunks = pixels.par_chunks(CHUNK).zip(tokens.par_chunks(CHUNK));
        let counted: Vec<(Vec<u64>, u64)> = chunks.map(count).collect();
        for (counts, error) in counted {
            self.counts.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
            self.squared_error += error;
        }
    }

    /// How often each token occurs.
    pub fn counts(&self) -> &[u64] {
        &self.counts
    }

    /// The number of tokens.
    pub fn tokens(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The peak signal-to-noise ratio in dB of the images decoded from their tokens, over all
    /// channels of all pixels. `None` where nothing is lost or there are no pixels.
    pub fn psnr_db(&self) -> Option<f64> {
        palette::psnr_db(self.squared_error, self.tokens())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        let palette = Palette::new(vec![[-1.0; 3], [0.0; 3], [1.0; 3]]);
        let mut tally = Tally::new(&palette);
        assert_eq!(tally.psnr_db(), None);
        tally.add(&[[0; 3], [255; 3]], &[0, 2]);
        assert_eq!(tally.psnr_db(), None);
        tally.add(&[[6, 0, 0], [0; 3]], &[0, 0]);
        assert_eq!((tally.counts(), tally.tokens()), (&[3, 0, 1][..], 4));
        // One channel of twelve is off by 6: a mean of 3.
        let wanted = 10.0 * (65025.0_f64 / 3.0).log10();
        assert!((tally.psnr_db().unwrap() - wanted).abs() < 1e-9);
    }
}
