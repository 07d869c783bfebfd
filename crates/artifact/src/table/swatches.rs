//! `palette.png`: the colours as people see them.

use std::io::Cursor;
use std::path::Path;

use image::{ImageFormat, Rgba, RgbaImage};

use super::palette::Palette;
use crate::{Error, Result};

/// Colours in a row.
const COLUMNS: usize = 16;

/// Pixels along the side of a swatch.
const SWATCH: usize = 16;

/// One square a colour, in the order of the palette, 16 a row; what is left of the last row is
/// transparent.
fn draw(palette: &Palette) -> RgbaImage {
    let columns = palette.len().min(COLUMNS);
    let rows = palette.len().div_ceil(COLUMNS);
    RgbaImage::from_fn((columns * SWATCH) as u32, (rows * SWATCH) as u32, |x, y| {
        let token = y as usize / SWATCH * COLUMNS + x as usize / SWATCH;
        if token < palette.len() {
            let [r, g, b] = palette.rgb(token as u16);
            Rgba([r, g, b, 255])
        } else {
            Rgba([0; 4])
        }
    })
}

/// Draws a palette into a file.
pub(super) fn write(palette: &Palette, path: &Path) -> Result<()> {
    let mut png = Cursor::new(Vec::new());
    draw(palette)
        .write_to(&mut png, ImageFormat::Png)
        .map_err(|source| Error::Picture { path: path.to_path_buf(), source })?;
    std::fs::write(path, png.into_inner()).map_err(Error::io("write", path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn swatches_stand_in_order() {
        let grey = |x: usize| [x as f32 / 127.5 - 1.0; 3];
        let picture = draw(&Palette::new((0..18).map(|i| grey(10 * i)).collect()));
        assert_eq!(picture.dimensions(), (256, 32));
        for token in 0..18 {
            let (x, y) = ((token % 16 * 16) as u32, (token / 16 * 16) as u32);
            let v = (10 * token) as u8;
            for (dx, dy) in [(0, 0), (15, 15)] {
                assert_eq!(picture.get_pixel(x + dx, y + dy), &Rgba([v, v, v, 255]));
            }
        }
        assert_eq!(picture.get_pixel(32, 16), &Rgba([0; 4]));
        assert_eq!(draw(&Palette::new(vec![grey(0), grey(9)])).dimensions(), (32, 16));
    }
}
