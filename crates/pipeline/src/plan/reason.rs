//! Why a stage runs, in the user's words: old → new.

use std::fmt;

use igpt_artifact::{KeyParts, Manifest};
use serde_json::Value;

/// One reason why an entry's result is not the current one.
#[derive(Clone, Debug, PartialEq)]
pub enum Reason {
    /// There is no earlier result.
    NeverRun,
    /// A parameter has another value; none where it did not exist.
    Param {
        /// The parameter.
        name: String,
        /// Then.
        old: Option<Value>,
        /// Now.
        new: Option<Value>,
    },
    /// An input has other content.
    Input {
        /// The input.
        role: String,
        /// What happened: `changed`, `added`, `removed`.
        how: &'static str,
    },
    /// A file or folder outside the store has other content.
    Source {
        /// The parameter that names it.
        param: String,
    },
    /// The pipeline's seed is another one.
    Seed {
        /// Then.
        old: u64,
        /// Now.
        new: u64,
    },
    /// The stage's source code, or that of a crate below it, is another one.
    Code {
        /// The stage.
        stage: String,
    },
    /// The entry is another stage than it was.
    Stage {
        /// Then.
        old: String,
        /// Now.
        new: String,
    },
    /// The artifact's layout has another version.
    Format {
        /// Then.
        old: u32,
        /// Now.
        new: u32,
    },
    /// The user wants it to run.
    Forced,
    /// A file of the result is not what was published.
    File {
        /// The file, inside the artifact.
        path: String,
        /// What happened to it.
        how: &'static str,
    },
    /// The result's description cannot be read.
    Damaged {
        /// Why.
        message: String,
    },
    /// An entry upstream has yet to run, so its content is not known.
    WaitsFor {
        /// The entries.
        entries: Vec<String>,
    },
    /// The result exists, but the link points elsewhere or nowhere.
    NotLinked,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NeverRun => f.write_str("never run"),
            Self::Param { name, old: Some(old), new: Some(new) } => {
                write!(f, "{name} {} → {}", short(old), short(new))
            }
            Self::Param { name, old: None, new: Some(new) } => write!(f, "{name} is new: {}", short(new)),
            Self::Param { name, .. } => write!(f, "{name} is gone"),
            Self::Input { role, how } => write!(f, "input {role} {how}"),
            Self::Source { param } => write!(f, "source {param} changed"),
            Self::Seed { old, new } => write!(f, "seed {old} → {new}"),
            Self::Code { stage } => write!(f, "code of stage {stage} changed"),
            Self::Stage { old, new } => write!(f, "stage {old} → {new}"),
            Self::Format { old, new } => write!(f, "format {old} → {new}"),
            Self::Forced => f.write_str("forced"),
            Self::File { path, how } => write!(f, "file {path} {how}"),
            Self::Damaged { message } => write!(f, "the earlier result cannot be read: {message}"),
            Self::WaitsFor { entries } => write!(f, "waits for {}", entries.join(", ")),
            Self::NotLinked => f.write_str("made before, not linked now"),
        }
    }
}

/// A value in a few characters: text without quotes, the middle of long ones left out.
fn short(value: &Value) -> String {
    const MOST: usize = 40;
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let length = text.chars().count();
    if length <= MOST {
        return text;
    }
    let head: String = text.chars().take(MOST / 2).collect();
    let tail: String = text.chars().skip(length - MOST / 2).collect();
    format!("{head}…{tail}")
}

/// How the parts of a new key differ from those of an earlier result. Inputs are compared by
/// `inputs`: each role with its content now, none where it is not yet known.
pub(crate) fn differences(
    then: &Manifest,
    now: &KeyParts,
    inputs: &[(&String, Option<igpt_artifact::Digest>)],
) -> Vec<Reason> {
    let old = &then.made_from;
    let mut reasons = Vec::new();
    if old.format != now.format {
        reasons.push(Reason::Format { old: old.format, new: now.format });
    }
    if old.stage != now.stage {
        reasons.push(Reason::Stage { old: old.stage.clone(), new: now.stage.clone() });
    } else if old.code != now.code {
        reasons.push(Reason::Code { stage: now.stage.clone() });
    }
    if old.seed != now.seed {
        reasons.push(Reason::Seed { old: old.seed, new: now.seed });
    }
    let names = |a: Vec<&String>, b: Vec<&String>| {
        let all: std::collections::BTreeSet<String> = a.into_iter().chain(b).cloned().collect();
        all
    };
    let sources = names(old.sources.keys().collect(), now.sources.keys().collect());
    for name in names(old.params.keys().collect(), now.params.keys().collect()).difference(&sources) {
        let (old, new) = (old.params.get(name).cloned(), now.params.get(name).cloned());
        if old != new {
            reasons.push(Reason::Param { name: name.clone(), old, new });
        }
    }
    for param in sources {
        if old.sources.get(&param) != now.sources.get(&param) {
            reasons.push(Reason::Source { param });
        }
    }
    for (role, content) in inputs {
        match (old.inputs.get(*role), content) {
            (None, _) => reasons.push(Reason::Input { role: (*role).clone(), how: "added" }),
            (Some(old), Some(new)) if old != new => {
                reasons.push(Reason::Input { role: (*role).clone(), how: "changed" });
            }
            _ => {}
        }
    }
    for role in old.inputs.keys().filter(|role| !inputs.iter().any(|(now, _)| now == role)) {
        reasons.push(Reason::Input { role: role.clone(), how: "removed" });
    }
    reasons
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn reasons_read_well() {
        let param = |old, new| Reason::Param { name: "steps".into(), old, new }.to_string();
        assert_eq!(param(Some(json!(100)), Some(json!(200))), "steps 100 → 200");
        assert_eq!(param(Some(json!("a")), Some(json!(null))), "steps a → null");
        assert_eq!(param(None, Some(json!([0.5]))), "steps is new: [0.5]");
        let long = json!("x".repeat(30) + &"y".repeat(30));
        assert_eq!(short(&long), format!("{}…{}", "x".repeat(20), "y".repeat(20)));
    }
}
