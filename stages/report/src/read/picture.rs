//! Pictures that the page carries inside itself.

use std::io::Cursor;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use igpt_artifact::Error as ArtifactError;
use image::error::{ParameterError, ParameterErrorKind};
use image::{ImageError, ImageFormat, ImageReader, RgbImage};

use crate::Error;

/// Bytes of a PNG file that the page takes in at most. Three such pictures and the examples,
/// base64 being 4/3 as long, leave the page below 5 MB.
const MAX_BYTES: usize = 800_000;

/// A picture for the page.
#[derive(Clone, Debug)]
pub(crate) struct Picture {
    /// The file's name.
    pub(crate) name: String,
    /// What it shows, for those who cannot see it.
    pub(crate) alt: String,
    /// Pixels.
    pub(crate) width: u32,
    /// Pixels.
    pub(crate) height: u32,
    /// The file as a `data:` address; none where the file is too large for the page.
    pub(crate) data: Option<String>,
}

impl Picture {
    /// Takes in a PNG file.
    pub(crate) fn read(path: &Path, alt: &str) -> Result<Self, Error> {
        let png = std::fs::read(path).map_err(ArtifactError::io("read", path))?;
        let (width, height) = ImageReader::with_format(Cursor::new(&png), ImageFormat::Png)
            .into_dimensions()
            .map_err(|source| Error::Picture { path: path.to_path_buf(), source })?;
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let data = (png.len() <= MAX_BYTES).then(|| data_uri(&png));
        Ok(Self { name, alt: alt.to_owned(), width, height, data })
    }

    /// Takes in a chart as the stages write them: SVG that states its size in pixels.
    pub(crate) fn read_svg(path: &Path, alt: &str) -> Result<Self, Error> {
        let svg = std::fs::read_to_string(path).map_err(ArtifactError::io("read", path))?;
        let side = |name: &str| -> Option<u32> {
            svg.split_once(&format!(" {name}=\""))?.1.split_once('"')?.0.parse().ok()
        };
        let Some((width, height)) = side("width").zip(side("height")) else {
            return Err(Error::Svg { path: path.to_path_buf() });
        };
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let data = (svg.len() <= MAX_BYTES)
            .then(|| format!("data:image/svg+xml;base64,{}", STANDARD.encode(svg.as_bytes())));
        Ok(Self { name, alt: alt.to_owned(), width, height, data })
    }

    /// Encodes `height × width × 3` row-major RGB bytes, which come from the artifact at `dir`.
    pub(crate) fn from_rgb(
        dir: &Path,
        alt: &str,
        width: usize,
        height: usize,
        rgb: Vec<u8>,
    ) -> Result<Self, Error> {
        let failed = |source| Error::Picture { path: dir.to_path_buf(), source };
        let refused =
            || ImageError::Parameter(ParameterError::from_kind(ParameterErrorKind::DimensionMismatch));
        let sides = u32::try_from(width).ok().zip(u32::try_from(height).ok());
        let (width, height) = sides.ok_or_else(refused).map_err(failed)?;
        let picture = RgbImage::from_raw(width, height, rgb).ok_or_else(refused).map_err(failed)?;
        let mut png = Cursor::new(Vec::new());
        picture.write_to(&mut png, ImageFormat::Png).map_err(failed)?;
        let data = Some(data_uri(png.get_ref()));
        Ok(Self { name: String::new(), alt: alt.to_owned(), width, height, data })
    }
}

fn data_uri(png: &[u8]) -> String {
    format!("data:image/png;base64,{}", STANDARD.encode(png))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_comes_back_from_its_address() {
        let dir = tempfile::tempdir().unwrap();
        let made = Picture::from_rgb(dir.path(), "x", 2, 1, vec![255, 0, 0, 0, 0, 255]).unwrap();
        let data = made.data.unwrap();
        let png = STANDARD.decode(data.strip_prefix("data:image/png;base64,").unwrap()).unwrap();
        let path = dir.path().join("x.png");
        std::fs::write(&path, &png).unwrap();
        let read = Picture::read(&path, "x").unwrap();
        assert_eq!((read.width, read.height, read.data), (2, 1, Some(data)));
        assert_eq!(image::open(&path).unwrap().to_rgb8().as_raw(), &[255, 0, 0, 0, 0, 255]);
        assert!(Picture::from_rgb(dir.path(), "x", 2, 2, vec![0; 3]).is_err());
    }

    #[test]
    fn a_chart_has_the_size_that_it_states() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.svg");
        std::fs::write(&path, "<svg width=\"760\" height=\"480\" viewBox=\"0 0 760 480\"></svg>").unwrap();
        let picture = Picture::read_svg(&path, "x").unwrap();
        assert_eq!((picture.width, picture.height), (760, 480));
        assert!(picture.data.unwrap().starts_with("data:image/svg+xml;base64,"));
        std::fs::write(&path, "<svg>").unwrap();
        let error = Picture::read_svg(&path, "x").unwrap_err().to_string();
        assert!(error.ends_with("x.svg: not a chart with a size"), "{error}");
    }

    #[test]
    fn a_file_too_large_for_the_page_keeps_its_size_only() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("big.png");
        let mut noise = 1_u32;
        let bytes = std::iter::repeat_with(|| {
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (noise >> 24) as u8
        });
        RgbImage::from_raw(600, 600, bytes.take(600 * 600 * 3).collect()).unwrap().save(&path).unwrap();
        let picture = Picture::read(&path, "x").unwrap();
        assert_eq!((picture.width, picture.height, picture.data), (600, 600, None));
    }

    #[test]
    fn a_file_that_is_no_picture_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("samples.png");
        std::fs::write(&path, "not a picture").unwrap();
        let error = Picture::read(&path, "x").unwrap_err().to_string();
        assert!(error.ends_with("samples.png: not a usable picture"), "{error}");
    }
}
