//! Weighted k-means: Lloyd's algorithm from several k-means++ starts.

use igpt_colour::{byte, unit};
use igpt_stage::{Progress, Seed, Task};

use crate::assign::Assignment;
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
        let start = plus_plus(colours, k, seed.nth(restart as u64));
        let mut run =
            lloyd(colours, start.into_iter().map(|rgb| rgb.map(f64::from)).collect(), params, &task);
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

/// One run of Lloyd's algorithm from given centres, in [-1, 1], which keep their order.
/// `params.k` and `params.restarts` are not looked at.
pub fn refine(
    colours: &Colours,
    start: &[[f32; 3]],
    params: &PaletteParams,
    progress: &dyn Progress,
) -> Clustering {
    let task = Task::begin(progress, "k-means", params.iterations as u64, "iterations");
    lloyd(colours, start.iter().map(|centre| centre.map(byte)).collect(), params, &task)
}

/// Centres are in units of a byte here. Costs are those of the means themselves; that colours are
/// compared with means rounded to f32, and that a palette keeps them so, changes costs by about 1e-8.
fn lloyd(
    colours: &Colours,
    mut centres: Vec<[f64; 3]>,
    params: &PaletteParams,
    task: &Task<'_>,
) -> Clustering {
    // From a sum over pixels in bytes to a mean in [-1, 1] units.
    let inertia_of = |cost: f64| cost / colours.pixels() as f64 / (127.5 * 127.5);
    let mut assignment = Assignment::new(colours.tree(), &centres);
    let mut cost = assignment.cost(&centres);
    let mut iterations = 0;
    let mut settled = false;
    while iterations < params.iterations && !settled {
        let reseeded = update(&assignment, &mut centres);
        assignment.update(&centres);
        let before = std::mem::replace(&mut cost, assignment.cost(&centres));
        settled = !reseeded && before - cost <= params.tolerance * before;
        iterations += 1;
        task.advance(1);
        task.note(&format!("inertia {:.6}", inertia_of(cost)));
    }
    let centres = centres.into_iter().map(|centre| centre.map(unit)).collect();
    Clustering { centres, inertia: inertia_of(cost), iterations, restart: 0 }
}

/// Moves every centre to the mean of its pixels, and a centre without pixels to a colour that is
/// served worst. Returns whether there was one of the latter.
fn update(assignment: &Assignment<'_>, centres: &mut [[f64; 3]]) -> bool {
    let empty: Vec<_> =
        assignment.sums().iter().enumerate().filter(|(_, sum)| sum.pixels == 0).map(|(i, _)| i).collect();
    let worst = worst_served(assignment, centres, empty.len());
    for (centre, sum) in centres.iter_mut().zip(assignment.sums()).filter(|(_, sum)| sum.pixels > 0) {
        *centre = sum.mean();
    }
    for (&label, rgb) in empty.iter().zip(worst) {
        centres[label] = rgb.map(f64::from);
    }
    !empty.is_empty()
}

/// The `n` colours that add most to the inertia. With at least k colours and n empty clusters
/// there are always n that add something: the other k − n centres are exact for as many at most.
fn worst_served(assignment: &Assignment<'_>, centres: &[[f64; 3]], n: usize) -> Vec<[u8; 3]> {
    if n == 0 {
        return Vec::new();
    }
    let cost = |(rgb, count, label): ([u8; 3], u64, usize)| {
        let squared = |channel: usize| (f64::from(rgb[channel]) - centres[label][channel]).powi(2);
        (count as f64 * [0, 1, 2].map(squared).iter().sum::<f64>(), rgb)
    };
    let mut costs: Vec<_> = assignment.colours().map(cost).collect();
    let worst_first = |a: &(f64, [u8; 3]), b: &(f64, [u8; 3])| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1));
    costs.select_nth_unstable_by(n - 1, worst_first);
    costs.truncate(n);
    costs.sort_unstable_by(worst_first);
    costs.into_iter().map(|(_, rgb)| rgb).collect()
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
        let colours = scattered(100_000);
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
        for (rgb, times) in [([0, 0, 0], 10), ([20, 0, 0], 10), ([90, 0, 0], 1), ([200, 200, 200], 1)] {
            histogram.add_times(rgb, times);
        }
        let colours = histogram.colours();
        // Of equally near centres the first has everything.
        let start = [[0.0; 3]; 3];
        let mut centres = start;
        assert!(update(&Assignment::new(colours.tree(), &centres), &mut centres));
        assert_eq!(centres[1..], [[200.0; 3], [90.0, 0.0, 0.0]]);
        let found = refine(&colours, &start.map(|centre| centre.map(unit)), &params(3), &Silent);
        assert_eq!(found.centres, [[10.0, 0.0, 0.0], [200.0; 3], [90.0, 0.0, 0.0]].map(|c| c.map(unit)));
        // 20 pixels are off by 10, of 22.
        let inertia = 20.0 * 100.0 / 22.0 / (127.5 * 127.5);
        assert!((found.inertia / inertia - 1.0).abs() < 1e-9, "{} {inertia}", found.inertia);
    }
}
