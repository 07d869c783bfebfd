//! Where k-means starts: greedy k-means++.
//!
//! Arthur and Vassilvitskii, "k-means++: The Advantages of Careful Seeding" (2007): each centre
//! is a pixel drawn with probability proportional to its squared distance from the centres so
//! far. The greedy variant, also named there, draws a few and keeps the one that lowers the
//! inertia most.

use rand::Rng;
use rayon::prelude::*;

use crate::Colours;
use crate::nearest::{CHUNK, squared};

/// Sums that run side by side, so that they vectorise without changing from run to run.
const LANES: usize = 8;

/// Draws `k` different colours as centres. There have to be at least `k` colours.
pub(crate) fn plus_plus(colours: &Colours, k: usize, rng: &mut impl Rng) -> Vec<[f32; 3]> {
    let trials = 2 + (k as f64).ln() as usize;
    let weights = colours.weights();
    let first = colours.point(draw(weights, &chunk_sums(weights), rng.random()));
    let mut centres = vec![first];
    let mut distances = vec![f32::INFINITY; colours.len()];
    let mut masses = vec![0.0; colours.len()];
    approach(colours, first, &mut distances, &mut masses);
    while centres.len() < k {
        let sums = chunk_sums(&masses);
        let candidates: Vec<_> =
            (0..trials).map(|_| colours.point(draw(&masses, &sums, rng.random()))).collect();
        let inertias = inertias_with(colours, &distances, &candidates);
        let (best, _) = candidates
            .iter()
            .zip(&inertias)
            .min_by(|a, b| a.1.total_cmp(b.1))
            .expect("there are at least two trials");
        approach(colours, *best, &mut distances, &mut masses);
        centres.push(*best);
    }
    centres
}

/// Takes a new centre into account: the squared distance of each colour to its nearest centre,
/// and that times its weight.
fn approach(colours: &Colours, centre: [f32; 3], distances: &mut [f32], masses: &mut [f64]) {
    let [r, g, b] = colours.channels();
    let weights = colours.weights();
    distances.par_chunks_mut(CHUNK).zip(masses.par_chunks_mut(CHUNK)).enumerate().for_each(
        |(chunk, (distances, masses))| {
            let start = chunk * CHUNK;
            for (offset, (distance, mass)) in distances.iter_mut().zip(masses).enumerate() {
                let i = start + offset;
                *distance = distance.min(squared([r[i], g[i], b[i]], centre));
                *mass = f64::from(*distance) * weights[i];
            }
        },
    );
}

/// What the inertia would be with each of the candidates as a further centre.
fn inertias_with(colours: &Colours, distances: &[f32], candidates: &[[f32; 3]]) -> Vec<f64> {
    let chunks: Vec<Vec<f64>> = distances
        .par_chunks(CHUNK)
        .enumerate()
        .map(|(chunk, distances)| {
            let range = chunk * CHUNK..chunk * CHUNK + distances.len();
            let channels = colours.channels().map(|channel| &channel[range.clone()]);
            let weights = &colours.weights()[range];
            candidates.iter().map(|&centre| inertia_with(channels, weights, distances, centre)).collect()
        })
        .collect();
    (0..candidates.len()).map(|i| chunks.iter().map(|chunk| chunk[i]).sum()).collect()
}

fn inertia_with([r, g, b]: [&[f32]; 3], weights: &[f64], distances: &[f32], centre: [f32; 3]) -> f64 {
    let mut lanes = [0.0; LANES];
    let (r_blocks, r_rest) = r.as_chunks::<LANES>();
    let (g_blocks, g_rest) = g.as_chunks::<LANES>();
    let (b_blocks, b_rest) = b.as_chunks::<LANES>();
    let (weight_blocks, weight_rest) = weights.as_chunks::<LANES>();
    let (distance_blocks, distance_rest) = distances.as_chunks::<LANES>();
    let term = |r, g, b, weight: f64, distance: f32| {
        let found = squared([r, g, b], centre);
        weight * f64::from(if found < distance { found } else { distance })
    };
    let blocks = r_blocks.iter().zip(g_blocks).zip(b_blocks).zip(weight_blocks).zip(distance_blocks);
    for ((((r, g), b), weight), distance) in blocks {
        for lane in 0..LANES {
            lanes[lane] += term(r[lane], g[lane], b[lane], weight[lane], distance[lane]);
        }
    }
    let rest = r_rest.iter().zip(g_rest).zip(b_rest).zip(weight_rest).zip(distance_rest);
    let rest: f64 = rest.map(|((((&r, &g), &b), &weight), &distance)| term(r, g, b, weight, distance)).sum();
    lanes.iter().sum::<f64>() + rest
}

