//! Which image goes into which split.

use igpt_artifact::Split;
use igpt_stage::Seed;
use rand::Rng;

use crate::{Error, ImagesParams};

/// Images of one split of the source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Chosen {
    /// The source's own split that they lie in.
    pub(crate) from: Split,
    /// Their rows in it, ascending.
    pub(crate) rows: Vec<u64>,
    /// The image id of the source split's row 0.
    pub(crate) first_id: u64,
}

/// The images of every split, in the order of [`Split::ALL`].
pub(crate) type Plan = [(Split, Chosen); 3];

/// Divides a source's images among the splits.
///
/// `available` gives the number of images in each split that the source has. What is missing is
/// held out of the training images: first test, by `test_share`; then, after the limit,
/// validation. Every choice ranks all rows of the source by a random stream of its own and takes
/// the first ones, so a smaller limit picks a subset of what a larger one picks, and the held-out
/// test images do not depend on the limit.
pub(crate) fn plan(
    available: impl Fn(Split) -> Option<u64>,
    params: &ImagesParams,
    seed: Seed,
) -> Result<Plan, Error> {
    let count = |split| available(split).unwrap_or(0);
    let all = |split| (0..count(split)).collect::<Vec<_>>();
    let choose = |purpose: &str, from: Split, rows: Vec<u64>, take: u64| {
        choose(seed.named(&format!("images/{purpose}")), count(from), rows, take)
    };

    let mut train = all(Split::Train);
    let (test_from, test) = match available(Split::Test) {
        Some(_) => (Split::Test, all(Split::Test)),
        None => {
            let (test, rest) =
                choose("test", Split::Train, train, share(params.test_share, count(Split::Train)));
            train = rest;
            (Split::Train, test)
        }
    };
    let test = match params.test_limit {
        Some(limit) => choose("test-limit", test_from, test, limit).0,
        None => test,
    };
    if let Some(limit) = params.limit {
        train = choose("limit", Split::Train, train, limit).0;
    }
    let limited = train.len() as u64;
    let (validation_from, validation) = match available(Split::Validation) {
        Some(_) => (Split::Validation, all(Split::Validation)),
        None => {
            let (validation, rest) =
                choose("validation", Split::Train, train, share(params.validation, limited));
            train = rest;
            (Split::Train, validation)
        }
    };

    let has = |split| available(split).is_some();
    let held_out = |share: f64, of: u64| format!("a share of {share} of {of} images");
    let why_test = if has(Split::Test) {
        "the source's test split is empty".to_owned()
    } else {
        format!(
            "the source has no test split, and test_share is {}",
            held_out(params.test_share, count(Split::Train))
        )
    };
    let why_validation = if has(Split::Validation) {
        "the source's validation split is empty".to_owned()
    } else {
        format!("validation is {}", held_out(params.validation, limited))
    };
    let why_train = format!("all {} of the source are held out", count(Split::Train));
    // A validation split may be empty on purpose: settings chosen before, all data for training.
    let wants_validation = has(Split::Validation) || params.validation > 0.0;
    for (split, rows, why, wanted) in [
        (Split::Train, &train, why_train, true),
        (Split::Validation, &validation, why_validation, wants_validation),
        (Split::Test, &test, why_test, true),
    ] {
        if wanted && rows.is_empty() {
            return Err(Error::EmptySplit { split, why });
        }
    }

    let first_id = |from: Split| match from {
        Split::Train => 0,
        Split::Validation => count(Split::Train),
        Split::Test => count(Split::Train) + count(Split::Validation),
    };
    let chosen = |from, rows| Chosen { from, rows, first_id: first_id(from) };
    Ok([
        (Split::Train, chosen(Split::Train, train)),
        (Split::Validation, chosen(validation_from, validation)),
        (Split::Test, chosen(test_from, test)),
    ])
}

/// The number of images in a share, rounded to nearest.
pub(crate) fn share(share: f64, of: u64) -> u64 {
    (share * of as f64).round() as u64
}

