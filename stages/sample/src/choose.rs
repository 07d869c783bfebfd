//! From logits to one token.

use rand::Rng;

/// How a token is drawn from softmax(logits / temperature).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Choice {
    /// Logits are divided by it: below 1 for likelier images, 1 for the model's own distribution.
    pub temperature: f64,
    /// Only so many of the largest logits are drawn from; all when not given. Equal logits count as equally large: a
    /// tie at the border lets all its members in.
    pub top_k: Option<usize>,
}

impl Choice {
    /// Draws a token.
    ///
    /// # Panics
    /// If there are no logits, or `top_k` is 0.
    pub fn draw(self, logits: &[f32], rng: &mut impl Rng) -> u16 {
        let floor = match self.top_k {
            Some(k) if k < logits.len() => {
                let mut sorted = logits.to_vec();
                *sorted.select_nth_unstable_by(k - 1, |a, b| b.total_cmp(a)).1
            }
            _ => f32::NEG_INFINITY,
        };
        let max = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let weight = |&logit: &f32| {
            if logit < floor { 0.0 } else { (f64::from(logit - max) / self.temperature).exp() }
        };
        let weights: Vec<f64> = logits.iter().map(weight).collect();
        let mut left = rng.random::<f64>() * weights.iter().sum::<f64>();
        let mut last = 0;
        for (token, weight) in weights.into_iter().enumerate().filter(|(_, weight)| *weight > 0.0) {
            last = token;
            left -= weight;
            if left < 0.0 {
                break;
            }
        }
        // Rounding can leave a sliver at the end: it belongs to the last token that can be drawn.
        last as u16
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use igpt_stage::Seed;

    fn frequencies(logits: &[f32], temperature: f64, top_k: Option<usize>) -> Vec<f64> {
        let mut rng = Seed::new(5).rng();
        let choice = Choice { temperature, top_k };
        let mut counts = vec![0.0; logits.len()];
        for _ in 0..20_000 {
            counts[usize::from(choice.draw(logits, &mut rng))] += 1.0 / 20_000.0;
        }
        counts
    }

    #[test]
    fn tokens_come_as_often_as_softmax_says() {
        let logits = [0.0, 1.0, 2.0, -1.0];
        for temperature in [0.5, 1.0, 2.0] {
            let weights = logits.map(|z| (f64::from(z) / temperature).exp());
            let total: f64 = weights.iter().sum();
            for (seen, weight) in frequencies(&logits, temperature, None).iter().zip(weights) {
                assert!((seen - weight / total).abs() < 0.015, "{seen} {}", weight / total);
            }
        }
    }

    #[test]
    fn top_k_shuts_the_rest_out() {
        let seen = frequencies(&[0.0, 1.0, 2.0, -1.0], 1.0, Some(2));
        assert_eq!((seen[0], seen[3]), (0.0, 0.0));
        assert!((seen[2] / seen[1] - 1f64.exp()).abs() < 0.2);
        let greedy = frequencies(&[0.0, 1.0, 2.0], 1.0, Some(1));
        assert_eq!(greedy[..2], [0.0, 0.0]);
    }
}
