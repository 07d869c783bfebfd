//! What a process says of one measurement.

use serde::{Deserialize, Serialize};

/// One line of JSON, ours or a peer's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Figure {
    /// The work that was measured.
    pub(crate) row: String,
    /// Who measured, with a version; nobody where it is this program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) peer: Option<String>,
    /// How much.
    pub(crate) value: f64,
    /// Of what: a rate such as `tokens/s`, of which more is better, or a cost such as `s`.
    pub(crate) unit: String,
    /// The largest resident memory of the process, in bytes; 0 where the system does not say.
    pub(crate) peak_bytes: u64,
    /// What the work costs by arithmetic: MB where the value is memory, else operations, which only matter beside
    /// those of other sizes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) cost: Option<f64>,
    /// What else a reader should know, such as how good the result is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) note: Option<String>,
}

/// What a preparation says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Prepared {
    /// Why there is nothing to measure, if so.
    #[serde(default)]
    pub(crate) skipped: Option<String>,
}

/// The largest resident memory of this process so far, in bytes; 0 where the system does not say.
///
/// `VmHWM` and not `getrusage`: the latter counts what the process was before it became this program.
pub(crate) fn peak_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kib = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    kib.unwrap_or(0) * 1024
}
