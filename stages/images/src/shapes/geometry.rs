//! The ten classes as geometry.
//!
//! A class is a signed function of the plane: positive inside, negative outside, zero on the
//! edge. A pixel belongs to the figure if its centre lies inside. [`Class::place`] puts the plane
//! onto the pixel grid in half pixels, so that shapes stay symmetric on a coarse grid.

use rand::Rng;

/// A class of the data set, in the order of the labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// A filled circle.
    Disc,
    /// A filled square, upright.
    Square,
    /// A filled triangle that stands on its base.
    Triangle,
    /// Two bars that cross, upright.
    Plus,
    /// Stripes over the whole image.
    HorizontalStripes,
    /// Stripes over the whole image.
    VerticalStripes,
    /// Diagonal stripes over the whole image, from the lower left to the upper right.
    RisingStripes,
    /// Diagonal stripes over the whole image, from the upper left to the lower right.
    FallingStripes,
    /// Squares over the whole image that touch at their corners.
    Checkerboard,
    /// Squares over the whole image that stand apart.
    Dots,
}

impl Class {
    /// Every class, by label.
    pub const ALL: [Self; 10] = [
        Self::Disc,
        Self::Square,
        Self::Triangle,
        Self::Plus,
        Self::HorizontalStripes,
        Self::VerticalStripes,
        Self::RisingStripes,
        Self::FallingStripes,
        Self::Checkerboard,
        Self::Dots,
    ];

    /// The name in `images.json`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Disc => "disc",
            Self::Square => "square",
            Self::Triangle => "triangle",
            Self::Plus => "plus",
            Self::HorizontalStripes => "horizontal stripes",
            Self::VerticalStripes => "vertical stripes",
            Self::RisingStripes => "rising stripes",
            Self::FallingStripes => "falling stripes",
            Self::Checkerboard => "checkerboard",
            Self::Dots => "dots",
        }
    }

    /// Positive inside the figure, negative outside.
    ///
    /// For a shape, `(u, v)` runs from −1 to 1 over its bounding square, `v` downwards. For a
    /// texture, the unit is the width of one stripe, and the figure repeats every two units.
    pub fn signed(self, u: f32, v: f32) -> f32 {
        let (along, across) = (u.abs(), v.abs());
        match self {
            Self::Disc => 1.0 - (u * u + v * v).sqrt(),
            Self::Square => 0.85 - along.max(across),
            Self::Triangle => (0.85 - v).min(0.55 * (1.0 + v) - along),
            Self::Plus => (0.3 - along.min(across)).min(1.0 - along.max(across)),
            Self::HorizontalStripes => stripe(v),
            Self::VerticalStripes => stripe(u),
            Self::RisingStripes => stripe(u + v),
            Self::FallingStripes => stripe(u - v),
            Self::Checkerboard => stripe(u) * stripe(v),
            Self::Dots => stripe(u).min(stripe(v)),
        }
    }

    /// A random place and size on a grid of `size × size` pixels.
    pub(super) fn place(self, rng: &mut impl Rng, size: usize) -> Placed {
        // Half pixels throughout: they can hit the centre of a pixel and the edge between two.
        let size = i32::try_from(2 * size).expect("an image is at most 256 pixels a side");
        let scaled = |sixteenths: i32| (size * sixteenths + 16) / 32;
        if self.is_shape() {
            let radius = rng.random_range(scaled(7)..=scaled(11));
            let beyond = scaled(1);
            let mut centre = || rng.random_range(radius - beyond..=size - radius + beyond);
            return Placed { class: self, origin: [centre(), centre()], unit: radius };
        }
        // Whole pixels: every stripe of an image is equally wide. Diagonals one pixel wide would be
        // a checkerboard.
        let narrowest = (scaled(4) / 2).max(2);
        let width = rng.random_range(narrowest..=narrowest.max(scaled(6) / 2));
        let mut phase = || 2 * rng.random_range(0..2 * width);
        // The centres of pixels lie half a pixel off the edges of stripes; on a diagonal two such
        // halves would add up to a whole.
        let off_edge = i32::from(matches!(self, Self::RisingStripes | Self::FallingStripes));
        Placed { class: self, origin: [phase(), phase() + off_edge], unit: 2 * width }
    }

    /// Whether it is one figure on a ground, and not a texture over the whole image.
    const fn is_shape(self) -> bool {
        matches!(self, Self::Disc | Self::Square | Self::Triangle | Self::Plus)
    }
}

