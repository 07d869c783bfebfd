//! The learning rate of a step: linear warm-up, then cosine to zero.

use std::f64::consts::PI;

/// When the learning rate is what.
#[derive(Clone, Copy, Debug)]
pub struct Schedule {
    /// The largest learning rate.
    pub peak: f64,
    /// Steps of warm-up.
    pub warmup: u64,
    /// Steps in all.
    pub steps: u64,
}

impl Schedule {
    /// The learning rate of the step after `step` steps have been taken.
    pub fn at(&self, step: u64) -> f64 {
        // A warm-up longer than the training would never reach the cosine.
        let warmup = self.warmup.min(self.steps);
        if step < warmup {
            return self.peak * (step + 1) as f64 / warmup as f64;
        }
        let progress = (step - warmup) as f64 / (self.steps - warmup).max(1) as f64;
        self.peak * 0.5 * (1.0 + (PI * progress).cos())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rises_to_the_peak_and_falls_to_zero() {
        let schedule = Schedule { peak: 2.0, warmup: 10, steps: 110 };
        assert_eq!(schedule.at(0), 0.2);
        assert_eq!(schedule.at(9), 2.0);
        assert_eq!(schedule.at(10), 2.0);
        assert!((schedule.at(60) - 1.0).abs() < 1e-12);
        assert!(schedule.at(109) < 0.001);
        let rates: Vec<_> = (10..110).map(|step| schedule.at(step)).collect();
        assert!(rates.windows(2).all(|pair| pair[0] > pair[1]));
    }

    #[test]
    fn edge_cases_are_numbers() {
        assert_eq!(Schedule { peak: 1.0, warmup: 0, steps: 1 }.at(0), 1.0);
        assert_eq!(Schedule { peak: 1.0, warmup: 50, steps: 10 }.at(9), 1.0);
    }
}