/// Divides `rows` into the `take` ones that come first in a random order of all `total` rows, and
/// the rest; both ascending.
fn choose(seed: Seed, total: u64, rows: Vec<u64>, take: u64) -> (Vec<u64>, Vec<u64>) {
    let take = usize::try_from(take).unwrap_or(usize::MAX);
    if take >= rows.len() {
        return (rows, Vec::new());
    }
    let mut rng = seed.rng();
    let rank: Vec<u64> = (0..total).map(|_| rng.random()).collect();
    let mut ranked: Vec<_> = rows.into_iter().map(|row| (rank[row as usize], row)).collect();
    ranked.sort_unstable();
    let ascending = |part: &[(u64, u64)]| {
        let mut rows: Vec<_> = part.iter().map(|&(_, row)| row).collect();
        rows.sort_unstable();
        rows
    };
    (ascending(&ranked[..take]), ascending(&ranked[take..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows_of(
        counts: [Option<u64>; 3],
        change: impl FnOnce(&mut ImagesParams),
    ) -> Result<[Vec<(Split, u64)>; 3], Error> {
        let mut params = ImagesParams::default();
        change(&mut params);
        let available = |split| counts[Split::ALL.iter().position(|&s| s == split).unwrap()];
        let plan = plan(available, &params, Seed::new(1))?;
        Ok(plan.map(|(_, chosen)| chosen.rows.iter().map(|&row| (chosen.from, row)).collect()))
    }

    fn assert_disjoint(splits: &[Vec<(Split, u64)>; 3]) {
        let all: Vec<_> = splits.concat();
        let distinct: std::collections::BTreeSet<_> = all.iter().collect();
        assert_eq!(distinct.len(), all.len());
        assert!(splits.iter().all(|rows| rows.is_sorted()));
    }

    #[test]
    fn own_splits_are_kept() {
        let splits = rows_of([Some(10), Some(4), Some(3)], |_| {}).unwrap();
        let expected = [(Split::Train, 10), (Split::Validation, 4), (Split::Test, 3)];
        for (rows, (from, count)) in splits.iter().zip(expected) {
            assert_eq!(*rows, (0..count).map(|row| (from, row)).collect::<Vec<_>>());
        }
    }

    #[test]
    fn missing_splits_are_held_out_of_training() {
        let splits = rows_of([Some(1000), None, None], |p| p.validation = 0.2).unwrap();
        assert_eq!(splits.each_ref().map(Vec::len), [720, 180, 100]);
        assert_disjoint(&splits);
        // Not the first or the last ones: sources may be sorted by class.
        let half = splits[2].iter().filter(|(_, row)| *row < 500).count();
        assert!((30..70).contains(&half), "{half} of 100 test images lie in the first half");
    }

    #[test]
    fn the_limit_comes_before_the_validation_share() {
        let limited = |limit| {
            rows_of([Some(1000), None, Some(50)], |p| {
                p.limit = Some(limit);
                p.test_limit = Some(20);
            })
            .unwrap()
        };
        let splits = limited(100);
        assert_eq!(splits.each_ref().map(Vec::len), [90, 10, 20]);
        assert_disjoint(&splits);
        assert!(splits[0].last().unwrap().1 > 500);
        // A smaller limit picks among the same images.
        let large: Vec<_> = limited(200)[..2].concat();
        assert!(splits[..2].concat().iter().all(|row| large.contains(row)));
    }

    #[test]
    fn the_held_out_test_images_do_not_depend_on_the_limit() {
        let test = |limit| rows_of([Some(100), None, None], |p| p.limit = limit).unwrap()[2].clone();
        assert_eq!(test(None), test(Some(10)));
    }

    #[test]
    fn ids_are_unique_over_all_splits() {
        let available = |split| {
            Some(match split {
                Split::Train => 5,
                Split::Validation => 3,
                Split::Test => 2,
            })
        };
        let plan = plan(available, &ImagesParams::default(), Seed::new(1)).unwrap();
        assert_eq!(plan.map(|(_, chosen)| chosen.first_id), [0, 5, 8]);
    }

    #[test]
    fn an_empty_split_is_an_error_that_says_why() {
        let why = |counts, change: fn(&mut ImagesParams)| rows_of(counts, change).unwrap_err().to_string();
        assert_eq!(
            why([Some(4), None, Some(1)], |_| {}),
            "no validation images: validation is a share of 0.1 of 4 images"
        );
        assert!(why([Some(0), Some(1), Some(1)], |_| {}).starts_with("no train images"));
        assert!(why([Some(9), Some(1), Some(0)], |_| {}).contains("the source's test split is empty"));
        assert!(why([Some(9), Some(1), None], |p| p.test_share = 0.0).contains("test_share"));
        let splits = rows_of([Some(4), None, Some(1)], |p| p.validation = 0.0).unwrap();
        assert_eq!(splits.each_ref().map(Vec::len), [4, 0, 1]);
    }
}
