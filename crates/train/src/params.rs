//! What all trainings check in their parameters.

use igpt_model::Hide;
use igpt_stage::Invalid;

/// Checks the parameters that are spelt alike in every training stage.
///
/// # Errors
/// Names the first that makes no sense.
pub fn check(
    batch_size: usize,
    accumulate: usize,
    learning_rate: f64,
    clip: Option<f64>,
    mask_probability: f64,
) -> Result<(), Invalid> {
    Invalid::unless(
        (1..=batch_size).contains(&accumulate),
        "accumulate",
        format!("{accumulate} portions of a batch of {batch_size}"),
    )?;
    for (param, value) in [("learning_rate", Some(learning_rate)), ("clip", clip)] {
        Invalid::unless(
            value.is_none_or(|value| value.is_finite() && value > 0.0),
            param,
            format!("{param} {} is not a positive number", value.unwrap_or_default()),
        )?;
    }
    Hide::check(mask_probability)
}