fn chunk_sums(masses: &[f64]) -> Vec<f64> {
    masses.par_chunks(CHUNK).map(|chunk| chunk.iter().sum()).collect()
}

/// The index at which a share `u`, in 0..1, of the whole mass lies before. It always has mass
/// itself, whatever rounding does, if anything has.
fn draw(masses: &[f64], sums: &[f64], u: f64) -> usize {
    let (chunk, left) = find(sums, u * sums.iter().sum::<f64>());
    let start = chunk * CHUNK;
    let (offset, _) = find(&masses[start..masses.len().min(start + CHUNK)], left);
    start + offset
}

fn find(masses: &[f64], mut left: f64) -> (usize, f64) {
    let mut found = (0, left);
    for (i, &mass) in masses.iter().enumerate().filter(|(_, mass)| **mass > 0.0) {
        found = (i, left);
        if left < mass {
            break;
        }
        left -= mass;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Histogram;
    use igpt_stage::Seed;

    fn colours(n: u32) -> Colours {
        let mut histogram = Histogram::default();
        for i in 0..n {
            let [_, r, g, b] = i.wrapping_mul(2_654_435_761).to_be_bytes();
            histogram.add_times([r, g, b], u64::from(i % 7 + 1));
        }
        histogram.colours()
    }

    #[test]
    fn all_colours_are_drawn_when_there_are_no_more() {
        let colours = colours(20);
        let mut centres = plus_plus(&colours, colours.len(), &mut Seed::new(1).rng());
        centres.sort_by(|a, b| a.partial_cmp(b).unwrap());
        let mut wanted: Vec<_> = (0..colours.len()).map(|i| colours.point(i)).collect();
        wanted.sort_by(|a, b| a.partial_cmp(b).unwrap());
        assert_eq!(centres, wanted);
    }

    #[test]
    fn draws_follow_the_masses_and_skip_what_has_none() {
        let masses = [0.0, 1.0, 0.0, 3.0, 0.0];
        let sums = chunk_sums(&masses);
        let drawn: Vec<_> = [0.0, 0.24, 0.26, 0.99, 1.0].map(|u| draw(&masses, &sums, u)).into();
        assert_eq!(drawn, [1, 1, 3, 3, 3]);
        // Over chunks.
        let mut masses = vec![0.0; 2 * CHUNK + 3];
        (masses[5], masses[CHUNK + 1], masses[2 * CHUNK + 2]) = (1.0, 1.0, 2.0);
        let sums = chunk_sums(&masses);
        let drawn: Vec<_> = [0.1, 0.3, 0.5, 0.9].map(|u| draw(&masses, &sums, u)).into();
        assert_eq!(drawn, [5, CHUNK + 1, 2 * CHUNK + 2, 2 * CHUNK + 2]);
    }

    #[test]
    fn candidates_are_judged_by_the_inertia_they_leave() {
        let colours = colours(CHUNK as u32 + 101);
        let centres = [3, 500].map(|i| colours.point(i));
        let mut distances = vec![f32::INFINITY; colours.len()];
        let mut masses = vec![0.0; colours.len()];
        approach(&colours, centres[0], &mut distances, &mut masses);
        let left = inertias_with(&colours, &distances, &centres);
        let sum = |centres: &[[f32; 3]]| -> f64 {
            let nearest =
                |i| centres.iter().map(|&c| squared(colours.point(i), c)).fold(f32::INFINITY, f32::min);
            colours.weights().iter().enumerate().map(|(i, w)| w * f64::from(nearest(i))).sum()
        };
        for (left, wanted) in left.into_iter().zip([sum(&centres[..1]), sum(&centres)]) {
            assert!((left / wanted - 1.0).abs() < 1e-12, "{left} {wanted}");
        }
    }
}
