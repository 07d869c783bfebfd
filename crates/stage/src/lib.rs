//! What a stage is, for the runner that calls it and for the stage itself.
//!
//! A stage is a type with [`Stage`]: a name, the kind of artifact it makes, the inputs it wants,
//! typed [`Params`], and a function that reads the inputs and writes files into a directory.
//! It knows no other stage and no runner. [`Definition`] is the same thing with its types
//! erased, which is all that the runner knows.

mod context;
mod definition;
mod failure;
mod forecast;
mod params;
mod progress;
mod seed;
mod stream;

pub use context::{Context, InputArtifact, Summary};
pub use definition::{Definition, Resolved};
pub use failure::Failure;
pub use forecast::{Amount, Facts, Forecast, InputFacts};
pub use params::{Invalid, Params, ParamsError};
pub use progress::{Progress, Silent, Task};
pub use seed::Seed;
pub use stream::stream;

use igpt_artifact::{Explain, Kind};

/// One step of a pipeline.
pub trait Stage {
    /// The name in pipeline files, such as `pretrain`.
    const NAME: &'static str;
    /// One line that says what it does.
    const ABOUT: &'static str;
    /// What it makes.
    const KIND: Kind;
    /// What it reads.
    const INPUTS: &'static [Input];
    /// Its parameters.
    type Params: Params;
    /// What can go wrong.
    type Error: Explain + Send + Sync + 'static;

    /// What can be said of a run before it starts: sizes, operations, memory.
    fn forecast(_params: &Self::Params, _inputs: &InputFacts) -> Forecast {
        Forecast::default()
    }

    /// Reads the inputs and writes the artifact's files into [`Context::out`].
    fn run(context: &Context<'_>, params: &Self::Params) -> Result<Summary, Self::Error>;
}

/// An artifact that a stage reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Input {
    /// What the stage calls it; in pipeline files a key under `inputs`.
    pub role: &'static str,
    /// The kind of artifact.
    pub kind: Kind,
    /// Whether the stage can do without it.
    pub need: Need,
}

/// Whether a stage can do without an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Without it the pipeline is in error.
    Required,
    /// It is taken when the pipeline has one.
    IfPresent,
    /// It is taken only when the pipeline names it under `inputs`.
    IfNamed,
    /// One or more: a list under `inputs`, or every artifact of the kind that the pipeline makes.
    /// [`Context::inputs_of`] gives them.
    Several,
    /// Like [`Several`](Self::Several), and none will do.
    AnyNumber,
}

impl Input {
    /// An input that must be there, with the kind's name as its role.
    pub const fn required(kind: Kind) -> Self {
        Self { role: kind.name(), kind, need: Need::Required }
    }

    /// An input that is used when the pipeline has one, with the kind's name as its role.
    pub const fn if_present(kind: Kind) -> Self {
        Self { role: kind.name(), kind, need: Need::IfPresent }
    }

    /// One input or more, with the kind's name as their role.
    pub const fn several(kind: Kind) -> Self {
        Self { role: kind.name(), kind, need: Need::Several }
    }

    /// Any number of inputs, with the kind's name as their role.
    pub const fn any_number(kind: Kind) -> Self {
        Self { role: kind.name(), kind, need: Need::AnyNumber }
    }

    /// Whether it may be a list.
    pub fn is_list(&self) -> bool {
        matches!(self.need, Need::Several | Need::AnyNumber)
    }

    /// The role of the nth of several inputs. Their order is that of their roles.
    pub fn nth(role: &str, n: usize) -> String {
        format!("{role}.{n:04}")
    }

    /// An input that is used only when the pipeline names it.
    pub const fn if_named(role: &'static str, kind: Kind) -> Self {
        Self { role, kind, need: Need::IfNamed }
    }
}
