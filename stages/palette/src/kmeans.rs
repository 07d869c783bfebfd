//! Weighted k-means: Lloyd's algorithm from several k-means++ starts.

use igpt_stage::{Progress, Seed, Task};
use rayon::prelude::*;

use crate::nearest::{CHUNK, Nearest};
use crate::seeding::plus_plus;
use crate::{Colours, Error, PaletteParams, Result};

/// The best of all restarts.
#[derive(Clone, Debug, PartialEq)]
pub struct Clustering {
    /// k centres, each value in [-1, 1], from dark to light.
    pub centres: Vec<[f32; 3]>,
    /// The mean over pixels of the squared distance to the nearest centre, in [-1, 1] units.
    pub inertia: f64,
    /// Lloyd iterations of the restart that was kept.
    pub iterations: usize,
    /// The restart that was kept, from 0.
    pub restart: usize,
}

/// Finds `params.k` centres for the colours, each weighted with its count.
///
/// # Errors
/// [`Error::TooFewColours`] if there are fewer than k.
pub fn fit(
    colours: &Colours,
    params: &PaletteParams,
    seed: Seed,
    progress: &dyn Progress,
) -> Result<Clustering> {
    let &PaletteParams { k, restarts, iterations, .. } = params;
    if colours.len() < k {
        return Err(Error::TooFewColours { k, colours: colours.len() });
    }
    let task = Task::begin(progress, "k-means", (restarts * iterations) as u64, "iterations");
    let mut best: Option<Clustering> = None;
    for restart in 0..restarts {
        let start = plus_plus(colours, k, &mut seed.nth(restart as u64).rng());
        let mut run = lloyd(colours, start, params, &task);
        run.restart = restart;
        task.advance((iterations - run.iterations) as u64);
        progress.log(&format!(
            "k-means restart {} of {restarts}: inertia {:.6} after {} iterations",
            restart + 1,
            run.inertia,
            run.iterations
        ));
        if best.as_ref().is_none_or(|best| run.inertia < best.inertia) {
            best = Some(run);
        }
    }
    let mut best = best.expect("parameters are checked: there is at least one restart");
    best.centres.sort_by(|a, b| luminance(a).total_cmp(&luminance(b)).then_with(|| compare(a, b)));
    Ok(best)
}

fn lloyd(
    colours: &Colours,
    mut centres: Vec<[f32; 3]>,
    params: &PaletteParams,
    task: &Task<'_>,
) -> Clustering {
    let mut nearest = Nearest::of(colours, &centres);
    let mut inertia = nearest.inertia(colours);
    let mut iterations = 0;
    let mut settled = false;
    while iterations < params.iterations && !settled {
        let reseeded = update(colours, &nearest, &mut centres);
        nearest.update(colours, &centres);
        let before = std::mem::replace(&mut inertia, nearest.inertia(colours));
        settled = !reseeded && before - inertia <= params.tolerance * before;
        iterations += 1;
        task.advance(1);
        task.note(&format!("inertia {:.6}", inertia / colours.pixels() as f64));
    }
    Clustering { centres, inertia: inertia / colours.pixels() as f64, iterations, restart: 0 }
}

/// Moves every centre to the mean of its pixels, and a centre without pixels to a colour that is
/// served worst. Returns whether there was one of the latter.
fn update(colours: &Colours, nearest: &Nearest, centres: &mut [[f32; 3]]) -> bool {
    let mut empty = Vec::new();
    let sums = sums(colours, nearest, centres.len());
    for (label, (centre, sum)) in centres.iter_mut().zip(sums).enumerate() {
        match sum.pixels {
            0 => empty.push(label),
            pixels => *centre = sum.rgb.map(|sum| (sum as f64 / pixels as f64 / 127.5 - 1.0) as f32),
        }
    }
    for (&label, colour) in empty.iter().zip(worst_served(colours, nearest, empty.len())) {
        centres[label] = colours.point(colour);
    }
    !empty.is_empty()
}

/// The pixels of one cluster. The sums are integers, so they are exact in whatever order they
/// are added.
#[derive(Clone, Copy, Default)]
struct Sum {
    rgb: [u64; 3],
    pixels: u64,
}

impl Sum {
    fn add(&mut self, rgb: [u64; 3], pixels: u64) {
        self.rgb.iter_mut().zip(rgb).for_each(|(sum, value)| *sum += value);
        self.pixels += pixels;
    }
}

fn sums(colours: &Colours, nearest: &Nearest, k: usize) -> Vec<Sum> {
    let labels = nearest.labels.par_chunks(CHUNK);
    let colours = colours.rgb().par_chunks(CHUNK).zip(colours.weights().par_chunks(CHUNK));
    labels
        .zip(colours)
        .fold(
            || vec![Sum::default(); k],
            |mut sums, (labels, (rgb, weights))| {
                for ((&label, rgb), &weight) in labels.iter().zip(rgb).zip(weights) {
                    let count = weight as u64;
                    sums[usize::from(label)].add(rgb.map(|value| u64::from(value) * count), count);
                }
                sums
            },
        )
        .reduce(
            || vec![Sum::default(); k],
            |mut a, b| {
                a.iter_mut().zip(b).for_each(|(a, b)| a.add(b.rgb, b.pixels));
                a
            },
        )
}

