//! Following artifacts back through the store.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use igpt_artifact::{Key, Kind, Manifest, Store};
use igpt_stage::InputArtifact;

use crate::Error;

/// The artifacts of a run and everything they were made from, inputs before what uses them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lineage {
    pub(crate) nodes: Vec<Node>,
}

/// One artifact of a lineage.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) key: Key,
    /// The name that the pipeline gave the stage that made it.
    pub(crate) name: String,
    /// Its manifest; none where the artifact is no longer in the store.
    pub(crate) manifest: Option<Manifest>,
    /// Its inputs' places in [`Lineage::nodes`].
    pub(crate) inputs: Vec<usize>,
}

impl Lineage {
    /// Follows the inputs of these artifacts, the inputs of those, and so on. An ancestor that the
    /// report does not read itself, such as the untrained network, is looked up in the store
    /// that the artifact lies in.
    pub(crate) fn trace<'a>(artifacts: impl Iterator<Item = &'a InputArtifact>) -> Result<Self, Error> {
        let mut found: BTreeMap<Key, (String, Option<Manifest>)> = BTreeMap::new();
        let mut pending = Vec::new();
        let mut stores = BTreeSet::new();
        for artifact in artifacts {
            stores.extend(store_of(&artifact.dir, &artifact.manifest));
            pending.push(artifact.manifest.clone());
        }
        while let Some(manifest) = pending.pop() {
            for origin in manifest.inputs.values() {
                if let Entry::Vacant(entry) = found.entry(origin.key) {
                    entry.insert((origin.name.clone(), None));
                    pending.extend(look_up(&stores, origin.key)?);
                }
            }
            found.insert(manifest.key, (manifest.name.clone(), Some(manifest)));
        }
        Ok(Self::ordered(found))
    }

    /// Sorts by the longest way from an artifact without inputs, then kind, then name.
    fn ordered(mut found: BTreeMap<Key, (String, Option<Manifest>)>) -> Self {
        let mut nodes: Vec<Node> = Vec::new();
        let mut place: BTreeMap<Key, usize> = BTreeMap::new();
        while !found.is_empty() {
            let ready = |manifest: &Option<Manifest>| {
                manifest.iter().flat_map(|m| m.inputs.values()).all(|origin| place.contains_key(&origin.key))
            };
            let mut next: Vec<Key> =
                found.iter().filter(|(_, (_, manifest))| ready(manifest)).map(|(key, _)| *key).collect();
            // Keys are digests of what they are made from, so manifests cannot form a circle;
            // damaged ones that do are left out.
            if next.is_empty() {
                break;
            }
            next.sort_by_key(|key| {
                let (name, manifest) = &found[key];
                (manifest.as_ref().map(|m| m.made_from.kind), name.clone())
            });
            let layer: Vec<Node> = next
                .into_iter()
                .filter_map(|key| found.remove(&key).map(|(name, manifest)| (key, name, manifest)))
                .map(|(key, name, manifest)| {
                    let origins = manifest.iter().flat_map(|m| m.inputs.values());
                    let inputs: BTreeSet<usize> = origins.map(|origin| place[&origin.key]).collect();
                    Node { key, name, inputs: inputs.into_iter().collect(), manifest }
                })
                .collect();
            for node in layer {
                place.insert(node.key, nodes.len());
                nodes.push(node);
            }
        }
        Self { nodes }
    }
}

/// The root of the store in which an artifact lies, if it lies in one.
fn store_of(dir: &Path, manifest: &Manifest) -> Option<PathBuf> {
    let dir = dir.canonicalize().ok()?;
    let is_home = |root: &&Path| Store::new(*root).place(manifest.made_from.kind, manifest.key) == dir;
    dir.ancestors().skip(1).find(is_home).map(Path::to_path_buf)
}

fn look_up(stores: &BTreeSet<PathBuf>, key: Key) -> Result<Option<Manifest>, Error> {
    for root in stores {
        for kind in Kind::ALL {
            if let Some(artifact) = Store::new(root).find(kind, key)? {
                return Ok(Some(artifact.manifest));
            }
        }
    }
    Ok(None)
}
