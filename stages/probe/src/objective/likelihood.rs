//! Softmax and loss of a block, in f64: what a line search compares are differences far below the loss.

use super::products::{BLOCK, Column};

/// Turns logits (one column a class) into probabilities less 1 at the target, which is the gradient of the
/// loss by the logits; returns the sum of the losses of the rows that have a target.
#[inline(always)]
pub(super) fn residuals(logits: &[Column<f64>], targets: &[usize], out: &mut [Column<f32>]) -> f64 {
    let mut max = [f64::NEG_INFINITY; BLOCK];
    for column in logits {
        for (max, logit) in max.iter_mut().zip(column) {
            *max = if *logit > *max { *logit } else { *max };
        }
    }
    let mut sum = [0.0; BLOCK];
    for (p, column) in out.iter_mut().zip(logits) {
        for r in 0..BLOCK {
            let power = exp(column[r] - max[r]);
            sum[r] += power;
            p[r] = power as f32;
        }
    }
    let share: Column<f32> = sum.map(|sum| (1.0 / sum) as f32);
    for p in out.iter_mut() {
        for (p, share) in p.iter_mut().zip(&share) {
            *p *= share;
        }
    }
    let mut loss = 0.0;
    for (r, target) in targets.iter().enumerate() {
        loss += max[r] + sum[r].ln() - logits[*target][r];
        out[*target][r] -= 1.0;
    }
    loss
}

/// Adding 1.5·2⁵² rounds to an integer and leaves it in the low bits.
const ROUND: f64 = 6_755_399_441_055_744.0;

/// eˣ to about 2e-16 relative for x from −700 to 700, next to nothing below; NaN is lost. Unlike that of
/// the standard library it is made for many at a time: no branch, no table.
///
/// x = n·ln 2 + r with |r| ≤ ln 2 / 2; eʳ by its series, 2ⁿ by the exponent bits.
#[inline(always)]
fn exp(x: f64) -> f64 {
    // ln 2, and what its 33 leading bits leave.
    const LN_2: [f64; 2] = [0.693_147_180_369_123_8, 1.908_214_929_270_587_7e-10];
    let x = if x > -700.0 { x } else { -700.0 };
    let shifted = x.mul_add(std::f64::consts::LOG2_E, ROUND);
    let n = shifted - ROUND;
    let r = n.mul_add(-LN_2[1], n.mul_add(-LN_2[0], x));
    let mut power = INVERSE_FACTORIALS[0];
    for factor in &INVERSE_FACTORIALS[1..] {
        power = power.mul_add(r, *factor);
    }
    f64::from_bits(shifted.to_bits().wrapping_add(1023) << 52) * power
}

/// 1 / n! for n from 13 down to 0.
const INVERSE_FACTORIALS: [f64; 14] = {
    let mut inverse = [1.0; 14];
    let (mut n, mut factorial) = (1, 1.0);
    while n < 14 {
        factorial *= n as f64;
        inverse[13 - n] = 1.0 / factorial;
        n += 1;
    }
    inverse
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_of_e() {
        for x in (-70_000..=70_000).map(|i| f64::from(i) / 100.0) {
            assert!((exp(x) / x.exp() - 1.0).abs() < 1e-15, "{x}: {} {}", exp(x), x.exp());
        }
        assert!(exp(f64::NEG_INFINITY) < 1e-300 && exp(-1e9) < 1e-300 && exp(0.0) == 1.0);
    }

    #[test]
    fn residuals_are_probabilities_less_the_truth() {
        let mut logits = [[0.0; BLOCK]; 3];
        [logits[0][0], logits[1][0], logits[2][0]] = [1000.0, 1000.0 - 2_f64.ln(), -1000.0];
        [logits[0][1], logits[1][1], logits[2][1]] = [0.0, 0.0, 2_f64.ln()];
        let mut out = [[0.0; BLOCK]; 3];
        let loss = residuals(&logits, &[1, 2], &mut out);
        assert!((loss - 3_f64.ln() - 2_f64.ln()).abs() < 1e-12, "{loss}");
        let near = |r: usize, expected: [f32; 3]| (0..3).all(|c| (out[c][r] - expected[c]).abs() < 1e-7);
        assert!(near(0, [2.0 / 3.0, -2.0 / 3.0, 0.0]) && near(1, [0.25, 0.25, -0.5]), "{out:?}");
    }
}