/// The `n` colours that add most to the inertia. With at least k colours and n empty clusters
/// there are always n that add something: the other k − n centres are exact for as many at most.
fn worst_served(colours: &Colours, nearest: &Nearest, n: usize) -> Vec<usize> {
    if n == 0 {
        return Vec::new();
    }
    let cost = |i: usize| f64::from(nearest.distances[i]) * colours.weights()[i];
    let worst_first = |&a: &usize, &b: &usize| cost(b).total_cmp(&cost(a)).then(a.cmp(&b));
    let mut order: Vec<_> = (0..colours.len()).collect();
    order.select_nth_unstable_by(n - 1, worst_first);
    order.truncate(n);
    order.sort_unstable_by(worst_first);
    order
}

/// Luma of Rec. 601, which suits gamma-encoded values such as these.
fn luminance(&[r, g, b]: &[f32; 3]) -> f64 {
    0.299 * f64::from(r) + 0.587 * f64::from(g) + 0.114 * f64::from(b)
}

fn compare(a: &[f32; 3], b: &[f32; 3]) -> std::cmp::Ordering {
    a.iter()
        .zip(b)
        .map(|(a, b)| a.total_cmp(b))
        .find(|order| order.is_ne())
        .unwrap_or(std::cmp::Ordering::Equal)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Histogram;
    use igpt_stage::Silent;

    fn params(k: usize) -> PaletteParams {
        PaletteParams { k, ..Default::default() }
    }

    fn scattered(n: u32) -> Colours {
        let mut histogram = Histogram::default();
        for i in 0..n {
            let [_, r, g, b] = i.wrapping_mul(2_654_435_761).to_be_bytes();
            histogram.add_times([r, g, b], u64::from(i % 7 + 1));
        }
        histogram.colours()
    }

    #[test]
    fn clusters_that_lie_apart_are_found_at_their_weighted_means() {
        let mut histogram = Histogram::default();
        for (rgb, times) in [([0, 0, 0], 3), ([4, 0, 0], 1), ([250, 250, 250], 1), ([0, 200, 0], 9)] {
            histogram.add_times(rgb, times);
        }
        let found = fit(&histogram.colours(), &params(3), Seed::new(0), &Silent).unwrap();
        // Dark to light; (3·0 + 1·4) / 4 = 1.
        let unit = |v: f64| (v / 127.5 - 1.0) as f32;
        assert_eq!(found.centres, [[1.0, 0.0, 0.0], [0.0, 200.0, 0.0], [250.0; 3]].map(|rgb| rgb.map(unit)));
        // 3 pixels are off by 1 and one by 3, of 14.
        let inertia = (3.0 + 9.0) / 14.0 / (127.5 * 127.5);
        assert!((found.inertia / inertia - 1.0).abs() < 1e-5, "{} {inertia}", found.inertia);
    }

    #[test]
    fn as_many_centres_as_colours_lose_nothing() {
        let colours = scattered(100);
        let found = fit(&colours, &params(100), Seed::new(0), &Silent).unwrap();
        assert_eq!(found.inertia, 0.0);
    }

    #[test]
    fn more_centres_than_colours_are_refused() {
        let error = fit(&scattered(7), &params(8), Seed::new(0), &Silent).unwrap_err();
        assert_eq!(error.to_string(), "k is 8, but the training images have only 7 distinct colours");
    }

    #[test]
    fn threads_change_nothing() {
        let colours = scattered(5 * CHUNK as u32 + 3);
        let run = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let params = PaletteParams { k: 12, restarts: 2, iterations: 20, tolerance: 0.0 };
            pool.install(|| fit(&colours, &params, Seed::new(3), &Silent).unwrap())
        };
        let one = run(1);
        assert_eq!(one, run(2));
        assert_eq!(one, run(5));
    }

    #[test]
    fn iterations_lower_the_inertia_and_restarts_keep_the_best() {
        let colours = scattered(3000);
        let inertia = |iterations, restarts| {
            let params = PaletteParams { k: 16, iterations, restarts, tolerance: 0.0 };
            fit(&colours, &params, Seed::new(5), &Silent).unwrap().inertia
        };
        assert!(inertia(1, 1) > inertia(5, 1));
        assert!(inertia(5, 1) > inertia(50, 1));
        let eight: Vec<_> = (1..=8).map(|restarts| inertia(10, restarts)).collect();
        assert!(eight.is_sorted_by(|a, b| a >= b));
        assert!(eight[0] > eight[7]);
    }

    #[test]
    fn a_centre_without_pixels_goes_where_most_is_lost() {
        let mut histogram = Histogram::default();
        for (rgb, times) in [([0, 0, 0], 10), ([20, 0, 0], 10), ([90, 0, 0], 1), ([255, 255, 255], 1)] {
            histogram.add_times(rgb, times);
        }
        let colours = histogram.colours();
        // Both last centres are too far from everything.
        let mut centres = vec![[-1.0; 3], [50.0; 3], [60.0; 3]];
        let nearest = Nearest::of(&colours, &centres);
        assert!(update(&colours, &nearest, &mut centres));
        assert_eq!(centres[1], [1.0; 3]);
        assert_eq!(centres[2], colours.point(2));
        let found = lloyd(
            &colours,
            vec![[-1.0; 3], [50.0; 3], [60.0; 3]],
            &params(3),
            &Task::begin(&Silent, "", 0, ""),
        );
        assert!(Nearest::of(&colours, &found.centres).labels.contains(&1));
        assert!(found.centres.iter().all(|c| c.iter().all(|v| (-1.0..=1.0).contains(v))));
    }
}
