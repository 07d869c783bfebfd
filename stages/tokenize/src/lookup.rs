//! The nearest palette colour of a pixel.

use std::fmt;
use std::sync::atomic::{AtomicU16, Ordering};

use igpt_artifact::table::palette::Palette;

/// Centres that are compared at a time.
const LANES: usize = 8;

/// Marks a colour that has not been looked up yet; no palette is that large.
const UNKNOWN: u16 = u16::MAX;

/// Finds the nearest palette colour by squared distance in [-1, 1], where a byte x is
/// x / 127.5 − 1; of equally near ones the one with the lowest index.
///
/// Distances are f64, so the answer is that of exact arithmetic unless two centres tie to about
/// 1e-16. Each of the 2²⁴ colours is searched for once and then remembered, in 32 MiB. Threads may share
/// a look-up: what they remember is the same whoever searches first.
pub struct Lookup {
    // One array a channel, filled up to whole blocks with centres infinitely far away.
    centres: [Vec<f64>; 3],
    known: Vec<AtomicU16>,
}

impl fmt::Debug for Lookup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lookup").finish_non_exhaustive()
    }
}

impl Lookup {
    /// A look-up that knows nothing yet. The palette has at least one colour.
    pub fn new(palette: &Palette) -> Self {
        let centres = [0, 1, 2].map(|channel| {
            let mut values: Vec<_> = palette.centers().iter().map(|c| f64::from(c[channel])).collect();
            values.resize(values.len().next_multiple_of(LANES), f64::INFINITY);
            values
        });
        Self { centres, known: (0..1 << 24).map(|_| AtomicU16::new(UNKNOWN)).collect() }
    }

    /// The token of a pixel.
    pub fn token(&self, rgb: [u8; 3]) -> u16 {
        let [r, g, b] = rgb;
        let known = &self.known[u32::from_be_bytes([0, r, g, b]) as usize];
        match known.load(Ordering::Relaxed) {
            UNKNOWN => {
                let token = self.search(rgb);
                known.store(token, Ordering::Relaxed);
                token
            }
            token => token,
        }
    }

    fn search(&self, rgb: [u8; 3]) -> u16 {
        let [r, g, b] = rgb.map(|value| f64::from(value) / 127.5 - 1.0);
        let [rs, gs, bs] = self.centres.each_ref().map(|values| values.as_chunks::<LANES>().0);
        let mut nearest = [0_u64; LANES];
        let mut distance = [f64::INFINITY; LANES];
        for (block, ((rs, gs), bs)) in (0_u64..).zip(rs.iter().zip(gs).zip(bs)) {
            for lane in 0..LANES {
                let [r, g, b] = [r - rs[lane], g - gs[lane], b - bs[lane]];
                let found = r * r + g * g + b * b;
                // Selections rather than a branch: this becomes a compare and two blends.
                let closer = found < distance[lane];
                nearest[lane] = if closer { block } else { nearest[lane] };
                distance[lane] = if closer { found } else { distance[lane] };
            }
        }
        let mut best = (f64::INFINITY, u64::MAX);
        for lane in 0..LANES {
            let index = nearest[lane] * LANES as u64 + lane as u64;
            if distance[lane] < best.0 || (distance[lane] == best.0 && index < best.1) {
                best = (distance[lane], index);
            }
        }
        best.1 as u16
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use igpt_stage::Seed;
    use rand::Rng;

    fn brute_force(palette: &Palette, rgb: [u8; 3]) -> u16 {
        let mut best = (f64::INFINITY, 0);
        for (index, centre) in palette.centers().iter().enumerate() {
            let distance: f64 = rgb
                .iter()
                .zip(centre)
                .map(|(&x, &c)| (f64::from(x) / 127.5 - 1.0 - f64::from(c)).powi(2))
                .sum();
            if distance < best.0 {
                best = (distance, index as u16);
            }
        }
        best.1
    }

    #[test]
    fn agrees_with_brute_force() {
        let mut rng = Seed::new(1).rng();
        for k in [1, 2, 7, 8, 9, 100, 512] {
            let mut centres: Vec<[f32; 3]> =
                (0..k).map(|_| std::array::from_fn(|_| rng.random_range(-1.0..=1.0))).collect();
            // Equal centres far apart in the list.
            centres[k - 1] = centres[k / 2];
            let palette = Palette::new(centres);
            let lookup = Lookup::new(&palette);
            for _ in 0..5000 {
                let rgb = rng.random();
                let token = lookup.token(rgb);
                assert_eq!(token, brute_force(&palette, rgb), "k {k}, {rgb:?}");
                assert_eq!(lookup.token(rgb), token);
            }
        }
    }

    #[test]
    fn of_equally_near_colours_the_first_is_taken() {
        // Distances from white are exact here, and equal for every permutation.
        let far = [[-1.0; 3]; 9];
        let near = [[-0.5, 0.5, 0.25], [0.5, 0.25, -0.5], [0.25, -0.5, 0.5]];
        let palette = Palette::new([&far[..], &near, &near].concat());
        let lookup = Lookup::new(&palette);
        assert_eq!(lookup.token([255; 3]), 9);
        assert_eq!(lookup.token([0; 3]), 0);
        // Ties within a lane, and over lanes in the order opposite to the lanes'.
        for (places, first) in [(&[3, 11, 19][..], 3), (&[7, 8], 7), (&[15, 16, 9], 9)] {
            let mut centres = vec![[-1.0; 3]; 24];
            places.iter().zip(near).for_each(|(&place, centre)| centres[place] = centre);
            assert_eq!(Lookup::new(&Palette::new(centres)).token([255; 3]), first);
        }
        let greys = Palette::new(vec![[0.5; 3]; 20]);
        assert_eq!(Lookup::new(&greys).token([128; 3]), 0);
    }
}
