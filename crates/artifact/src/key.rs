//! The identity of a result, computed before the result exists.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Digest, Kind, canonical_json};

/// Everything that a result depends on. Two runs with equal parts give equal results, so the
/// second one need not happen.
///
/// The device, the number of threads and the name that a pipeline gives the stage are left out
/// on purpose: they say how and where, not what.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyParts {
    /// The kind of artifact.
    pub kind: Kind,
    /// The version of the kind's layout: [`Kind::format`].
    pub format: u32,
    /// The stage that makes it, such as `pretrain`.
    pub stage: String,
    /// The digest of the stage's source code and of the workspace crates below it.
    pub code: Digest,
    /// The resolved parameters that the stage reads, defaults filled in.
    pub params: BTreeMap<String, Value>,
    /// The content of each input artifact, by role.
    pub inputs: BTreeMap<String, Digest>,
    /// The content of each file or folder outside the store, by the parameter that names it.
    pub sources: BTreeMap<String, Digest>,
    /// The pipeline's seed.
    pub seed: u64,
}

impl KeyParts {
    /// The key: the digest of the canonical encoding.
    ///
    /// # Panics
    /// Never: every field has a JSON form.
    pub fn key(&self) -> Key {
        let value = serde_json::to_value(self).expect("every field of KeyParts has a JSON form");
        Key(Digest::of(canonical_json(&value)))
    }
}

/// The name of a result in the store.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Key(pub Digest);

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn parts() -> KeyParts {
        KeyParts {
            kind: Kind::Palette,
            format: 1,
            stage: "palette".into(),
            code: Digest::of("code"),
            params: BTreeMap::from([("k".into(), json!(8)), ("tolerance".into(), json!(1e-4))]),
            inputs: BTreeMap::from([("images".into(), Digest::of("images"))]),
            sources: BTreeMap::new(),
            seed: 0,
        }
    }

    /// A golden value: if this changes, every cache in the world is void.
    #[test]
    fn golden() {
        assert_eq!(parts().key().to_string(), GOLDEN);
    }
    const GOLDEN: &str = "9c9bd0a1d2d5f76c600da34529cb340923f7d5503e99635efb5a096a972c76f4";

    #[test]
    fn every_part_counts() {
        let base = parts().key();
        let changes: [fn(&mut KeyParts); 8] = [
            |p| p.kind = Kind::Tokens,
            |p| p.format = 2,
            |p| p.stage = "other".into(),
            |p| p.code = Digest::of("other"),
            |p| p.params = BTreeMap::from([("k".into(), json!(9))]),
            |p| p.inputs = BTreeMap::from([("images".into(), Digest::of("other"))]),
            |p| p.sources = BTreeMap::from([("path".into(), Digest::of("images"))]),
            |p| p.seed = 1,
        ];
        for change in changes {
            let mut changed = parts();
            change(&mut changed);
            assert_ne!(changed.key(), base);
        }
    }
}
