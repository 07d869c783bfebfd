//! A stage with its types erased: all that the runner knows of it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use igpt_artifact::Kind;
use serde_json::{Map, Value};

use crate::{Context, Failure, Forecast, Input, InputFacts, Params, ParamsError, Stage, Summary};

/// What the runner knows of a stage.
#[derive(Clone)]
pub struct Definition {
    /// The name in pipeline files.
    pub name: &'static str,
    /// One line that says what it does.
    pub about: &'static str,
    /// What it makes.
    pub kind: Kind,
    /// What it reads.
    pub inputs: &'static [Input],
    /// The JSON Schema of its parameters.
    pub schema: fn() -> Value,
    /// Reads parameters as they stand in a pipeline file. Relative paths are taken from the
    /// given folder.
    pub resolve: fn(&Map<String, Value>, &Path) -> Result<Resolved, ParamsError>,
    /// Forecasts a run with resolved parameters. Parameters that are none of the stage's give no forecast.
    pub forecast: fn(&BTreeMap<String, Value>, &InputFacts) -> Forecast,
    /// Runs the stage with resolved parameters.
    pub run: fn(&Context<'_>, &BTreeMap<String, Value>) -> Result<Summary, Failure>,
}

/// Parameters with every default filled in.
#[derive(Clone, Debug, PartialEq)]
pub struct Resolved {
    /// Each parameter, as the stage reads it.
    pub params: BTreeMap<String, Value>,
    /// The files and folders outside the store, with the parameter that names each.
    pub sources: BTreeMap<String, PathBuf>,
}

impl Definition {
    /// The definition of a stage.
    pub fn of<S: Stage>() -> Self {
        Self {
            name: S::NAME,
            about: S::ABOUT,
            kind: S::KIND,
            inputs: S::INPUTS,
            schema: || schemars::schema_for!(S::Params).into(),
            resolve: resolve::<S>,
            forecast: |params, inputs| match read::<S::Params>(Value::Object(
                params.clone().into_iter().collect(),
            )) {
                Ok(params) => S::forecast(&params, inputs),
                Err(_) => Forecast::default(),
            },
            run: run::<S>,
        }
    }

    /// The names of its parameters.
    pub fn param_names(&self) -> Vec<String> {
        (self.schema)()["properties"]
            .as_object()
            .map(|names| names.keys().cloned().collect())
            .unwrap_or_default()
    }
}

fn read<P: Params>(params: Value) -> Result<P, ParamsError> {
    serde_path_to_error::deserialize(params).map_err(|e| {
        let path = e.path().iter().map(ToString::to_string).filter(|part| part != "?").collect();
        ParamsError { path, message: e.into_inner().to_string(), hint: None }
    })
}

fn resolve<S: Stage>(raw: &Map<String, Value>, root: &Path) -> Result<Resolved, ParamsError> {
    let mut params: S::Params = read(Value::Object(raw.clone()))?;
    params.anchor(root);
    params.check()?;
    let sources = params.sources().into_iter().map(|(param, path)| (param.to_owned(), path)).collect();
    let failed = |message: String| ParamsError { path: Vec::new(), message, hint: None };
    match serde_json::to_value(&params) {
        Ok(Value::Object(params)) => Ok(Resolved { params: params.into_iter().collect(), sources }),
        Ok(other) => Err(failed(format!("parameters that are no map: {other}"))),
        Err(e) => Err(failed(e.to_string())),
    }
}

fn run<S: Stage>(context: &Context<'_>, params: &BTreeMap<String, Value>) -> Result<Summary, Failure> {
    let params: S::Params = read(Value::Object(params.clone().into_iter().collect())).map_err(|e| {
        Failure { message: format!("parameters of {}: {e}", S::NAME), causes: Vec::new(), hint: e.hint }
    })?;
    S::run(context, &params).map_err(|e| Failure::new(&e))
}
