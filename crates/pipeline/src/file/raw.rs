//! `pipeline.yaml` as it is written: typed, but no name in it is checked.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::{Map, Value};

/// The whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Pipeline {
    /// A name, which becomes a folder of its own below the artifacts.
    pub(crate) name: Option<String>,
    /// The seed of everything random.
    #[serde(default)]
    pub(crate) seed: u64,
    /// Where results go.
    pub(crate) artifacts: Option<String>,
    /// The stages.
    pub(crate) stages: Entries,
}

/// One entry under `stages`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Entry {
    /// The stage; the entry's own name where it is left out.
    #[serde(rename = "use")]
    pub(crate) stage: Option<String>,
    /// Another entry to start from.
    pub(crate) like: Option<String>,
    /// The entry or entries to read from, by role.
    #[serde(default)]
    inputs: Option<BTreeMap<String, From>>,
    /// Parameters of the stage.
    #[serde(default)]
    params: Option<Map<String, Value>>,
}

/// What an entry reads in a role.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged, expecting = "the name of a stage, or a list of names")]
pub(crate) enum From {
    One(String),
    Several(Vec<String>),
}

impl Entry {
    pub(crate) fn inputs(&self) -> impl Iterator<Item = (&String, &From)> {
        self.inputs.iter().flatten()
    }

    pub(crate) fn params(&self) -> impl Iterator<Item = (&String, &Value)> {
        self.params.iter().flatten()
    }
}

/// Entries in the order of the file.
#[derive(Debug)]
pub(crate) struct Entries(pub(crate) Vec<(String, Entry)>);

impl<'de> Deserialize<'de> for Entries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Entries;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map of stages")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries, A::Error> {
                let mut entries = Vec::new();
                while let Some((name, entry)) = map.next_entry::<String, Option<Entry>>()? {
                    entries.push((name, entry.unwrap_or_default()));
                }
                Ok(Entries(entries))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}
