//! Stage `import-tokens`.

use std::path::{Path, PathBuf};

use igpt_artifact::table::npy::Integers;
use igpt_artifact::table::palette::Palette;
use igpt_artifact::table::tokens::{Tokens, TokensMeta};
use igpt_artifact::{Kind, Split};
use igpt_stage::{Context, Input, Invalid, Params, Stage, Summary, Task};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Error, path};

/// Takes the tokens that OpenAI published: images of ImageNet and CIFAR-10 in their palette.
///
/// An image's id is its place in the files: training images first, then validation, then test images.
#[derive(Clone, Copy, Debug)]
pub struct ImportTokensStage;

/// Where the tokens are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ImportTokensParams {
    /// The folder of `{prefix}_{tr,va,te}X.npy`, integers of shape [images, side²], and
    /// `{prefix}_{tr,va,te}Y.npy`, labels of shape `[images]`. Without `va` the validation split is empty;
    /// without a file of labels a split has none.
    pub path: Option<PathBuf>,
    /// How the names of the files begin, such as `cifar10` or `imagenet`.
    pub prefix: String,
}

impl Params for ImportTokensParams {
    fn check(&self) -> Result<(), Invalid> {
        path::check(self.path.as_ref(), "the folder of cifar10_trX.npy or its like")?;
        let Self { prefix, .. } = self;
        if prefix.is_empty() || Path::new(prefix).file_name().is_none_or(|name| name != prefix.as_str()) {
            let hint = "for cifar10_trX.npy set it to cifar10";
            return Err(Invalid::new("prefix", format!("`{prefix}` begins no file's name")).hint(hint));
        }
        Ok(())
    }

    fn sources(&self) -> Vec<(&'static str, PathBuf)> {
        path::source(self.path.as_ref())
    }

    fn anchor(&mut self, root: &Path) {
        self.path = self.path.take().map(|path| root.join(path));
    }
}

impl Stage for ImportTokensStage {
    const NAME: &'static str = "import-tokens";
    const ABOUT: &'static str = "take tokens in OpenAI's NumPy files";
    const KIND: Kind = Kind::Tokens;
    const INPUTS: &'static [Input] = &[Input::required(Kind::Palette)];
    type Params = ImportTokensParams;
    type Error = Error;

    fn run(context: &Context<'_>, params: &ImportTokensParams) -> Result<Summary, Error> {
        let dir = path::get(params.path.as_ref())?;
        let palette = Palette::open(context.input(Kind::Palette.name()))?;
        let mut sources = Vec::new();
        for split in Split::ALL {
            sources.push((split, Source::open(dir, &params.prefix, split)?));
        }
        let widths: Vec<_> = sources.iter().filter_map(|(_, source)| source.as_ref()).collect();
        let side = side(&widths)?;
        let mut meta = TokensMeta { height: side, width: side, k: palette.len(), ..TokensMeta::default() };
        let total = widths.iter().map(|source| source.rows).sum();
        let task = Task::begin(context.progress, "import", total, "images");

        let mut summary = Summary::default().with("colours", palette.len()).with("side", side);
        let mut next_id = 0;
        for (split, source) in sources {
            let mut writer = Tokens::writer(context.out, split, &meta);
            if let Some(mut source) = source {
                let mut tokens = Vec::with_capacity(meta.len());
                for row in 0..source.rows {
                    let label = source.row(row, meta.k, meta.len(), &mut tokens)?;
                    writer.push(next_id, label, &tokens)?;
                    next_id += 1;
                    if row % 1024 == 1023 {
                        task.advance(1024);
                    }
                }
                if source.labels.is_none() {
                    context.progress.log(&format!("the {split} images have no labels"));
                }
            }
            let rows = writer.finish()?;
            meta.rows.insert(split, rows);
            summary = summary.with(&format!("{split}_images"), rows);
        }
        meta.write(context.out)?;
        Ok(summary)
    }
}

/// The two files of a split.
struct Source {
    path: PathBuf,
    tokens: Integers,
    labels: Option<Integers>,
    rows: u64,
    /// Tokens in a row.
    width: u64,
    raw: Vec<i64>,
}

impl Source {
    /// Opens the files; none for a validation split that is not there.
    fn open(dir: &Path, prefix: &str, split: Split) -> Result<Option<Self>, Error> {
        let part = match split {
            Split::Train => "tr",
            Split::Validation => "va",
            Split::Test => "te",
        };
        let file = |what: &str| dir.join(format!("{prefix}_{part}{what}.npy"));
        let path = file("X");
        if !path.exists() {
            let missing = || Error::NoTokens { found: prefixes(dir), path };
            return if split == Split::Validation { Ok(None) } else { Err(missing()) };
        }
        let tokens = Integers::open(&path)?;
        let (rows, width) = match *tokens.shape() {
            [rows, width] => (rows, width),
            ref other => return Err(shape(&path, other, "[images, side²]")),
        };
        let labels = file("Y");
        let labels = if labels.exists() {
            let opened = Integers::open(&labels)?;
            if opened.shape() != [rows] {
                return Err(shape(&labels, opened.shape(), &format!("[{rows}], one label an image")));
            }
            Some(opened)
        } else {
            None
        };
        Ok(Some(Self { path, tokens, labels, rows, width, raw: Vec::new() }))
    }

    /// Reads the next image; gives its label.
    fn row(&mut self, row: u64, k: usize, width: usize, tokens: &mut Vec<u16>) -> Result<Option<i64>, Error> {
        self.raw.resize(width, 0);
        self.tokens.fill(&mut self.raw)?;
        tokens.clear();
        for (position, &token) in self.raw.iter().enumerate() {
            match u16::try_from(token) {
                Ok(token) if usize::from(token) < k => tokens.push(token),
                _ => return Err(Error::Token { path: self.path.clone(), row, position, token, k }),
            }
        }
        let mut label = [0];
        let Some(labels) = &mut self.labels else { return Ok(None) };
        labels.fill(&mut label)?;
        Ok(Some(label[0]))
    }
}

/// Pixels along the side of the images, which all splits must share.
fn side(sources: &[&Source]) -> Result<usize, Error> {
    let Some(first) = sources.first() else { return Err(Error::NoPath) };
    let side = first.width.isqrt();
    for source in sources {
        let found = [source.rows, source.width];
        if source.width != first.width {
            let expected = format!("[images, {}] as in {}", first.width, first.path.display());
            return Err(shape(&source.path, &found, &expected));
        }
        if side == 0 || side * side != source.width || side > MAX_SIDE {
            let expected = format!("[images, side²] with a side of 1 to {MAX_SIDE}");
            return Err(shape(&source.path, &found, &expected));
        }
    }
    Ok(side as usize)
}

/// Pixels along a side at most, as in stage `images`.
const MAX_SIDE: u64 = 256;

fn shape(path: &Path, found: &[u64], expected: &str) -> Error {
    Error::Shape { path: path.to_path_buf(), found: found.to_vec(), expected: expected.to_owned() }
}

/// What files of tokens in a folder begin with.
fn prefixes(dir: &Path) -> Vec<String> {
    let names = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let names = names.filter_map(|entry| entry.file_name().into_string().ok());
    let mut found: Vec<_> =
        names.filter_map(|name| Some(name.strip_suffix("_trX.npy")?.to_owned())).collect();
    found.sort();
    found
}
