//! The nearest palette colour of a pixel.

use std::fmt;

use igpt_artifact::table::palette::Palette;
use igpt_colour::{Bounds, Candidates, List, byte};
use rayon::prelude::*;

/// Side of the cubes of colours that are looked up together.
const CELL: usize = 4;

/// Colours in a cell.
const PLACES: usize = CELL * CELL * CELL;

/// Cells along a side of the cube of all colours.
const SIDE: usize = 256 / CELL;

/// Side of the cubes, in cells, by which the table is filled; each is cut into eight until one
/// palette colour is the nearest of all in it.
const CUBE: usize = 4;

/// Pixels in a unit of parallel work.
const CHUNK: usize = 1 << 14;

/// In place of a token: the cell has more palette colours than it can name.
const CROWDED: u16 = u16::MAX;

/// Finds the nearest palette colour by squared distance; of equally near ones the one with the
/// lowest index.
///
/// In steps of 1/255, a byte x is at 2x − 255 and a centre c at 255·c, which f64 holds exactly.
/// Their differences are exact too for centres that are 0 or at least 2⁻²⁰ in size; only squares
/// and their sums are rounded, to within 1e-15 of them.
///
/// The answers for all 2²⁴ colours are worked out at once, on all threads. What limits looking
/// them up is memory, so they are packed: 6 MiB, of which the colours of photographs use little
/// more than what processors keep close.
pub struct Lookup {
    cells: Vec<Cell>,
    /// The tokens of every colour of a crowded cell.
    crowded: Vec<[u16; PLACES]>,
}

/// The tokens in a cell, and two bits for each colour that choose among them. A crowded cell has
/// [`CROWDED`] and its place in the list of these, low half first.
#[derive(Clone, Copy, Default)]
struct Cell {
    tokens: [u16; 4],
    codes: [u64; 2],
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
        let mut cells = vec![Cell::default(); SIDE * SIDE * SIDE];
        let slabs = cells.par_chunks_exact_mut(CUBE * SIDE * SIDE).enumerate();
        let crowded: Vec<_> = slabs
            .map(|(slab, cells)| {
                let candidates = candidates.clone();
                let mut filler =
                    Filler { exact: &exact, candidates, first: slab * CUBE, cells, crowded: Vec::new() };
                filler.fill_all(all);
                filler.crowded
            })
            .collect();
        let mut lookup = Self { cells, crowded: Vec::new() };
        for (cell, tokens) in crowded.into_iter().flatten() {
            let place = lookup.crowded.len() as u32;
            lookup.cells[cell].tokens = [CROWDED, place as u16, (place >> 16) as u16, 0];
            lookup.crowded.push(tokens);
        }
        lookup
    }

    /// The token of a pixel.
    #[inline]
    pub fn token(&self, [r, g, b]: [u8; 3]) -> u16 {
        let rgb = u32::from_be_bytes([0, r, g, b]);
        // The upper six bits of each channel, then the lower two.
        let cell = (rgb >> 2 & 0x3f | rgb >> 4 & 0xfc0 | rgb >> 6 & 0x3f000) as usize;
        let place = rgb & 0x3 | rgb >> 6 & 0xc | rgb >> 12 & 0x30;
        let Cell { tokens, codes } = &self.cells[cell];
        let code = codes[place as usize / 32] >> (2 * (place % 32)) & 3;
        match tokens[code as usize] {
            CROWDED => self.crowded[usize::from(tokens[1]) | usize::from(tokens[2]) << 16][place as usize],
            token => token,
        }
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

impl Cell {
    /// The cell with these tokens, unless it would be crowded.
    fn pack(all: &[u16; PLACES]) -> Option<Self> {
        let mut cell = Self::default();
        let mut known = 0;
        for (place, &token) in all.iter().enumerate() {
            let code = match cell.tokens[..known].iter().position(|&other| other == token) {
                Some(code) => code,
                None => {
                    *cell.tokens.get_mut(known)? = token;
                    known += 1;
                    known - 1
                }
            };
            cell.codes[place / 32] |= (code as u64) << (2 * (place % 32));
        }
        Some(cell)
    }
}

/// Fills the cells of some reds.
struct Filler<'a> {
    /// Centres in steps of 1/255.
    exact: &'a [[f64; 3]],
    candidates: Candidates,
    /// The first red, in cells.
    first: usize,
    cells: &'a mut [Cell],
    /// Crowded cells with their tokens.
    crowded: Vec<(usize, [u16; PLACES])>,
}

impl Filler<'_> {
    fn fill_all(&mut self, list: List) {
        let (low, high) = (self.first * CELL, (self.first + CUBE) * CELL - 1);
        let slab = Bounds { low: [low as u8, 0, 0], high: [high as u8, 255, 255] };
        let list = self.candidates.narrow(list, &slab);
        for green in (0..SIDE).step_by(CUBE) {
            for blue in (0..SIDE).step_by(CUBE) {
                self.fill([self.first, green, blue], CUBE, list);
            }
        }
    }

    /// Fills a cube of cells from its lowest corner.
    fn fill(&mut self, corner: [usize; 3], side: usize, list: List) {
        let bounds = Bounds {
            low: corner.map(|place| (place * CELL) as u8),
            high: corner.map(|place| ((place + side) * CELL - 1) as u8),
        };
        let list = self.candidates.narrow(list, &bounds);
        let [red, green, blue] = corner;
        if let Some(token) = self.candidates.only(list) {
            let cell = Cell { tokens: [token as u16, 0, 0, 0], codes: [0; 2] };
            for row in (red..red + side).flat_map(|red| (green..green + side).map(move |green| [red, green]))
            {
                let start = (row[0] - self.first) * SIDE * SIDE + row[1] * SIDE + blue;
                self.cells[start..start + side].fill(cell);
            }
        } else if side > 1 {
            let half = side / 2;
            for octant in 0..8 {
                let place = |channel: usize| corner[channel] + half * (octant >> channel & 1);
                self.fill([0, 1, 2].map(place), half, list);
            }
        } else {
            let tokens = self.search(corner, list);
            let at = (red - self.first) * SIDE * SIDE + green * SIDE + blue;
            match Cell::pack(&tokens) {
                Some(cell) => self.cells[at] = cell,
                None => self.crowded.push((self.first * SIDE * SIDE + at, tokens)),
            }
        }
        self.candidates.drop_from(list);
    }

    /// The nearest centre of every colour in a cell: squares are taken once for each value of a
    /// channel, so that a colour and a centre are two sums and a comparison.
    fn search(&self, corner: [usize; 3], list: List) -> [u16; PLACES] {
        let mut nearest = [[[0; CELL]; CELL]; CELL];
        let mut distance = [[[f64::INFINITY; CELL]; CELL]; CELL];
        for label in self.candidates.labels(list) {
            let mut squares = [[0.0; CELL]; 3];
            for ((squares, corner), centre) in squares.iter_mut().zip(corner).zip(self.exact[label]) {
                for (step, square) in squares.iter_mut().enumerate() {
                    let at = (2 * (corner * CELL + step)) as f64 - 255.0;
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
        let mut tokens = [0; PLACES];
        for (token, label) in tokens.iter_mut().zip(nearest.as_flattened().as_flattened()) {
            *token = *label as u16;
        }
        tokens
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
