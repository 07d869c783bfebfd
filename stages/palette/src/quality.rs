//! What a palette loses, measured on the bytes that it is shown as.

use igpt_artifact::table::palette::{self, Palette};
use igpt_colour::byte;

use crate::Colours;
use crate::assign::Assignment;

/// The peak signal-to-noise ratio in dB over all channels of all pixels, when each pixel is shown
/// as its nearest palette colour. `None` where nothing is lost or there are no pixels.
pub fn psnr_db(colours: &Colours, palette: &Palette) -> Option<f64> {
    let centres: Vec<_> = palette.centers().iter().map(|centre| centre.map(byte)).collect();
    let shown: Vec<_> = (0..palette.len()).map(|token| palette.rgb(token as u16).map(f64::from)).collect();
    let error = Assignment::new(colours.tree(), &centres).cost(&shown);
    palette::psnr_db(error.round() as u64, colours.pixels())
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
