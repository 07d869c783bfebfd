//! Boxes of colours.

/// The smallest and the largest value of each channel, both inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// The smallest red, green and blue.
    pub low: [u8; 3],
    /// The largest red, green and blue.
    pub high: [u8; 3],
}

impl Bounds {
    /// The whole cube of colours.
    pub const ALL: Self = Self { low: [0; 3], high: [255; 3] };

    /// No colour at all: what [`Bounds::with`] starts from.
    pub const NONE: Self = Self { low: [255; 3], high: [0; 3] };

    /// The smallest box with these and one more colour.
    #[must_use]
    pub fn with(mut self, rgb: [u8; 3]) -> Self {
        for ((low, high), value) in self.low.iter_mut().zip(&mut self.high).zip(rgb) {
            *low = value.min(*low);
            *high = value.max(*high);
        }
        self
    }

    /// The channel along which the box is longest; of several the first.
    pub fn longest(&self) -> usize {
        let side = |channel: usize| self.high[channel].saturating_sub(self.low[channel]);
        (1..3).fold(0, |longest, channel| if side(channel) > side(longest) { channel } else { longest })
    }

    /// The squared distance of a colour from the nearest place in the box: 0 inside.
    pub fn squared_distance(&self, rgb: [u8; 3]) -> u32 {
        let outside = |channel: usize| {
            let (value, low, high) = (rgb[channel], self.low[channel], self.high[channel]);
            u32::from(low.saturating_sub(value).max(value.saturating_sub(high)))
        };
        [0, 1, 2].map(outside).map(|side| side * side).iter().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_grow_and_measure() {
        let bounds = [[9, 4, 200], [7, 30, 210]].into_iter().fold(Bounds::NONE, Bounds::with);
        assert_eq!(bounds, Bounds { low: [7, 4, 200], high: [9, 30, 210] });
        assert_eq!(bounds.longest(), 1);
        assert_eq!(Bounds::ALL.longest(), 0);
        assert_eq!(bounds.squared_distance([8, 4, 205]), 0);
        assert_eq!(bounds.squared_distance([5, 33, 255]), 4 + 9 + 45 * 45);
        assert_eq!(Bounds::ALL.squared_distance([255, 0, 3]), 0);
    }
}
