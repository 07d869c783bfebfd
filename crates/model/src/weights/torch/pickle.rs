//! What can be wrong with a pickle.

/// Why a pickle was refused. Nothing in it was executed, and nothing made from it is left.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("byte {at} of data.pkl: {problem}")]
pub struct PickleError {
    /// Where the instruction starts.
    pub at: usize,
    /// What is wrong with it.
    pub problem: PickleProblem,
}

/// What is wrong with an instruction of a pickle.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PickleProblem {
    /// A name that is not on the short list.
    #[error("asks for `{module}.{name}`, which weights do not need; nothing was executed")]
    Global {
        /// The Python module.
        module: String,
        /// What is in it.
        name: String,
    },
    /// An instruction that is not on the short list.
    #[error("the instruction {0}, which weights do not need; nothing was executed")]
    Instruction(String),
    /// An instruction on values for which it has no meaning here.
    #[error("{0}")]
    Malformed(String),
    /// More than any network needs.
    #[error("more than {0} values")]
    TooMany(usize),
    /// The end comes too early.
    #[error("ends in the middle of an instruction")]
    Truncated,
}

impl PickleProblem {
    pub(super) fn malformed(what: impl Into<String>) -> Self {
        Self::Malformed(what.into())
    }
}
