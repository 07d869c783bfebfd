//! checked → resolved: parameters typed and complete, inputs wired, entries in running order.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use igpt_artifact::Digest;
use igpt_stage::{Definition, Input, Need};
use serde_json::{Map, Value};

use crate::check;
use crate::diagnostic::{Diagnostic, Diagnostics, Location};
use crate::file::{Place, Said, Source, plain};
use crate::suggest;

/// An entry that can be planned.
#[derive(Clone)]
pub struct Entry {
    /// Its name.
    pub name: String,
    /// The link to its result, relative to the artifacts folder.
    pub link: String,
    /// Its stage.
    pub definition: Definition,
    /// The digest of the stage's source code.
    pub code: Digest,
    /// Every parameter, defaults filled in.
    pub params: BTreeMap<String, Value>,
    /// Files and folders outside the store, by the parameter that names each.
    pub sources: BTreeMap<String, SourcePath>,
    /// The entry behind each input, by role, as a position in [`crate::Pipeline::entries`].
    pub inputs: BTreeMap<String, usize>,
}

/// A file or folder outside the store.
#[derive(Clone, Debug)]
pub struct SourcePath {
    /// Its absolute path.
    pub path: PathBuf,
    /// Where the pipeline names it.
    pub(crate) at: Location,
}

/// Resolves every entry; the result is in running order: an entry comes after its inputs, and
/// otherwise in the order of the file.
pub(crate) fn resolve(
    pipeline: check::Pipeline,
    source: &Source,
    root: &Path,
) -> Result<Vec<Entry>, Diagnostics> {
    let mut problems = Diagnostics::default();
    let entries = &pipeline.entries;
    let wires: Vec<_> = (0..entries.len()).map(|i| wire(entries, i, source, &mut problems)).collect();
    let resolved: Vec<_> = entries.iter().map(|entry| params(entry, source, root, &mut problems)).collect();
    // Cycles are looked for among wires that are right.
    if !problems.0.is_empty() {
        return Err(problems);
    }
    let order = order(entries, &wires, source, &mut problems);
    let mut place = vec![0; entries.len()];
    for (to, from) in order.iter().enumerate() {
        place[*from] = to;
    }
    let mut resolved: Vec<_> = resolved.into_iter().map(Some).collect();
    let ready = order.iter().filter_map(|i| {
        let entry = &entries[*i];
        let (params, sources) = resolved[*i].take()??;
        Some(Entry {
            name: entry.name.clone(),
            link: pipeline.name.iter().chain([&entry.name]).cloned().collect::<Vec<_>>().join("/"),
            definition: entry.definition.clone(),
            code: entry.code,
            params,
            sources,
            inputs: wires[*i].iter().map(|(role, from)| (role.clone(), place[*from])).collect(),
        })
    });
    let ready = ready.collect();
    problems.or(ready)
}

/// Finds the entry behind every input of entry `i`.
fn wire(
    entries: &[check::Entry],
    i: usize,
    source: &Source,
    problems: &mut Diagnostics,
) -> BTreeMap<String, usize> {
    let entry = &entries[i];
    let mut wires = BTreeMap::new();
    for input in entry.definition.inputs {
        let role = |n: usize| if input.is_list() { Input::nth(input.role, n) } else { input.role.to_owned() };
        if let Some(named) = entry.inputs.get(input.role) {
            if named.list && !input.is_list() {
                let message =
                    format!("`{}` reads one {} as its input `{}`", entry.name, input.kind, input.role);
                let help = "write a name instead of a list".to_owned();
                problems.push(Diagnostic::new(source.value(&named.place, &[]), message).help(help));
                continue;
            }
            if named.names.is_empty() && input.need == Need::Several {
                let message = format!("`{}` needs at least one {}", entry.name, input.kind);
                problems.push(Diagnostic::new(source.value(&named.place, &[]), message));
            }
            for (n, said) in named.names.iter().enumerate() {
                let Some(from) = entries.iter().position(|e| e.name == said.value) else { continue };
                if entries[from].definition.kind == input.kind {
                    wires.insert(role(n), from);
                } else {
                    problems.push(other_kind(entries, entry, input, &entries[from], said, source));
                }
            }
            continue;
        }
        if input.need == Need::IfNamed {
            continue;
        }
        let makers: Vec<_> =
            (0..entries.len()).filter(|n| *n != i && entries[*n].definition.kind == input.kind).collect();
        if input.is_list() && !makers.is_empty() {
            wires.extend(makers.iter().enumerate().map(|(n, from)| (role(n), *from)));
            continue;
        }
        // An entry that bears its stage's name goes before others; two such are no clearer than none.
        let canonical = makers.iter().filter(|n| entries[**n].name == entries[**n].definition.name);
        let canonical: Vec<_> = canonical.copied().collect();
        match (&canonical[..], &makers[..]) {
            ([from], _) | ([], [from]) => {
                wires.insert(input.role.to_owned(), *from);
            }
            ([], []) if matches!(input.need, Need::IfPresent | Need::AnyNumber) => {}
            ([], []) => {
                let message =
                    format!("`{}` needs an input of kind {}, which no stage makes", entry.name, input.kind);
                let help = format!("add a stage that makes {}", input.kind);
                problems.push(Diagnostic::new(source.key(&entry.place()), message).help(help));
            }
            ([], several) | (several, _) => {
                let names = suggest::quoted(several.iter().map(|n| entries[*n].name.as_str()));
                let message = format!("`{}` can read its input `{}` from {names}", entry.name, input.role);
                let first = &entries[several[0]].name;
                let help = format!("say which, such as `inputs: {{{}: {first}}}`", input.role);
                problems.push(Diagnostic::new(source.key(&entry.place()), message).help(help));
            }
        }
    }
    wires
}

