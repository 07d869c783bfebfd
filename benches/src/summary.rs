//! Medians of repeated measurements, and how two of them compare.

use crate::figure::Figure;

/// The median; of an even number the mean of the middle two. 0 of nothing.
pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => 0.0,
        n if n % 2 == 1 => sorted[n / 2],
        n => f64::midpoint(sorted[n / 2 - 1], sorted[n / 2]),
    }
}

/// Several measurements of the same.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Summary {
    /// The median.
    pub(crate) value: f64,
    /// The lowest and the highest.
    pub(crate) range: (f64, f64),
    /// Of what.
    pub(crate) unit: String,
    /// The highest peak of memory, in bytes.
    pub(crate) peak_bytes: u64,
    /// What it costs by arithmetic, where that is known.
    pub(crate) cost: Option<f64>,
    /// What the last measurement had to say.
    pub(crate) note: Option<String>,
}

impl Summary {
    /// Sums up; none without figures.
    pub(crate) fn of(figures: &[Figure]) -> Option<Self> {
        let last = figures.last()?;
        let values: Vec<f64> = figures.iter().map(|figure| figure.value).collect();
        let fold = |pick: fn(f64, f64) -> f64| values.iter().copied().reduce(pick).unwrap_or_default();
        Some(Self {
            value: median(&values),
            range: (fold(f64::min), fold(f64::max)),
            unit: last.unit.clone(),
            peak_bytes: figures.iter().map(|figure| figure.peak_bytes).max().unwrap_or(0),
            cost: last.cost,
            note: last.note.clone(),
        })
    }

    /// Whether more is better: rates are so much a second, everything else is a cost.
    fn is_rate(&self) -> bool {
        self.unit.ends_with("/s")
    }

    /// How many times as well as `other`, in the same unit, this does: above 1 it is faster, or takes less.
    pub(crate) fn times_as_well_as(&self, other: f64) -> f64 {
        if self.is_rate() { self.value / other } else { other / self.value }
    }

    /// What the value should be at the size of `self`, if that of `first` and the arithmetic are right. Memory has
    /// a part that is not of the work, the program itself, so its growth is a difference; that of time is a ratio.
    pub(crate) fn expected_from(&self, first: &Self) -> Option<f64> {
        let (cost, first_cost) = (self.cost?, first.cost?);
        Some(match self.unit.as_str() {
            "MB" => first.value + (cost - first_cost),
            _ if self.is_rate() => first.value * first_cost / cost,
            _ => first.value * cost / first_cost,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure(value: f64, unit: &str, cost: Option<f64>) -> Figure {
        let note = Some(format!("{value}"));
        let peak_bytes = value as u64;
        Figure { row: "row".into(), peer: None, value, unit: unit.into(), peak_bytes, cost, note }
    }

    fn summary(value: f64, unit: &str, cost: f64) -> Summary {
        Summary::of(&[figure(value, unit, Some(cost))]).unwrap()
    }

    #[test]
    fn medians() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
        let of = [5.0, 1.0, 2.0].map(|value| figure(value, "s", None));
        let Summary { value, range, peak_bytes, note, .. } = Summary::of(&of).unwrap();
        assert_eq!((value, range, peak_bytes, note.as_deref()), (2.0, (1.0, 5.0), 5, Some("2")));
        assert_eq!(Summary::of(&[]), None);
    }

    #[test]
    fn a_ratio_above_one_is_good_for_rates_and_for_costs() {
        assert_eq!(summary(30.0, "tokens/s", 1.0).times_as_well_as(10.0), 3.0);
        assert_eq!(summary(10.0, "s", 1.0).times_as_well_as(30.0), 3.0);
        assert_eq!(summary(10.0, "µs/token", 1.0).times_as_well_as(5.0), 0.5);
    }

    #[test]
    fn twice_the_work_takes_twice_as_long_and_goes_half_as_fast() {
        let expected = |unit| summary(7.0, unit, 4.0).expected_from(&summary(10.0, unit, 2.0));
        assert_eq!((expected("s"), expected("tokens/s")), (Some(20.0), Some(5.0)));
        // Two megabytes more.
        assert_eq!(expected("MB"), Some(12.0));
        let unknown = Summary { cost: None, ..summary(7.0, "s", 1.0) };
        assert_eq!(unknown.expected_from(&summary(7.0, "s", 1.0)), None);
    }
}
