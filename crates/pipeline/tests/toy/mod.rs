//! Small stages on text files, to try the runner with.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use igpt_artifact::{Digest, Explain, Kind};
use igpt_pipeline::Stages;
use igpt_stage::{Context, Definition, Input, Invalid, Params, Stage, Summary};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What goes wrong in a toy.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct ToyError(String);

impl Explain for ToyError {
    fn hint(&self) -> Option<String> {
        Some("play something else".into())
    }
}

fn io(e: std::io::Error) -> ToyError {
    ToyError(e.to_string())
}

/// `images`: writes a text, or what is in a file.
#[derive(Debug)]
pub(crate) struct Images;

/// Its parameters.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ImagesParams {
    /// The text.
    pub(crate) text: String,
    /// A file or folder to read instead.
    pub(crate) path: Option<PathBuf>,
    /// How to fail: `error`, `panic`, `kill`, or not at all.
    pub(crate) fail: String,
}

impl Params for ImagesParams {
    fn anchor(&mut self, root: &Path) {
        self.path = self.path.take().map(|path| root.join(path));
    }

    fn sources(&self) -> Vec<(&'static str, PathBuf)> {
        self.path.iter().map(|path| ("path", path.clone())).collect()
    }
}

impl Stage for Images {
    const NAME: &'static str = "images";
    const ABOUT: &'static str = "Writes a text.";
    const KIND: Kind = Kind::Images;
    const INPUTS: &'static [Input] = &[];
    type Params = ImagesParams;
    type Error = ToyError;

    fn run(context: &Context<'_>, params: &ImagesParams) -> Result<Summary, ToyError> {
        let text = match &params.path {
            Some(path) => fs::read_to_string(path).map_err(io)?,
            None => params.text.clone(),
        };
        slow(context.out)?;
        context.progress.log("about to write");
        fs::write(context.out.join("text"), &text).map_err(io)?;
        match params.fail.as_str() {
            "error" => return Err(ToyError("this toy is broken".into())),
            "panic" => panic!("this toy panics"),
            "kill" => {
                let _ =
                    rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
            }
            _ => {}
        }
        Ok(Summary::default().with("length", text.len()))
    }
}

/// Where a file `slow` stands beside the artifacts folder, says which process works and sleeps.
fn slow(out: &Path) -> Result<(), ToyError> {
    let Some(root) = out.ancestors().nth(4) else { return Ok(()) };
    if root.join("slow").exists() {
        fs::write(root.join("pid"), std::process::id().to_string()).map_err(io)?;
        std::thread::sleep(Duration::from_secs(60));
    }
    Ok(())
}

/// `palette`: keeps the first `k` characters of its input.
#[derive(Debug)]
pub(crate) struct Palette;

/// Its parameters.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct PaletteParams {
    /// How many characters.
    pub(crate) k: u32,
    /// A list for messages about its items.
    pub(crate) weights: Vec<f64>,
}

impl Default for PaletteParams {
    fn default() -> Self {
        Self { k: 2, weights: Vec::new() }
    }
}

impl Params for PaletteParams {
    fn check(&self) -> Result<(), Invalid> {
        Invalid::unless(self.k != 1, "k", "a palette of 1 is too small").map_err(|e| e.hint("take 2 or more"))
    }
}

impl Stage for Palette {
    const NAME: &'static str = "palette";
    const ABOUT: &'static str = "Keeps the first characters.";
    const KIND: Kind = Kind::Palette;
    const INPUTS: &'static [Input] = &[Input::required(Kind::Images)];
    type Params = PaletteParams;
    type Error = ToyError;

    fn run(context: &Context<'_>, params: &PaletteParams) -> Result<Summary, ToyError> {
        let text = fs::read_to_string(context.input("images").join("text")).map_err(io)?;
        let kept: String = text.chars().take(params.k as usize).collect();
        fs::write(context.out.join("text"), kept).map_err(io)?;
        fs::write(context.out.join("time"), format!("{:?}", std::time::Instant::now())).map_err(io)?;
        Ok(Summary::default().volatile("time"))
    }
}

/// `tokenize`: the text of both inputs.
#[derive(Debug)]
pub(crate) struct Tokenize;

/// No parameters.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Nothing {}

impl Params for Nothing {}

impl Stage for Tokenize {
    const NAME: &'static str = "tokenize";
    const ABOUT: &'static str = "Joins two texts.";
    const KIND: Kind = Kind::Tokens;
    const INPUTS: &'static [Input] = &[Input::required(Kind::Palette), Input::if_present(Kind::Samples)];
    type Params = Nothing;
    type Error = ToyError;

    fn run(context: &Context<'_>, _: &Nothing) -> Result<Summary, ToyError> {
        let text = fs::read_to_string(context.input("palette").join("text")).map_err(io)?;
        fs::write(context.out.join("text"), text.to_uppercase()).map_err(io)?;
        Ok(Summary::default())
    }
}

/// `sample` reads features and `features` reads samples, if named: a circle.
#[derive(Debug)]
pub(crate) struct Sample;

impl Stage for Sample {
    const NAME: &'static str = "sample";
    const ABOUT: &'static str = "Half a circle.";
    const KIND: Kind = Kind::Samples;
    const INPUTS: &'static [Input] = &[Input::if_named("features", Kind::Features)];
    type Params = Nothing;
    type Error = ToyError;

    fn run(context: &Context<'_>, _: &Nothing) -> Result<Summary, ToyError> {
        fs::write(context.out.join("text"), "").map_err(io)?;
        Ok(Summary::default())
    }
}

/// The other half.
#[derive(Debug)]
pub(crate) struct Features;

impl Stage for Features {
    const NAME: &'static str = "features";
    const ABOUT: &'static str = "Half a circle.";
    const KIND: Kind = Kind::Features;
    const INPUTS: &'static [Input] = &[Input::if_named("samples", Kind::Samples)];
    type Params = Nothing;
    type Error = ToyError;

    fn run(context: &Context<'_>, _: &Nothing) -> Result<Summary, ToyError> {
        fs::write(context.out.join("text"), "").map_err(io)?;
        Ok(Summary::default())
    }
}

/// `report`: the texts of several palettes, in their order.
#[derive(Debug)]
pub(crate) struct Report;

impl Stage for Report {
    const NAME: &'static str = "report";
    const ABOUT: &'static str = "Joins any number of texts.";
    const KIND: Kind = Kind::Report;
    const INPUTS: &'static [Input] = &[Input::several(Kind::Palette)];
    type Params = Nothing;
    type Error = ToyError;

    fn run(context: &Context<'_>, _: &Nothing) -> Result<Summary, ToyError> {
        let texts = context.inputs_of("palette").map(|input| fs::read_to_string(input.dir.join("text")));
        let texts: Vec<_> = texts.collect::<Result<_, _>>().map_err(io)?;
        fs::write(context.out.join("text"), texts.join("+")).map_err(io)?;
        Ok(Summary::default())
    }
}

/// Every toy; `code` stands for the source code of `palette`.
pub(crate) fn stages(code: &str) -> Stages {
    let other = Digest::of("code");
    Stages::new(vec![
        (Definition::of::<Images>(), other),
        (Definition::of::<Palette>(), Digest::of(code)),
        (Definition::of::<Tokenize>(), other),
        (Definition::of::<Sample>(), other),
        (Definition::of::<Features>(), other),
        (Definition::of::<Report>(), other),
    ])
}