/// A role that reads one kind and is given another.
fn other_kind(
    entries: &[check::Entry],
    entry: &check::Entry,
    input: &Input,
    from: &check::Entry,
    said: &Said<String>,
    source: &Source,
) -> Diagnostic {
    let message = format!(
        "`{}` makes {}, but `{}` reads {} as its input `{}`",
        said.value, from.definition.kind, entry.name, input.kind, input.role
    );
    let makers = entries.iter().filter(|e| e.definition.kind == input.kind);
    let help = suggest::quoted(makers.map(|e| e.name.as_str()));
    let help = (!help.is_empty()).then(|| format!("what makes {}: {help}", input.kind));
    Diagnostic::new(source.value(&said.place, &[]), message).help(help)
}

type Params = (BTreeMap<String, Value>, BTreeMap<String, SourcePath>);

/// Types and completes an entry's parameters.
fn params(entry: &check::Entry, source: &Source, root: &Path, problems: &mut Diagnostics) -> Option<Params> {
    let raw: Map<_, _> = entry.params.iter().map(|(name, said)| (name.clone(), said.value.clone())).collect();
    // A parameter that the file leaves to its default is explained at the entry.
    let at = |path: &[String], key: bool| match path.first().and_then(|name| entry.params.get(name)) {
        Some(said) if key => match &said.place {
            Place::File(said) => source.key(&Place::File([said, &path[1..]].concat())),
            set @ Place::Set(_) => source.key(set),
        },
        Some(said) => source.value(&said.place, &path[1..]),
        None => source.key(&entry.place()),
    };
    match (entry.definition.resolve)(&raw, root) {
        Ok(resolved) => {
            let sources = resolved.sources.into_iter().map(|(param, path)| {
                let at = at(std::slice::from_ref(&param), false);
                (param, SourcePath { path, at })
            });
            Some((resolved.params, sources.collect()))
        }
        Err(error) => {
            let path = plain(error.path);
            let unknown = suggest::unknown_field(&error.message);
            let help =
                unknown.as_ref().and_then(|(wrong, valid)| suggest::help(wrong, valid.iter().copied()));
            let name = if path.is_empty() { String::new() } else { format!(" `{}`", path.join(".")) };
            let message = format!("parameter{name} of `{}`: {}", entry.definition.name, error.message);
            let at = at(&path, unknown.is_some());
            problems.push(Diagnostic::new(at, message).help(error.hint.or(help)));
            None
        }
    }
}

/// Running order: of the entries whose inputs are all placed, the first in the file comes next.
fn order(
    entries: &[check::Entry],
    wires: &[BTreeMap<String, usize>],
    source: &Source,
    problems: &mut Diagnostics,
) -> Vec<usize> {
    let mut order: Vec<usize> = Vec::new();
    let mut left: Vec<usize> = (0..entries.len()).collect();
    while !left.is_empty() {
        let Some(next) = left.iter().position(|i| wires[*i].values().all(|from| order.contains(from))) else {
            problems.push(cycle(entries, wires, &left, source));
            break;
        };
        order.push(left.remove(next));
    }
    order
}

/// Describes one loop among entries of which each waits for another.
fn cycle(
    entries: &[check::Entry],
    wires: &[BTreeMap<String, usize>],
    left: &[usize],
    source: &Source,
) -> Diagnostic {
    let mut walk = vec![left[0]];
    let start = loop {
        let here = walk[walk.len() - 1];
        let next = wires[here].values().find(|from| left.contains(from));
        let next = *next.expect("an entry is left because one of its inputs is left");
        if let Some(start) = walk.iter().position(|seen| *seen == next) {
            break start;
        }
        walk.push(next);
    };
    let ring = &walk[start..];
    // Told from the entry that comes first in the file, in the direction of the data.
    let first = (0..ring.len()).min_by_key(|n| ring[*n]).unwrap_or(0);
    let names = (0..=ring.len())
        .map(|n| entries[ring[(first + ring.len() - n % ring.len()) % ring.len()]].name.as_str());
    let message = format!("the stages wait for each other: {}", names.collect::<Vec<_>>().join(" → "));
    let entry = &entries[ring[first]];
    let from = ring[(first + 1) % ring.len()];
    let mut named = entry.inputs.values().flat_map(|named| &named.names);
    let named = named.find(|said| said.value == entries[from].name);
    let at = named.map_or_else(|| source.key(&entry.place()), |said| source.value(&said.place, &[]));
    Diagnostic::new(at, message).help("change `inputs` of one of them".to_owned())
}
