//! A step of Adam in one pass.

use rayon::prelude::*;

use super::TASK;
use crate::AdamStep;

/// The parameter p and its moments m and v, all of one length, move along a gradient g.
pub(crate) fn step(how: AdamStep, p: &mut [f32], g: &[f32], m: &mut [f32], v: &mut [f32]) {
    let arch = pulp::Arch::new();
    let moments = m.par_chunks_mut(TASK).zip(v.par_chunks_mut(TASK));
    p.par_chunks_mut(TASK).zip(g.par_chunks(TASK)).zip(moments).for_each(|((p, g), (m, v))| {
        arch.dispatch(
            #[inline(always)]
            || task(how, p, g, m, v),
        );
    });
}

#[inline(always)]
fn task(how: AdamStep, p: &mut [f32], g: &[f32], m: &mut [f32], v: &mut [f32]) {
    let [beta_1, beta_2] = how.betas.map(|beta| beta as f32);
    let [rest_1, rest_2] = how.betas.map(|beta| (1.0 - beta) as f32);
    let [correction_1, correction_2] = how.corrections();
    let rate = (how.rate / correction_1) as f32;
    let (inverse, epsilon) = ((1.0 / correction_2) as f32, how.epsilon as f32);
    for (((p, g), m), v) in p.iter_mut().zip(g).zip(m).zip(v) {
        *m = beta_1 * *m + rest_1 * g;
        *v = beta_2 * *v + rest_2 * (g * g);
        *p -= rate * *m / ((*v * inverse).sqrt() + epsilon);
    }
}
