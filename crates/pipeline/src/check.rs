//! raw → checked: every name in the file is one that exists.
//!
//! `--set` is applied, then `like` is expanded, then `${VAR}` is filled in; what is left is a
//! list of entries that stand on their own.

use std::collections::BTreeMap;

use igpt_artifact::Digest;
use igpt_stage::Definition;
use serde_json::Value;

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::env::{self, Environment};
use crate::file::{Place, Said, Source, raw};
use crate::{Stages, suggest};

/// A pipeline in which every name is known.
pub(crate) struct Pipeline {
    pub(crate) name: Option<String>,
    pub(crate) seed: u64,
    pub(crate) artifacts: Option<String>,
    pub(crate) entries: Vec<Entry>,
}

/// An entry that stands on its own.
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) definition: Definition,
    pub(crate) code: Digest,
    pub(crate) inputs: BTreeMap<String, Named>,
    pub(crate) params: BTreeMap<String, Said<Value>>,
}

/// The entries that are named for a role.
#[derive(Clone)]
pub(crate) struct Named {
    /// Where the role stands.
    pub(crate) place: Place,
    /// Whether they are written as a list.
    pub(crate) list: bool,
    pub(crate) names: Vec<Said<String>>,
}

impl Named {
    fn new(place: Place, from: &raw::From) -> Self {
        match from {
            raw::From::One(name) => {
                let names = vec![Said { value: name.clone(), place: place.clone() }];
                Self { place, list: false, names }
            }
            raw::From::Several(names) => {
                let item = |(n, name): (usize, &String)| Said { value: name.clone(), place: place.item(n) };
                Self { list: true, names: names.iter().enumerate().map(item).collect(), place }
            }
        }
    }
}

impl Entry {
    /// Where the entry itself stands.
    pub(crate) fn place(&self) -> Place {
        Place::file(["stages", &self.name])
    }
}

/// Checks a file that has been read.
pub(crate) fn check(
    raw: raw::Pipeline,
    source: &Source,
    stages: &Stages,
    env: Environment,
) -> Result<Pipeline, Diagnostics> {
    let mut problems = Diagnostics::default();
    let mut drafts: Vec<_> = raw.stages.0.iter().map(|(name, entry)| Draft::new(name, entry)).collect();
    let seed = settings(source, &mut drafts, raw.seed, &mut problems);
    if let Some(name) = &raw.name {
        check_name(name, source, &Place::file(["name"]), &mut problems);
    }
    if drafts.is_empty() {
        let place = Place::file(["stages"]);
        problems.push(
            Diagnostic::new(source.key(&place), "a pipeline needs at least one stage")
                .help(Some(format!("stages: {}", suggest::quoted(stages.names())))),
        );
    }
    for draft in &drafts {
        check_name(draft.name, source, &Place::file(["stages", draft.name]), &mut problems);
    }
    let mut entries = Vec::new();
    for i in 0..drafts.len() {
        if let Some(entry) = expand(&drafts, i, source, stages, &mut problems) {
            entries.push(entry);
        }
    }
    let names: Vec<_> = drafts.iter().map(|draft| draft.name).collect();
    for entry in &mut entries {
        check_params(entry, source, env, &mut problems);
        check_inputs(entry, source, &names, &mut problems);
    }
    let artifacts = raw.artifacts.as_deref().map(|text| {
        env::fill_text(text, env).unwrap_or_else(|error| {
            let at = source.value(&Place::file(["artifacts"]), &[]);
            problems.push(env_problem(at, error));
            String::new()
        })
    });
    problems.or(Pipeline { name: raw.name, seed, artifacts, entries })
}

/// An entry as written, with what `--set` adds.
struct Draft<'a> {
    name: &'a str,
    stage: Option<&'a str>,
    like: Option<&'a str>,
    inputs: BTreeMap<String, Named>,
    params: BTreeMap<String, Said<Value>>,
}

impl<'a> Draft<'a> {
    fn new(name: &'a str, entry: &'a raw::Entry) -> Self {
        let said = |under: &str, key: &str| Place::file(["stages", name, under, key]);
        Self {
            name,
            stage: entry.stage.as_deref(),
            like: entry.like.as_deref(),
            inputs: entry
                .inputs()
                .map(|(role, from)| (role.clone(), Named::new(said("inputs", role), from)))
                .collect(),
            params: entry
                .params()
                .map(|(name, value)| {
                    (name.clone(), Said { value: value.clone(), place: said("params", name) })
                })
                .collect(),
        }
    }
}

