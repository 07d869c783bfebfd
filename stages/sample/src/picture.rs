//! Grids of images as PNG.

use std::path::Path;

use igpt_artifact::table::palette::Palette;
use igpt_artifact::table::vectors::Batch;
use image::{Rgb, RgbImage};

use crate::Error;

/// Between tiles, in screen pixels.
const GAP: u32 = 4;
/// Behind the tiles.
const PAPER: Rgb<u8> = Rgb([255, 255, 255]);
/// In place of what the network was not shown.
const HIDDEN: Rgb<u8> = Rgb([200, 200, 200]);
/// Tiles in a row of samples.
const COLUMNS: usize = 10;

/// Paints token sequences.
pub struct Painter<'a> {
    pub palette: &'a Palette,
    /// Columns of pixels in an image.
    pub width: usize,
    /// Screen pixels a side of a pixel.
    pub zoom: u32,
}

impl Painter<'_> {
    /// All samples, row by row.
    pub fn samples(&self, samples: &Batch<u16>, path: &Path) -> Result<(), Error> {
        let tiles: Vec<_> = (0..samples.rows()).map(|i| self.tile(samples.row(i), samples.width)).collect();
        self.grid(&tiles, COLUMNS.min(tiles.len().max(1)), path)
    }

    /// A row for each original: itself, what the network saw of it, the completions.
    pub fn completions(
        &self,
        originals: &Batch<u16>,
        completions: &Batch<u16>,
        given: usize,
        path: &Path,
    ) -> Result<(), Error> {
        let each = completions.rows() / originals.rows().max(1);
        let mut tiles = Vec::new();
        for i in 0..originals.rows() {
            tiles.push(self.tile(originals.row(i), originals.width));
            tiles.push(self.tile(originals.row(i), given));
            tiles
                .extend((i * each..(i + 1) * each).map(|j| self.tile(completions.row(j), completions.width)));
        }
        self.grid(&tiles, each + 2, path)
    }

    /// An image of which the first `shown` tokens are seen.
    fn tile(&self, tokens: &[u16], shown: usize) -> RgbImage {
        let (columns, zoom) = (self.width as u32, self.zoom);
        let rows = (tokens.len() / self.width) as u32;
        RgbImage::from_fn(columns * zoom, rows * zoom, |x, y| {
            let position = ((y / zoom) * columns + x / zoom) as usize;
            if position < shown { Rgb(self.palette.rgb(tokens[position])) } else { HIDDEN }
        })
    }

    fn grid(&self, tiles: &[RgbImage], columns: usize, path: &Path) -> Result<(), Error> {
        let (w, h) = tiles.first().map_or((0, 0), RgbImage::dimensions);
        let rows = tiles.len().div_ceil(columns);
        let size = |n: usize, side: u32| (n as u32) * (side + GAP) + GAP;
        let mut page = RgbImage::from_pixel(size(columns, w), size(rows, h), PAPER);
        for (i, tile) in tiles.iter().enumerate() {
            let (x, y) = (size(i % columns, w), size(i / columns, h));
            image::imageops::replace(&mut page, tile, x.into(), y.into());
        }
        page.save(path).map_err(|source| Error::Picture { path: path.to_path_buf(), source })
    }
}
