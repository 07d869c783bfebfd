//! The nearest palette colour of a pixel.

use std::fmt;
use std::sync::atomic::{AtomicU16, Ordering};

use igpt_artifact::table::palette::Palette;
use igpt_colour::{Bounds, Candidates, List, byte};
use rayon::prelude::*;

/// The number of RGB colours.
const ALL: usize = 1 << 24;

/// Side of the cubes that the table is filled by; each is cut into eight until one palette colour
/// is the nearest of all in it.
const CUBE: usize = 16;

/// Side of the smallest cubes, whose colours are looked at one by one.
const CELL: usize = 4;

/// Pixels in a unit of parallel work.
const CHUNK: usize = 1 << 14;

/// Finds the nearest palette colour by squared distance; of equally near ones the one with the
/// lowest index.
///
/// In steps of 1/255, a byte x is at 2x − 255 and a centre c at 255·c, which f64 holds exactly.
/// Their differences are exact too for centres that are 0 or at least 2⁻²⁰ in size; only squares
/// and their sums are rounded, to within 1e-15 of them.
///
/// The answers for all 2²⁴ colours are worked out at once, on all threads, and take 32 MiB: a
/// token is then a matter of reading it.
pub struct Lookup {
    tokens: Box<[u16; ALL]>,
}

/// The place of a colour in the table: by its differences, then by red. In photographs the channels
/// go together, and neighbours differ in brightness more than in hue: what is read lies close.
fn place([r, g, b]: [u8; 3]) -> usize {
    u32::from_be_bytes([0, b.wrapping_sub(g), g.wrapping_sub(r), r]) as usize
}

impl fmt::Debug for Lookup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lookup").finish_non_exhaustive()
    }
}

impl Lookup {
    /// The answers for a palette, which has at least one colour.
    pub fn new(palette: &Palette) -> Self {
        let centres = palette.centers();
        let exact: Vec<_> = centres.iter().map(|centre| centre.map(|c| 255.0 * f64::from(c))).collect();
        let (candidates, all) = Candidates::new(centres.iter().map(|centre| centre.map(|c| byte(c) as f32)));
        let tokens: Vec<_> = (0..ALL).into_par_iter().map(|_| AtomicU16::new(0)).collect();
        (0..256).into_par_iter().step_by(CUBE).for_each(|red| {
            let candidates = candidates.clone();
            Filler { exact: &exact, candidates, tokens: &tokens }.fill_slab(red, all);
        });
        let tokens: Vec<_> = tokens.into_iter().map(AtomicU16::into_inner).collect();
        let tokens = tokens.into_boxed_slice().try_into();
        Self { tokens: tokens.expect("a table of all colours was filled") }
    }

    /// The token of a pixel.
    #[inline]
    pub fn token(&self, rgb: [u8; 3]) -> u16 {
        self.tokens[place(rgb)]
    }

    /// The tokens of many pixels, on all threads.
    pub fn encode(&self, pixels: &[[u8; 3]]) -> Vec<u16> {
        let mut tokens = vec![0; pixels.len()];
        tokens.par_chunks_mut(CHUNK).zip(pixels.par_chunks(CHUNK)).for_each(|(tokens, pixels)| {
            for (token, &rgb) in tokens.iter_mut().zip(pixels) {
                *token = self.token(rgb);
            }
        });
        tokens
    }
}

/// Fills the table cube by cube. Cubes lie scattered in it, so threads share it; no two of them
/// write to the same place.
struct Filler<'a> {
    /// Centres in steps of 1/255.
    exact: &'a [[f64; 3]],
    candidates: Candidates,
    tokens: &'a [AtomicU16],
}