/// Applies `--set` to the drafts; the seed that results.
fn settings(source: &Source, drafts: &mut [Draft<'_>], seed: u64, problems: &mut Diagnostics) -> u64 {
    let mut seed = seed;
    for (i, setting) in source.settings.iter().enumerate() {
        let Some((entry, param)) = &setting.target else {
            match setting.value.as_u64() {
                Some(number) => seed = number,
                None => {
                    problems.push(Diagnostic::new(setting.at_value(), "a seed is a whole number from 0 up"))
                }
            }
            continue;
        };
        let said = Said { value: setting.value.clone(), place: Place::Set(i) };
        match drafts.iter_mut().find(|draft| draft.name == entry) {
            Some(draft) => {
                draft.params.insert(param.clone(), said);
            }
            None => {
                let message = format!("the pipeline has no stage `{entry}`");
                let help = suggest::help(entry, drafts.iter().map(|draft| draft.name));
                problems.push(Diagnostic::new(setting.at_entry(), message).help(help));
            }
        }
    }
    seed
}

/// Names become folders and words on a command line.
fn check_name(name: &str, source: &Source, place: &Place, problems: &mut Diagnostics) {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if name.is_empty() || name.starts_with('-') || !name.chars().all(plain) {
        let message = format!("`{name}` cannot be the name of a folder of results");
        let help = "use letters, digits, `-` and `_`".to_owned();
        problems.push(Diagnostic::new(source.key(place), message).help(help));
    }
}

/// Follows `like` to its end and lays the entries over each other.
fn expand(
    drafts: &[Draft<'_>],
    i: usize,
    source: &Source,
    stages: &Stages,
    problems: &mut Diagnostics,
) -> Option<Entry> {
    let mut chain = vec![i];
    while let Some(base) = drafts[chain[chain.len() - 1]].like {
        let draft = &drafts[chain[chain.len() - 1]];
        let place = Place::file(["stages", draft.name, "like"]);
        if draft.stage.is_some() {
            let message =
                "`use` and `like` exclude each other: an entry is the same stage as the one it is like";
            problems.push(Diagnostic::new(source.key(&place), message));
            return None;
        }
        let Some(next) = drafts.iter().position(|draft| draft.name == base) else {
            let help =
                suggest::help(base, drafts.iter().map(|draft| draft.name).filter(|n| *n != draft.name));
            let message = format!("the pipeline has no stage `{base}`");
            problems.push(Diagnostic::new(source.value(&place, &[]), message).help(help));
            return None;
        };
        if let Some(start) = chain.iter().position(|seen| *seen == next) {
            // Every entry of the loop and below it comes here; the first in the file speaks.
            let ring = &chain[start..];
            if ring.iter().min() == Some(&i) {
                let names: Vec<_> = ring.iter().chain([&next]).map(|n| drafts[*n].name).collect();
                let message = format!("entries are like each other in a circle: {}", names.join(" → "));
                problems.push(Diagnostic::new(source.value(&place, &[]), message));
            }
            return None;
        }
        chain.push(next);
    }
    let base = &drafts[chain[chain.len() - 1]];
    let stage = base.stage.unwrap_or(base.name);
    let Some((definition, code)) = stages.get(stage) else {
        let at = match base.stage {
            Some(_) => source.value(&Place::file(["stages", base.name, "use"]), &[]),
            None => source.key(&Place::file(["stages", base.name])),
        };
        let mut help = suggest::help(stage, stages.names());
        if base.stage.is_none() {
            help = help
                .map(|help| format!("{help}; an entry of another name says which stage it is with `use`"));
        }
        problems.push(Diagnostic::new(at, format!("unknown stage `{stage}`")).help(help));
        return None;
    };
    let (mut inputs, mut params) = (BTreeMap::new(), BTreeMap::new());
    for draft in chain.iter().rev().map(|n| &drafts[*n]) {
        inputs.extend(draft.inputs.clone());
        params.extend(draft.params.clone());
    }
    let name = drafts[i].name.to_owned();
    Some(Entry { name, definition: definition.clone(), code: *code, inputs, params })
}

/// Checks the names of parameters and fills in `${VAR}`.
fn check_params(entry: &mut Entry, source: &Source, env: Environment, problems: &mut Diagnostics) {
    if entry.params.is_empty() {
        return;
    }
    let known = entry.definition.param_names();
    for (name, said) in &mut entry.params {
        if !known.contains(name) {
            let message = format!("unknown parameter `{name}` of stage `{}`", entry.definition.name);
            let help = suggest::help(name, known.iter().map(String::as_str))
                .or_else(|| Some("this stage has no parameters".into()));
            problems.push(Diagnostic::new(source.key(&said.place), message).help(help));
            continue;
        }
        match env::fill(&said.value, env) {
            Ok(value) => said.value = value,
            Err((path, error)) => problems.push(env_problem(source.value(&said.place, &path), error)),
        }
    }
}

fn env_problem(at: crate::Location, error: env::EnvError) -> Diagnostic {
    let help = match &error {
        env::EnvError::Unset(name) => {
            format!("set it, or give a default: `${{{name}:-…}}`")
        }
        env::EnvError::Malformed => {
            "write `${NAME}` or `${NAME:-default}`; `$${` stands for `${` itself".into()
        }
    };
    Diagnostic::new(at, error.to_string()).help(help)
}

/// Checks the roles and the entries under `inputs`.
fn check_inputs(entry: &Entry, source: &Source, names: &[&str], problems: &mut Diagnostics) {
    let roles: Vec<_> = entry.definition.inputs.iter().map(|input| input.role).collect();
    for (role, named) in &entry.inputs {
        if !roles.contains(&role.as_str()) {
            let message = format!("stage `{}` has no input `{role}`", entry.definition.name);
            let help = suggest::help(role, roles.iter().copied())
                .or_else(|| Some("this stage reads no artifact".into()));
            problems.push(Diagnostic::new(source.key(&named.place), message).help(help));
        }
        for said in named.names.iter().filter(|said| !names.contains(&said.value.as_str())) {
            let message = format!("the pipeline has no stage `{}`", said.value);
            let help = suggest::help(&said.value, names.iter().copied());
            problems.push(Diagnostic::new(source.value(&said.place, &[]), message).help(help));
        }
    }
}
