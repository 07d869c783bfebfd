//! The palette artifact: k colours, as a table, as the published array, and as a picture.
//!
//! Centres are kept as OpenAI published theirs: k × 3 floats in [-1, 1], where a byte x is
//! x / 127.5 − 1 and a centre c is shown as rint(127.5·(c + 1)).

use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, UInt8Array, UInt16Array};

use super::metrics::write_columns;
use super::{npy, swatches};
use crate::{Error, Result};

/// The table: index u16, r u8, g u8, b u8.
pub const PALETTE_FILE: &str = "palette.parquet";

/// The centres in the published layout.
pub const CENTERS_FILE: &str = "kmeans_centers.npy";

/// The colours as people see them.
pub const PICTURE_FILE: &str = "palette.png";

/// Colours in a palette at most: tokens of 9 bits, as in the paper.
pub const MAX_COLOURS: usize = 512;

/// k colours; a token is an index into them.
#[derive(Clone, Debug, PartialEq)]
pub struct Palette {
    centers: Vec<[f32; 3]>,
}

impl Palette {
    /// A palette of these centres, each value in [-1, 1].
    pub fn new(centers: Vec<[f32; 3]>) -> Self {
        Self { centers }
    }

    /// Reads the palette of the artifact at `dir`.
    pub fn open(dir: &Path) -> Result<Self> {
        Self::read(&dir.join(CENTERS_FILE))
    }

    /// Reads centres in the published layout.
    pub fn read(path: &Path) -> Result<Self> {
        Self::checked(npy::read_f32_rows::<3>(path)?, path)
    }

    /// A palette of centres that were read from the file at `path`.
    ///
    /// # Errors
    /// None of them, too many, or a value outside [-1, 1].
    pub fn checked(centers: Vec<[f32; 3]>, path: &Path) -> Result<Self> {
        if centers.is_empty() || centers.len() > MAX_COLOURS {
            let message = format!("{} colours, a palette has 1 to {MAX_COLOURS}", centers.len());
            return Err(Error::table(path, message));
        }
        if let Some(row) = centers.iter().position(|c| c.iter().any(|v| !(-1.0..=1.0).contains(v))) {
            return Err(Error::table(path, format!("row {row}: a value outside [-1, 1]")));
        }
        Ok(Self { centers })
    }

    /// The number of colours, k.
    pub fn len(&self) -> usize {
        self.centers.len()
    }

    /// Whether there are no colours.
    pub fn is_empty(&self) -> bool {
        self.centers.is_empty()
    }

    /// The centres, each value in [-1, 1].
    pub fn centers(&self) -> &[[f32; 3]] {
        &self.centers
    }

    /// The colour that a token is shown as.
    ///
    /// # Panics
    /// If there is no such token.
    pub fn rgb(&self, token: u16) -> [u8; 3] {
        self.centers[usize::from(token)].map(|c| (127.5 * (c + 1.0)).round_ties_even() as u8)
    }

    /// A sequence of tokens as RGB bytes.
    pub fn decode(&self, tokens: &[u16]) -> Vec<u8> {
        tokens.iter().flat_map(|&token| self.rgb(token)).collect()
    }

    /// Writes `palette.parquet`, `kmeans_centers.npy` and `palette.png` into an artifact directory.
    pub fn write(&self, artifact: &Path) -> Result<()> {
        npy::write_f32_rows(&artifact.join(CENTERS_FILE), &self.centers)?;
        swatches::write(self, &artifact.join(PICTURE_FILE))?;
        let rgb: Vec<_> = (0..self.len()).map(|i| self.rgb(i as u16)).collect();
        let channel =
            |c: usize| -> ArrayRef { Arc::new(rgb.iter().map(|rgb| rgb[c]).collect::<UInt8Array>()) };
        let index: ArrayRef = Arc::new((0..self.len() as u16).collect::<UInt16Array>());
        write_columns(
            &artifact.join(PALETTE_FILE),
            [("index", index), ("r", channel(0)), ("g", channel(1)), ("b", channel(2))],
        )
    }
}

/// The squared distance between two colours, over the three channels.
pub fn squared_error(a: [u8; 3], b: [u8; 3]) -> u64 {
    a.iter().zip(b).map(|(&a, b)| u64::from(a.abs_diff(b)).pow(2)).sum()
}

/// The peak signal-to-noise ratio in dB of `pixels` pixels whose squared errors add up to
/// `squared_error`, over all their channels. `None` where nothing is lost or there are no pixels.
pub fn psnr_db(squared_error: u64, pixels: u64) -> Option<f64> {
    let channel_mse = squared_error as f64 / (3.0 * pixels as f64);
    (channel_mse > 0.0).then(|| 10.0 * (255.0 * 255.0 / channel_mse).log10())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_survives_the_published_encoding() {
        let grey: Vec<_> = (0..=255_u8).map(|x| [f32::from(x) / 127.5 - 1.0; 3]).collect();
        let palette = Palette::new(grey);
        for x in 0..=255_u8 {
            assert_eq!(palette.rgb(u16::from(x)), [x; 3]);
        }
    }

    #[test]
    fn psnr_by_hand() {
        let error = squared_error([6, 0, 9], [0, 0, 9]);
        assert_eq!(error, 36);
        // One channel of twelve is off by 6: a mean of 3.
        let wanted = 10.0 * (65025.0_f64 / 3.0).log10();
        assert!((psnr_db(error, 4).unwrap() - wanted).abs() < 1e-9);
        assert_eq!(psnr_db(0, 4), None);
        assert_eq!(psnr_db(0, 0), None);
    }

    #[test]
    fn round_trip_and_range() {
        let dir = tempfile::tempdir().unwrap();
        let palette = Palette::new(vec![[-1.0, 0.0, 1.0], [0.25, 0.5, -0.75]]);
        palette.write(dir.path()).unwrap();
        assert_eq!(Palette::open(dir.path()).unwrap(), palette);
        Palette::new(vec![[0.0; 3], [7.0; 3]]).write(dir.path()).unwrap();
        let error = Palette::open(dir.path()).unwrap_err().to_string();
        assert!(error.contains("kmeans_centers.npy: row 1"), "{error}");
    }
}
