//! What can be said of a stage's result before it runs.

use std::collections::BTreeMap;

/// Sizes of an artifact by name, such as `k` or `n_positions`, which stages downstream reckon with.
pub type Facts = BTreeMap<&'static str, u64>;

/// What a stage expects of its run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Forecast {
    /// Sizes of the result, as far as they are known before.
    pub facts: Facts,
    /// Figures for people, in the order in which they are shown.
    pub figures: Vec<(&'static str, Amount)>,
}

/// A figure with its unit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Amount {
    /// Things.
    Count(u64),
    /// Floating-point operations.
    Flops(f64),
    /// Bytes.
    Bytes(f64),
}

impl Forecast {
    /// Says a size of the result.
    #[must_use]
    pub fn fact(mut self, name: &'static str, value: impl Into<Option<u64>>) -> Self {
        if let Some(value) = value.into() {
            self.facts.insert(name, value);
        }
        self
    }

    /// Adds a figure.
    #[must_use]
    pub fn figure(mut self, name: &'static str, amount: Amount) -> Self {
        self.figures.push((name, amount));
        self
    }
}

/// What is known of the inputs of a stage, by role.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct InputFacts(pub BTreeMap<String, Facts>);

impl InputFacts {
    /// A size of an input; none where it is not known before.
    pub fn get(&self, role: &str, name: &str) -> Option<u64> {
        self.0.get(role)?.get(name).copied()
    }
}
