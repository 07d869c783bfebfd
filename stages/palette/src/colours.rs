//! The distinct colours of a set of images, with how often each occurs.

use std::fmt;

/// Counts every one of the 2²⁴ RGB colours: 128 MiB of address space, of which only the pages
/// with colours in them become resident.
pub struct Histogram {
    counts: Vec<u64>,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { counts: vec![0; 1 << 24] }
    }
}

impl fmt::Debug for Histogram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Histogram").finish_non_exhaustive()
    }
}

impl Histogram {
    /// Counts pixels, given as RGB bytes. Bytes after the last whole pixel are left out.
    pub fn add(&mut self, pixels: &[u8]) {
        for rgb in pixels.as_chunks().0 {
            self.add_times(*rgb, 1);
        }
    }

    /// Counts one colour `times` times.
    pub fn add_times(&mut self, [r, g, b]: [u8; 3], times: u64) {
        self.counts[u32::from_be_bytes([0, r, g, b]) as usize] += times;
    }

    /// The colours that occur, in ascending RGB order.
    pub fn colours(&self) -> Colours {
        let mut colours = Colours::default();
        for (index, &count) in (0_u32..).zip(&self.counts).filter(|(_, count)| **count > 0) {
            let [_, r, g, b] = index.to_be_bytes();
            colours.push([r, g, b], count);
        }
        colours
    }
}

/// Distinct colours, each with its count, laid out for k-means: one array a channel.
#[derive(Clone, Debug, Default)]
pub struct Colours {
    rgb: Vec<[u8; 3]>,
    channels: [Vec<f32>; 3],
    // Counts, as floats because sums of distances are; exact below 2⁵³.
    weights: Vec<f64>,
    pixels: u64,
}

impl Colours {
    fn push(&mut self, rgb: [u8; 3], count: u64) {
        self.rgb.push(rgb);
        for (channel, value) in self.channels.iter_mut().zip(rgb) {
            channel.push(unit(value));
        }
        self.weights.push(count as f64);
        self.pixels += count;
    }

    /// The number of distinct colours.
    pub fn len(&self) -> usize {
        self.rgb.len()
    }

    /// Whether there are no colours.
    pub fn is_empty(&self) -> bool {
        self.rgb.is_empty()
    }

    /// The number of pixels: the sum of all counts.
    pub fn pixels(&self) -> u64 {
        self.pixels
    }

    /// The colours as bytes.
    pub fn rgb(&self) -> &[[u8; 3]] {
        &self.rgb
    }

    /// How often each colour occurs.
    pub fn counts(&self) -> impl ExactSizeIterator<Item = u64> {
        self.weights.iter().map(|&weight| weight as u64)
    }

    pub(crate) fn weights(&self) -> &[f64] {
        &self.weights
    }

    /// Red, green and blue of every colour, in [-1, 1].
    pub(crate) fn channels(&self) -> [&[f32]; 3] {
        self.channels.each_ref().map(Vec::as_slice)
    }

    /// The i-th colour in [-1, 1].
    pub(crate) fn point(&self, i: usize) -> [f32; 3] {
        self.rgb[i].map(unit)
    }
}

/// A byte in [-1, 1], as the published centres have it. Rounded once, like a centre, so that a
/// centre made of one colour lies exactly on it.
fn unit(value: u8) -> f32 {
    (f64::from(value) / 127.5 - 1.0) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_come_sorted_with_their_counts() {
        let mut histogram = Histogram::default();
        histogram.add(&[255, 0, 1, 0, 255, 1, 255, 0, 1]);
        histogram.add_times([0, 0, 0], 5);
        let colours = histogram.colours();
        assert_eq!(colours.rgb(), [[0, 0, 0], [0, 255, 1], [255, 0, 1]]);
        assert_eq!(colours.counts().collect::<Vec<_>>(), [5, 1, 2]);
        assert_eq!((colours.len(), colours.pixels()), (3, 8));
        assert_eq!(colours.point(2), [1.0, -1.0, (1.0_f64 / 127.5 - 1.0) as f32]);
        assert_eq!(colours.channels()[1], [-1.0, 1.0, -1.0]);
    }
}
