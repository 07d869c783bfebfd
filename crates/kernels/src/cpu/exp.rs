//! Powers of two, by vector.

use pulp::Simd;

/// Adding 1.5·2²³ rounds to an integer and leaves it in the low bits.
const ROUND: f32 = 12_582_912.0;

/// 2ˣ to about 2e-7 relative for x up to 127, 2⁻¹²⁶ (which is next to nothing) below −126.
///
/// x = n + r with |r| ≤ 1/2; 2ʳ = e^(r·ln 2) by its series, 2ⁿ by the exponent bits.
#[inline(always)]
pub(super) fn exp2<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    // ln(2)ⁿ / n!, from the sixth on.
    const SERIES: [f32; 7] =
        [1.540_353e-4, 1.333_355_8e-3, 9.618_129e-3, 5.550_411e-2, 2.402_265e-1, 6.931_472e-1, 1.0];
    let [bound, round] = [simd.splat_f32s(-126.0), simd.splat_f32s(ROUND)];
    // The bound comes first: where the other is NaN, it is what remains.
    let x = simd.max_f32s(bound, x);
    let shifted = simd.add_f32s(x, round);
    let rest = simd.sub_f32s(x, simd.sub_f32s(shifted, round));
    let mut power = simd.splat_f32s(SERIES[0]);
    for factor in &SERIES[1..] {
        power = simd.mul_add_e_f32s(power, rest, simd.splat_f32s(*factor));
    }
    let exponent = simd.add_u32s(simd.transmute_u32s_f32s(shifted), simd.splat_u32s(127));
    let two_n = simd.wrapping_dyn_shl_u32s(exponent, simd.splat_u32s(23));
    simd.mul_f32s(power, simd.transmute_f32s_u32s(two_n))
}

#[cfg(test)]
mod tests {
    use pulp::WithSimd;

    use super::*;

    #[test]
    fn powers_of_two() {
        struct Powers<'a>(&'a mut [f32]);
        impl WithSimd for Powers<'_> {
            type Output = ();
            fn with_simd<S: Simd>(self, simd: S) {
                let (vectors, rest) = S::as_mut_simd_f32s(self.0);
                assert!(rest.is_empty());
                vectors.iter_mut().for_each(|x| *x = exp2(simd, *x));
            }
        }
        let xs: Vec<f32> = (-12_600..=3_000).map(|i| i as f32 / 100.0).chain([f32::NAN; 7]).collect();
        let mut ours = xs.clone();
        ours.truncate(xs.len() / 16 * 16);
        pulp::Arch::new().dispatch(Powers(&mut ours));
        for (x, ours) in xs.iter().zip(&ours) {
            let theirs = f64::from(*x).exp2();
            assert!((f64::from(*ours) / theirs - 1.0).abs() < 4e-7, "{x}: {ours} {theirs}");
        }
        let mut special = [f32::NEG_INFINITY, -127.0, 0.0, 1.0, f32::NAN, -1e30, -126.0, 3.0].repeat(2);
        pulp::Arch::new().dispatch(Powers(&mut special));
        assert!(special[0] < 2e-38 && special[1] < 2e-38 && special[5] < 2e-38);
        assert_eq!(special[2..4], [1.0, 2.0]);
        assert!(special[4].is_nan());
    }
}
