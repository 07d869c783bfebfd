//! Few labels: random subsets of the labelled train images, and how probes do on them.

use igpt_artifact::Split;
use igpt_artifact::table::probe::{LowDataRow, ProbeId, Source, Subset, SubsetRow};
use igpt_stage::{Progress, Seed};
use rand::seq::SliceRandom;

use crate::job::Outcome;
use crate::params::LowData;
use crate::roster::Roster;

/// Draws every subset that was asked for, smaller ones first. A number of labels that some class does not
/// have is left out, and the log says so.
///
/// Subset i holds, of each class, the first n images of a random order that is i's own: it does not depend
/// on n. So the 4 labels of subset 0 are among its 25 (subsets are nested, and a curve over n is not
/// disturbed by the luck of the draw), and every source is given the same images.
pub(crate) fn draw(
    roster: &Roster,
    wanted: &LowData,
    seed: Seed,
    progress: &dyn Progress,
) -> Vec<(Subset, Roster)> {
    let mut sizes = wanted.labels_per_class.clone();
    sizes.sort_unstable();
    sizes.dedup();
    let by_class = positions_by_class(roster);
    let scarcest = by_class.iter().enumerate().min_by_key(|(_, images)| images.len());
    if let Some((class, images)) = scarcest {
        let (label, images) = (roster.classes[class], images.len());
        sizes.retain(|&n| {
            let enough = n as usize <= images;
            if !enough {
                progress.log(&format!(
                    "low_data: {n} labels a class are left out, for class {label} has {images} train images"
                ));
            }
            enough
        });
    }
    let orders: Vec<_> = (0..wanted.subsets).map(|number| shuffled(&by_class, number, seed)).collect();
    let subsets = sizes.into_iter().flat_map(|labels_per_class| {
        (0..wanted.subsets).map(move |number| Subset { labels_per_class, number })
    });
    let roster_of = |subset: Subset| {
        let order = &orders[subset.number as usize];
        let mut positions: Vec<usize> =
            order.iter().flat_map(|images| &images[..subset.labels_per_class as usize]).copied().collect();
        positions.sort_unstable();
        (subset, roster.with_train(&positions))
    };
    subsets.map(roster_of).collect()
}

/// The positions in the train split of each class' images.
fn positions_by_class(roster: &Roster) -> Vec<Vec<usize>> {
    let mut by_class = vec![Vec::new(); roster.classes.len()];
    let targets = roster.images(Split::Train).targets.iter().enumerate();
    targets
        .filter_map(|(at, target)| Some((at, (*target)?)))
        .for_each(|(at, class)| by_class[class].push(at));
    by_class
}

/// Each class' images in the random order of one subset.
fn shuffled(by_class: &[Vec<usize>], number: u32, seed: Seed) -> Vec<Vec<usize>> {
    let seed = seed.named("probe/low-data").nth(number.into());
    let shuffle = |(class, images): (usize, &Vec<usize>)| {
        let mut images = images.clone();
        images.shuffle(&mut seed.nth(class as u64).rng());
        images
    };
    by_class.iter().enumerate().map(shuffle).collect()
}

/// The images of every subset.
pub(crate) fn rows(subsets: &[(Subset, Roster)]) -> Vec<SubsetRow> {
    let images = |(subset, roster): &(Subset, Roster)| {
        let subset = *subset;
        let ids = roster.images(Split::Train).ids.clone();
        ids.into_iter().map(move |image_id| SubsetRow { subset, image_id })
    };
    subsets.iter().flat_map(images).collect()
}

