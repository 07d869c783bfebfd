//! A data set that needs no download: ten classes of shapes and textures, drawn in colour.
//!
//! Place, size, hues and, for textures, pitch and phase are random, so that no single pixel says
//! much about the class: logistic regression on raw pixels does poorly, while a person names the
//! class at 16 × 16 pixels. Every image has exactly two colours with hard edges, out of four light
//! and two dark families of hues, so a palette of six colours shows them well.
//!
//! An image follows from the seed, the split and its number alone: more images, or another
//! order, never change it.

mod colour;
mod geometry;

pub use geometry::Class;

use igpt_artifact::Split;
use igpt_stage::Seed;
use image::{Rgb, RgbImage};
use rand::Rng;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::source::{Labelled, Source};
use crate::{Error, ImagesParams};

/// Pixels a side at least: on a smaller grid classes look alike.
pub const MIN_SIZE: usize = 12;

/// Which is the lighter of figure and ground.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Contrast {
    /// A light figure on a dark ground.
    #[default]
    LightOnDark,
    /// One or the other, at random: harder for pixels, and slower to learn.
    Either,
}

/// Draws one image of a class, `size × size` pixels. The seed is all that it varies with.
pub fn draw(class: Class, seed: Seed, size: usize, contrast: Contrast) -> RgbImage {
    let mut rng = seed.rng();
    let (light, dark) = (colour::light(&mut rng), colour::dark(&mut rng));
    let swap = rng.random_bool(0.5);
    let (figure, ground) = match contrast {
        Contrast::Either if swap => (dark, light),
        _ => (light, dark),
    };
    let placed = class.place(&mut rng, size);
    let side = u32::try_from(size).unwrap_or(u32::MAX);
    RgbImage::from_fn(side, side, |x, y| Rgb(if placed.covers(x, y) { figure } else { ground }))
}

/// The data set, as the stage reads it.
#[derive(Clone, Debug)]
pub(crate) struct Shapes {
    classes: Vec<String>,
    train: u64,
    test: u64,
    size: usize,
    contrast: Contrast,
    seed: Seed,
}

impl Shapes {
    pub(crate) fn new(params: &ImagesParams, seed: Seed) -> Self {
        Self {
            classes: Class::ALL.map(|class| class.name().to_owned()).to_vec(),
            train: params.train,
            test: params.test,
            size: params.size,
            contrast: params.contrast,
            seed: seed.named("images/shapes"),
        }
    }
}

/// An image that is still to be drawn.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Drawing {
    split: Split,
    index: u64,
}

impl Source for Shapes {
    type Raw = Drawing;

    fn classes(&self) -> &[String] {
        &self.classes
    }

    fn rows(&self, split: Split) -> Option<u64> {
        match split {
            Split::Train => Some(self.train),
            Split::Validation => None,
            Split::Test => Some(self.test),
        }
    }

    fn fetch<'a>(
        &'a self,
        split: Split,
        rows: &'a [u64],
    ) -> Result<impl Iterator<Item = Result<Drawing, Error>> + 'a, Error> {
        Ok(rows.iter().map(move |&index| Ok(Drawing { split, index })))
    }

    /// Classes take turns, so all are equally frequent.
    fn load(&self, Drawing { split, index }: Drawing) -> Result<Labelled, Error> {
        let label = (index % Class::ALL.len() as u64) as usize;
        let seed = self.seed.named(split.name()).nth(index);
        let image = draw(Class::ALL[label], seed, self.size, self.contrast);
        Ok(Labelled { label: Some(label as i64), image })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use igpt_artifact::Digest;
    use std::collections::{BTreeSet, HashSet};

    fn pictures(class: Class, count: u64, contrast: Contrast) -> Vec<RgbImage> {
        (0..count).map(|i| draw(class, Seed::new(3).nth(i), 16, contrast)).collect()
    }

    fn brightness(pixel: Rgb<u8>) -> u32 {
        pixel.0.iter().map(|&value| u32::from(value)).sum()
    }

    /// Which pixels are the lighter ones.
    fn silhouette(image: &RgbImage) -> Vec<bool> {
        let top = image.pixels().map(|&pixel| brightness(pixel)).max().unwrap();
        image.pixels().map(|&pixel| brightness(pixel) == top).collect()
    }

    /// If this changes, results of earlier versions cannot be had again.
    #[test]
    fn golden() {
        let mut all = Vec::new();
        for class in Class::ALL {
            for contrast in [Contrast::LightOnDark, Contrast::Either] {
                all.extend(pictures(class, 3, contrast).into_iter().flat_map(RgbImage::into_raw));
            }
        }
        assert_eq!(Digest::of(&all).short(), "32f2fca89785");
    }

    #[test]
    fn every_image_has_two_colours_and_a_figure_of_fair_size() {
        for class in Class::ALL {
            for image in pictures(class, 200, Contrast::LightOnDark) {
                let colours: BTreeSet<_> = image.pixels().map(|pixel| pixel.0).collect();
                assert_eq!(colours.len(), 2, "{class:?}");
                let light = silhouette(&image).into_iter().filter(|&light| light).count();
                assert!((9..200).contains(&light), "{class:?}: {light} of 256 pixels");
            }
        }
    }

    #[test]
    fn no_two_classes_share_a_silhouette_and_each_varies() {
        let silhouettes = |class| -> HashSet<_> {
            pictures(class, 300, Contrast::LightOnDark).iter().map(silhouette).collect()
        };
        let all = Class::ALL.map(silhouettes);
        for (i, class) in Class::ALL.iter().enumerate() {
            assert!(all[i].len() >= 10, "{class:?}: {} silhouettes", all[i].len());
            for other in &all[i + 1..] {
                assert!(all[i].is_disjoint(other), "{class:?}");
            }
        }
    }

    #[test]
    fn figures_are_light_unless_asked_otherwise() {
        // A plus covers less than half of the image.
        let lighter = |contrast| {
            let figure_is_light =
                |image: &RgbImage| silhouette(image).into_iter().filter(|&light| light).count() < 128;
            pictures(Class::Plus, 200, contrast).iter().filter(|image| figure_is_light(image)).count()
        };
        assert_eq!(lighter(Contrast::LightOnDark), 200);
        assert!((70..130).contains(&lighter(Contrast::Either)));
    }

    #[test]
    fn the_silhouette_grows_with_the_image() {
        for class in Class::ALL {
            for size in [MIN_SIZE, 32, 256] {
                let image = draw(class, Seed::new(1), size, Contrast::LightOnDark);
                assert_eq!(image.dimensions(), (size as u32, size as u32));
                let light = silhouette(&image).into_iter().filter(|&light| light).count();
                let share = light as f64 / (size * size) as f64;
                assert!((0.03..0.8).contains(&share), "{class:?} at {size}: {share}");
            }
        }
    }

    #[test]
    fn an_image_depends_on_its_number_alone_and_classes_are_balanced() {
        let source = |train| Shapes::new(&ImagesParams { train, ..Default::default() }, Seed::new(9));
        let load = |source: &Shapes, split, index| source.load(Drawing { split, index }).unwrap();
        let (small, large) = (source(10), source(100));
        for i in 0..10 {
            let (a, b) = (load(&small, Split::Train, i), load(&large, Split::Train, i));
            assert_eq!((a.label, &a.image), (b.label, &b.image));
            assert_ne!(a.image, load(&small, Split::Test, i).image);
        }
        let mut counts = [0; 10];
        for i in 0..100 {
            counts[load(&large, Split::Train, i).label.unwrap() as usize] += 1;
        }
        assert_eq!(counts, [10; 10]);
    }
}
