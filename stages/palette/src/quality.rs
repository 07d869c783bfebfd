//! What a palette loses, measured on the bytes that it is shown as.

use igpt_artifact::table::palette::{self, Palette, squared_error};

use crate::Colours;
use crate::nearest::Nearest;

/// The peak signal-to-noise ratio in dB over all channels of all pixels, when each pixel is shown
/// as its nearest palette colour. `None` where nothing is lost or there are no pixels.
pub fn psnr_db(colours: &Colours, palette: &Palette) -> Option<f64> {
    let nearest = Nearest::of(colours, palette.centers());
    let shown: Vec<_> = (0..palette.len()).map(|token| palette.rgb(token as u16)).collect();
    let error: u64 = colours
        .rgb()
        .iter()
        .zip(colours.counts())
        .zip(&nearest.labels)
        .map(|((rgb, count), &label)| count * squared_error(*rgb, shown[usize::from(label)]))
        .sum();
    palette::psnr_db(error, colours.pixels())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Histogram;

    #[test]
    fn every_pixel_counts() {
        let mut histogram = Histogram::default();
        histogram.add(&[0, 0, 0, 0, 0, 0, 6, 0, 0, 255, 255, 255]);
        let palette = Palette::new(vec![[-1.0; 3], [1.0; 3]]);
        // One channel of twelve is off by 6: a mean of 3.
        let wanted = 10.0 * (65025.0_f64 / 3.0).log10();
        let found = psnr_db(&histogram.colours(), &palette).unwrap();
        assert!((found - wanted).abs() < 1e-9, "{found} {wanted}");
        let mut exact = Histogram::default();
        exact.add(&[0; 30]);
        assert_eq!(psnr_db(&exact.colours(), &palette), None);
        assert_eq!(psnr_db(&Histogram::default().colours(), &palette), None);
    }
}