/// Mean and deviation of test accuracy for each source and number of labels, in the order of the outcomes.
pub(crate) fn summarize(outcomes: &[Outcome]) -> Vec<LowDataRow> {
    let mut groups: Vec<((Source, u32), ProbeId, Vec<f64>)> = Vec::new();
    for outcome in outcomes {
        let Some(subset) = outcome.id.subset else { continue };
        let key = (outcome.id.source, subset.labels_per_class);
        match groups.iter_mut().find(|group| group.0 == key) {
            Some(group) => group.2.push(outcome.test.accuracy),
            None => groups.push((key, outcome.id, vec![outcome.test.accuracy])),
        }
    }
    let row = |((source, labels_per_class), id, accuracies): ((Source, u32), ProbeId, Vec<f64>)| {
        let (mean, deviation) = mean_and_deviation(&accuracies);
        LowDataRow {
            source,
            layer: id.layer,
            labels_per_class,
            subsets: accuracies.len() as u32,
            mean,
            deviation,
        }
    };
    groups.into_iter().map(row).collect()
}

/// The mean, and the sample standard deviation where there are two values or more.
fn mean_and_deviation(values: &[f64]) -> (f64, Option<f64>) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (mean, (values.len() > 1).then(|| (squares / (n - 1.0)).sqrt()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use igpt_stage::Silent;
    use std::sync::Mutex;

    /// 20 train images of class 7, 30 of class 3.
    fn roster() -> Roster {
        let train = (0..50).map(|id| (id, if id % 5 < 2 { 7 } else { 3 })).collect();
        Roster::new(train, vec![(100, 3)], vec![(101, 7)]).unwrap()
    }

    fn draw_of(sizes: &[u32], seed: u64) -> Vec<(Subset, Roster)> {
        let wanted = LowData { labels_per_class: sizes.to_vec(), subsets: 3 };
        draw(&roster(), &wanted, Seed::new(seed), &Silent)
    }

    #[test]
    fn subsets_are_balanced_nested_and_differ_from_each_other() {
        let subsets = draw_of(&[8, 2, 8], 0);
        assert_eq!(subsets.len(), 2 * 3);
        let ids = |i: usize| subsets[i].1.images(Split::Train).ids.clone();
        for (subset, roster) in &subsets {
            let labels = &roster.images(Split::Train).labels;
            for class in [3, 7] {
                let images = labels.iter().filter(|label| **label == class).count();
                assert_eq!(images, subset.labels_per_class as usize);
            }
            assert_eq!(roster.images(Split::Test).ids, [101]);
            assert!(roster.images(Split::Train).ids.is_sorted());
        }
        for number in 0..3 {
            assert!(ids(number).iter().all(|id| ids(3 + number).contains(id)), "subset {number}");
        }
        assert!(ids(3) != ids(4) && ids(4) != ids(5));
        assert_eq!(rows(&subsets).len(), 3 * 2 * (2 + 8));
        // The same draw whatever else is drawn; another seed, another draw.
        assert_eq!(draw_of(&[2], 0)[1].1, subsets[1].1);
        assert_ne!(draw_of(&[2], 1)[1].1, subsets[1].1);
    }

    #[test]
    fn a_number_that_a_class_does_not_have_is_left_out_aloud() {
        #[derive(Default)]
        struct Log(Mutex<Vec<String>>);
        impl Progress for Log {
            fn begin(&self, _: &str, _: u64, _: &'static str) {}
            fn at(&self, _: u64) {}
            fn note(&self, _: &str) {}
            fn log(&self, line: &str) {
                self.0.lock().unwrap().push(line.to_owned());
            }
        }
        let log = Log::default();
        let wanted = LowData { labels_per_class: vec![20, 21], subsets: 1 };
        let subsets = draw(&roster(), &wanted, Seed::new(0), &log);
        assert_eq!(subsets.iter().map(|(subset, _)| subset.labels_per_class).collect::<Vec<_>>(), [20]);
        let lines = log.0.into_inner().unwrap();
        assert_eq!(lines, ["low_data: 21 labels a class are left out, for class 7 has 20 train images"]);
    }

    #[test]
    fn the_deviation_is_that_of_a_sample() {
        let (mean, deviation) = mean_and_deviation(&[0.7, 0.8, 0.75]);
        assert!((mean - 0.75).abs() < 1e-12 && (deviation.unwrap() - 0.05).abs() < 1e-12);
        assert_eq!(mean_and_deviation(&[0.7]), (0.7, None));
    }
}
