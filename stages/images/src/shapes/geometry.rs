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
    /// A circle with a hole.
    Ring,
    /// A filled square, upright.
    Square,
    /// A filled triangle that stands on its base.
    Triangle,
    /// Two bars that cross, upright.
    Plus,
    /// Two bars that cross, on the diagonals.
    Saltire,
    /// Stripes over the whole image.
    HorizontalStripes,
    /// Stripes over the whole image.
    VerticalStripes,
    /// Stripes over the whole image, rising or falling.
    DiagonalStripes,
    /// Squares over the whole image.
    Checkerboard,
}

impl Class {
    /// Every class, by label.
    pub const ALL: [Self; 10] = [
        Self::Disc,
        Self::Ring,
        Self::Square,
        Self::Triangle,
        Self::Plus,
        Self::Saltire,
        Self::HorizontalStripes,
        Self::VerticalStripes,
        Self::DiagonalStripes,
        Self::Checkerboard,
    ];

    /// The name in `images.json`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Disc => "disc",
            Self::Ring => "ring",
            Self::Square => "square",
            Self::Triangle => "triangle",
            Self::Plus => "plus",
            Self::Saltire => "saltire",
            Self::HorizontalStripes => "horizontal stripes",
            Self::VerticalStripes => "vertical stripes",
            Self::DiagonalStripes => "diagonal stripes",
            Self::Checkerboard => "checkerboard",
        }
    }

    /// Positive inside the figure, negative outside.
    ///
    /// For a shape, `(u, v)` runs from −1 to 1 over its bounding square, `v` downwards. For a
    /// texture, the unit is the width of one stripe, and the figure repeats every two units.
    pub fn signed(self, u: f32, v: f32) -> f32 {
        let (along, across) = (u.abs(), v.abs());
        let radius = (u * u + v * v).sqrt();
        match self {
            Self::Disc => 1.0 - radius,
            Self::Ring => (1.0 - radius).min(radius - 0.55),
            Self::Square => 0.85 - along.max(across),
            Self::Triangle => (0.85 - v).min(0.55 * (1.0 + v) - along),
            Self::Plus => (0.3 - along.min(across)).min(1.0 - along.max(across)),
            Self::Saltire => (0.32 - (along - across).abs()).min(0.9 - along.max(across)),
            Self::HorizontalStripes => stripe(v),
            Self::VerticalStripes => stripe(u),
            Self::DiagonalStripes => stripe(u + v),
            Self::Checkerboard => stripe(u) * stripe(v),
        }
    }

    /// A random place and size on a grid of `size × size` pixels.
    pub(super) fn place(self, rng: &mut impl Rng, size: usize) -> Placed {
        // Half pixels throughout: they can hit the centre of a pixel and the edge between two.
        let size = i32::try_from(2 * size).expect("an image is at most 256 pixels a side");
        let scaled = |sixteenths: i32| (size * sixteenths + 16) / 32;
        let flip = if self == Self::DiagonalStripes && rng.random_bool(0.5) { -1 } else { 1 };
        let narrowest = match self {
            Self::HorizontalStripes | Self::VerticalStripes | Self::Checkerboard => 2,
            Self::DiagonalStripes => 3,
            shape => {
                let radius = rng.random_range(scaled(7)..=scaled(11));
                let beyond = scaled(1);
                let mut centre = || rng.random_range(radius - beyond..=size - radius + beyond);
                return Placed { class: shape, origin: [centre(), centre()], unit: radius, flip };
            }
        };
        // Whole pixels: every stripe of an image is equally wide.
        let width = rng.random_range(scaled(2 * narrowest) / 2..=scaled(8) / 2);
        let mut phase = || 2 * rng.random_range(0..2 * width);
        // The centres of pixels lie half a pixel off the edges of stripes; on a diagonal two such
        // halves would add up to a whole.
        let off_edge = i32::from(self == Self::DiagonalStripes);
        Placed { class: self, origin: [phase(), phase() + off_edge], unit: 2 * width, flip }
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
    /// −1 mirrors the plane.
    flip: i32,
}

impl Placed {
    /// Whether the centre of a pixel lies inside.
    pub(super) fn covers(&self, x: u32, y: u32) -> bool {
        let plane = |pixel: u32, origin| (2 * pixel as i32 + 1 - origin) as f32 / self.unit as f32;
        let (u, v) = (plane(x, self.origin[0]), plane(y, self.origin[1]));
        self.class.signed(u * self.flip as f32, v) > 0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A class as text, its unit square (or four stripes) on an 8 × 8 grid.
    fn picture(class: Class, unit: i32, origin: i32) -> String {
        let placed = Placed { class, origin: [origin; 2], unit, flip: 1 };
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
        let diagonal = picture(Class::DiagonalStripes, 4, 0);
        let rows: Vec<_> = diagonal.lines().collect();
        assert!((1..8).all(|y| rows[y][..7] == rows[y - 1][1..]));
    }

    #[test]
    fn the_sign_changes_at_the_edge() {
        for (class, u, v) in [
            (Class::Disc, 1.0, 0.0),
            (Class::Ring, 0.0, 0.55),
            (Class::Square, 0.85, 0.2),
            (Class::Triangle, 0.0, 0.85),
            (Class::Plus, 0.3, 0.6),
            (Class::Saltire, 0.62, 0.3),
            (Class::VerticalStripes, 1.0, 0.4),
        ] {
            let inside = class.signed(u, v);
            assert!(inside.abs() < 1e-5, "{class:?}: {inside}");
            assert!(class.signed(u * 0.98, v * 0.98) * class.signed(u * 1.02, v * 1.02) < 0.0, "{class:?}");
        }
    }
}