/// A wave of stripes one unit wide: positive over `0..1`, negative over `1..2`, and so on.
fn stripe(t: f32) -> f32 {
    0.5 - ((t + 0.5).rem_euclid(2.0) - 1.0).abs()
}

/// A class put onto the pixel grid.
#[derive(Clone, Copy, Debug)]
pub(super) struct Placed {
    class: Class,
    /// Where `(0, 0)` of the plane lies, in half pixels.
    origin: [i32; 2],
    /// The length of the plane's unit, in half pixels.
    unit: i32,
}

impl Placed {
    /// Whether the centre of a pixel lies inside.
    pub(super) fn covers(&self, x: u32, y: u32) -> bool {
        let plane = |pixel: u32, origin| (2 * pixel as i32 + 1 - origin) as f32 / self.unit as f32;
        let (u, v) = (plane(x, self.origin[0]), plane(y, self.origin[1]));
        self.class.signed(u, v) > 0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A class as text, its unit square (or four stripes) on an 8 × 8 grid.
    fn picture(class: Class, unit: i32, origin: i32) -> String {
        let placed = Placed { class, origin: [origin; 2], unit };
        let row = |y| (0..8).map(move |x| if placed.covers(x, y) { '#' } else { '.' }).collect::<String>();
        (0..8).map(row).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn shapes_look_like_their_names() {
        let shape = |class| picture(class, 8, 8);
        assert_eq!(
            shape(Class::Disc),
            "..####..\n.######.\n########\n########\n########\n########\n.######.\n..####.."
        );
        assert_eq!(
            shape(Class::Plus),
            "...##...\n...##...\n...##...\n########\n########\n...##...\n...##...\n...##..."
        );
        assert_eq!(
            shape(Class::Square),
            "........\n.######.\n.######.\n.######.\n.######.\n.######.\n.######.\n........"
        );
    }

    #[test]
    fn textures_look_like_their_names() {
        let texture = |class| picture(class, 4, 0);
        assert_eq!(texture(Class::VerticalStripes).lines().next(), Some("##..##.."));
        assert_eq!(
            texture(Class::HorizontalStripes).lines().map(|row| &row[..1]).collect::<String>(),
            "##..##.."
        );
        assert_eq!(texture(Class::Checkerboard).lines().nth(2), Some("..##..##"));
        assert_eq!(
            texture(Class::Dots),
            "##..##..\n##..##..\n........\n........\n##..##..\n##..##..\n........\n........"
        );
        let rising = texture(Class::RisingStripes);
        let rows: Vec<_> = rising.lines().collect();
        assert!((1..8).all(|y| rows[y][..7] == rows[y - 1][1..]));
        let falling = texture(Class::FallingStripes);
        let rows: Vec<_> = falling.lines().collect();
        assert!((1..8).all(|y| rows[y][1..] == rows[y - 1][..7]));
    }

    #[test]
    fn the_sign_changes_at_the_edge() {
        for (class, u, v) in [
            (Class::Disc, 1.0, 0.0),
            (Class::Square, 0.85, 0.2),
            (Class::Triangle, 0.0, 0.85),
            (Class::Plus, 0.3, 0.6),
            (Class::Dots, 1.0, 0.4),
            (Class::VerticalStripes, 1.0, 0.4),
        ] {
            let inside = class.signed(u, v);
            assert!(inside.abs() < 1e-5, "{class:?}: {inside}");
            assert!(class.signed(u * 0.98, v * 0.98) * class.signed(u * 1.02, v * 1.02) < 0.0, "{class:?}");
        }
    }
}