impl Filler<'_> {
    /// Fills all cubes that begin at this red.
    fn fill_slab(&mut self, red: usize, list: List) {
        let slab = Bounds { low: [red as u8, 0, 0], high: [(red + CUBE - 1) as u8, 255, 255] };
        let list = self.candidates.narrow(list, &slab);
        for green in (0..256).step_by(CUBE) {
            for blue in (0..256).step_by(CUBE) {
                self.fill([red, green, blue], CUBE, list);
            }
        }
    }

    /// Fills a cube from its lowest corner.
    fn fill(&mut self, corner: [usize; 3], side: usize, list: List) {
        let bounds = Bounds {
            low: corner.map(|value| value as u8),
            high: corner.map(|value| (value + side - 1) as u8),
        };
        let list = self.candidates.narrow(list, &bounds);
        if let Some(token) = self.candidates.only(list) {
            self.write(corner, side, |_| token as u16);
        } else if side > CELL {
            let half = side / 2;
            for octant in 0..8 {
                let at = |channel: usize| corner[channel] + half * (octant >> channel & 1);
                self.fill([0, 1, 2].map(at), half, list);
            }
        } else {
            let tokens = self.search(corner, list);
            self.write(corner, CELL, |[red, green, blue]| tokens[red][green][blue]);
        }
        self.candidates.drop_from(list);
    }

    /// Writes the tokens of a cube, diagonal by diagonal as they lie in the table; `token` is given
    /// places counted from the corner.
    fn write(&self, [r, g, b]: [usize; 3], side: usize, token: impl Fn([usize; 3]) -> u16) {
        // Where a diagonal enters the cube, and how far it goes there.
        for (green, blue) in (0..2 * side - 1).flat_map(|g| (0..2 * side - 1).map(move |b| (g, b))) {
            let (green, blue) = (green as isize - side as isize + 1, blue as isize - side as isize + 1);
            let first = 0.max(-green).max(-blue);
            let length = side as isize - first - 0.max(green).max(blue);
            for step in 0..length {
                let at = [first, first + green, first + blue].map(|value| (value + step) as usize);
                let rgb = [(r + at[0]) as u8, (g + at[1]) as u8, (b + at[2]) as u8];
                self.tokens[place(rgb)].store(token(at), Ordering::Relaxed);
            }
        }
    }

    /// The nearest centre of every colour in a cell: squares are taken once for each value of a
    /// channel, so that a colour and a centre are two sums and a comparison.
    fn search(&self, corner: [usize; 3], list: List) -> [[[u16; CELL]; CELL]; CELL] {
        let mut nearest = [[[0; CELL]; CELL]; CELL];
        let mut distance = [[[f64::INFINITY; CELL]; CELL]; CELL];
        for label in self.candidates.labels(list) {
            let mut squares = [[0.0; CELL]; 3];
            for ((squares, corner), centre) in squares.iter_mut().zip(corner).zip(self.exact[label]) {
                for (step, square) in squares.iter_mut().enumerate() {
                    let at = (2 * (corner + step)) as f64 - 255.0;
                    *square = (at - centre).powi(2);
                }
            }
            for red in 0..CELL {
                for green in 0..CELL {
                    let both = squares[0][red] + squares[1][green];
                    for blue in 0..CELL {
                        let found = both + squares[2][blue];
                        // Selections rather than a branch: this becomes a compare and two blends.
                        let closer = found < distance[red][green][blue];
                        let (nearest, distance) =
                            (&mut nearest[red][green][blue], &mut distance[red][green][blue]);
                        *nearest = if closer { label as u64 } else { *nearest };
                        *distance = if closer { found } else { *distance };
                    }
                }
            }
        }
        nearest.map(|greens| greens.map(|blues| blues.map(|label| label as u16)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use igpt_stage::Seed;
    use rand::Rng;

    /// The answer in whole numbers of 2⁻⁴⁰ of 1/255, which hold every centre that is tried here.
    fn brute_force(palette: &Palette, rgb: [u8; 3]) -> u16 {
        let mut best = (i128::MAX, 0);
        for (index, centre) in palette.centers().iter().enumerate() {
            let difference = |channel: usize| {
                let exact = 255.0 * f64::from(centre[channel]) * (1_u64 << 40) as f64;
                assert_eq!(exact.fract(), 0.0);
                (i128::from(2 * i32::from(rgb[channel]) - 255) << 40) - exact as i128
            };
            let distance = [0, 1, 2].map(difference).map(|d| d * d).iter().sum();
            if distance < best.0 {
                best = (distance, index as u16);
            }
        }
        best.1
    }

    /// Palettes of several kinds: anywhere, close together, grey, and on a grid with many ties.
    fn palette(rng: &mut impl Rng, kind: usize, k: usize) -> Palette {
        let near: [u8; 3] = rng.random();
        let mut centre = |_| match kind {
            0 => std::array::from_fn(|_| rng.random_range(-65536..=65536) as f32 / 65536.0),
            1 => near.map(|v| (f32::from(v) - 128.0 + rng.random_range(-9..=9) as f32 / 8.0) / 130.0),
            2 => [rng.random_range(-128..=128) as f32 / 128.0; 3],
            _ => std::array::from_fn(|_| rng.random_range(-2..=2) as f32 / 2.0),
        };
        let mut centres: Vec<[f32; 3]> = (0..k).map(&mut centre).collect();
        // Equal centres far apart in the list.
        centres[k - 1] = centres[k / 2];
        Palette::new(centres)
    }

    #[test]
    fn agrees_with_brute_force_in_whole_numbers() {
        let mut rng = Seed::new(1).rng();
        for (round, k) in [1, 2, 7, 8, 9, 100, 512, 3, 31, 64, 300, 512].into_iter().enumerate() {
            let palette = palette(&mut rng, round % 4, k);
            let lookup = Lookup::new(&palette);
            let mut pixels: Vec<[u8; 3]> = (0..3000).map(|_| rng.random()).collect();
            // Around the centres, where cells are mixed.
            pixels.extend((0..2000).map(|_| {
                let [r, g, b] = palette.rgb(rng.random_range(0..k) as u16);
                [r, g, b].map(|v| v.saturating_add(rng.random_range(0..9)).saturating_sub(4))
            }));
            let tokens = lookup.encode(&pixels);
            for (&rgb, &token) in pixels.iter().zip(&tokens) {
                assert_eq!(token, brute_force(&palette, rgb), "k {k}, {rgb:?}");
                assert_eq!(lookup.token(rgb), token);
            }
        }
    }

    #[test]
    fn of_equally_near_colours_the_first_is_taken() {
        let far = [[-1.0; 3]; 9];
        let near = [[-0.5, 0.5, 0.25], [0.5, 0.25, -0.5], [0.25, -0.5, 0.5]];
        let palette = Palette::new([&far[..], &near, &near].concat());
        let lookup = Lookup::new(&palette);
        assert_eq!(lookup.token([255; 3]), 9);
        assert_eq!(lookup.token([0; 3]), 0);
        let greys = Palette::new(vec![[0.5; 3]; 20]);
        assert_eq!(Lookup::new(&greys).token([128; 3]), 0);
    }

    #[test]
    fn threads_change_nothing() {
        let palette = palette(&mut Seed::new(2).rng(), 0, 40);
        let table = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let lookup = pool.install(|| Lookup::new(&palette));
            (0..1 << 16).map(|i: u32| lookup.token([i as u8, (i >> 8) as u8, i as u8])).collect::<Vec<_>>()
        };
        assert_eq!(table(1), table(3));
    }
}
