//! Stage `import-model`.

use std::path::{Path, PathBuf};

use igpt_artifact::Kind;
use igpt_artifact::table::read_json;
use igpt_model::weights::{self, Checkpoint};
use igpt_model::{Config, config, processor};
use igpt_stage::{Context, Input, Invalid, Params, Stage, Summary};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Error, path};

/// Takes the weights of a Hugging Face ImageGPT directory.
///
/// The artifact is such a directory too, in one form: `config.json`, `model.safetensors` in f32 with
/// biases, and `preprocessor_config.json` where the source says its colours. Nothing is trained, so
/// there is no `metrics.parquet`.
#[derive(Clone, Copy, Debug)]
pub struct ImportModelStage;

/// Where the weights are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ImportModelParams {
    /// The folder, with `config.json` in it.
    pub path: Option<PathBuf>,
    /// The file of weights in that folder: `*.safetensors`, an index `*.json` of several files, or one
    /// that `torch.save` wrote. If not given: `model.safetensors`, its index, `pytorch_model.bin` or its
    /// index, whichever is there first.
    pub weights: Option<String>,
}

impl Params for ImportModelParams {
    fn check(&self) -> Result<(), Invalid> {
        path::check(self.path.as_ref(), "the folder of a model")?;
        match &self.weights {
            Some(name) if Path::new(name).file_name().is_none_or(|file| file != name.as_str()) => {
                let hint = "the file lies in the folder that path names";
                Err(Invalid::new("weights", format!("`{name}` is not the name of a file")).hint(hint))
            }
            _ => Ok(()),
        }
    }

    fn sources(&self) -> Vec<(&'static str, PathBuf)> {
        path::source(self.path.as_ref())
    }

    fn anchor(&mut self, root: &Path) {
        self.path = self.path.take().map(|path| root.join(path));
    }
}

impl Stage for ImportModelStage {
    const NAME: &'static str = "import-model";
    const ABOUT: &'static str = "take the weights of a Hugging Face ImageGPT directory";
    const KIND: Kind = Kind::Model;
    const INPUTS: &'static [Input] = &[];
    type Params = ImportModelParams;
    type Error = Error;

    fn run(context: &Context<'_>, params: &ImportModelParams) -> Result<Summary, Error> {
        let dir = path::get(params.path.as_ref())?;
        if !dir.is_dir() {
            return Err(Error::NotAFolder { path: dir.to_path_buf() });
        }
        let config = Config::open(dir)?;
        refuse_variants(&dir.join(config::FILE))?;
        let checkpoint = match &params.weights {
            Some(name) => Checkpoint::open_file(&dir.join(name))?,
            None => Checkpoint::open(dir)?,
        };
        checkpoint.check(config)?;
        let palette = import_processor(dir, config, context.out)?;
        let biases = weights::copy(&checkpoint, config, context.out)?;
        let file = checkpoint.path().file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Summary::default()
            .with("parameters", config.parameters())
            .with("biases", biases)
            .with("palette", palette)
            .with("weights", file))
    }
}

/// Settings of Hugging Face's GPT-2 family under which the same weights mean another network.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Variants {
    scale_attn_by_inverse_layer_idx: bool,
    add_cross_attention: bool,
}

fn refuse_variants(path: &Path) -> Result<(), Error> {
    let variants: Variants = read_json(path)?;
    let refused = [
        (variants.scale_attn_by_inverse_layer_idx, "scale_attn_by_inverse_layer_idx"),
        (variants.add_cross_attention, "add_cross_attention"),
    ];
    match refused.into_iter().find(|(on, _)| *on) {
        Some((_, setting)) => Err(Error::Unsupported { path: path.to_path_buf(), setting }),
        None => Ok(()),
    }
}

/// Takes over the colours, where the directory says them, and says whether it does.
fn import_processor(dir: &Path, config: Config, out: &Path) -> Result<bool, Error> {
    let path = dir.join(processor::FILE);
    let Some(processor) = processor::read(&path)? else { return Ok(false) };
    let processor::Processor { palette, height, width } = processor;
    let wrong = |message| Err(Error::Processor { path: path.clone(), message });
    if palette.len() != config.k {
        return wrong(format!("{} clusters, the network has {} colours", palette.len(), config.k));
    }
    if height.checked_mul(width) != Some(config.n_positions) {
        return wrong(format!(
            "images of {height} × {width} pixels, the network has {} positions",
            config.n_positions
        ));
    }
    processor::write(&palette, height, width, out)?;
    Ok(true)
}
