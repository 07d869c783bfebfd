//! The parameters of the stage.

use igpt_artifact::table::palette::MAX_COLOURS;
use igpt_stage::{Invalid, Params};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How the palette is found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PaletteParams {
    /// Colours in the palette, 2 to 512; the paper has 512.
    pub k: usize,
    /// Runs of k-means from different seeds, at least 1; the one with the lowest inertia is kept.
    pub restarts: usize,
    /// Lloyd iterations in a run at most, at least 1.
    pub iterations: usize,
    /// The relative drop in inertia at or below which a run ends, from 0 to below 1.
    pub tolerance: f64,
}

impl Default for PaletteParams {
    fn default() -> Self {
        Self { k: 8, restarts: 4, iterations: 100, tolerance: 1e-5 }
    }
}

impl Params for PaletteParams {
    fn check(&self) -> Result<(), Invalid> {
        let Self { k, restarts, iterations, tolerance } = *self;
        let range = format!("{k} is outside 2..={MAX_COLOURS}, the colours that a palette can have");
        Invalid::unless((2..=MAX_COLOURS).contains(&k), "k", range)?;
        Invalid::unless(restarts >= 1, "restarts", format!("{restarts} is below 1"))?;
        Invalid::unless(iterations >= 1, "iterations", format!("{iterations} is below 1"))?;
        let range = format!("{tolerance} is outside 0..1, where relative drops in inertia lie");
        Invalid::unless((0.0..1.0).contains(&tolerance), "tolerance", range)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_checked() {
        let default = PaletteParams::default;
        default().check().unwrap();
        for k in [2, 512] {
            PaletteParams { k, ..default() }.check().unwrap();
        }
        let refused = [
            (PaletteParams { k: 1, ..default() }, "k"),
            (PaletteParams { k: 513, ..default() }, "k"),
            (PaletteParams { restarts: 0, ..default() }, "restarts"),
            (PaletteParams { iterations: 0, ..default() }, "iterations"),
            (PaletteParams { tolerance: -1e-3, ..default() }, "tolerance"),
            (PaletteParams { tolerance: 1.0, ..default() }, "tolerance"),
            (PaletteParams { tolerance: f64::NAN, ..default() }, "tolerance"),
        ];
        for (params, param) in refused {
            assert_eq!(params.check().unwrap_err().param, param, "{params:?}");
        }
    }
}
