//! Reading a pipeline file: text → [`raw`] types, with the position of everything kept.

mod index;
pub(crate) mod raw;

use std::path::{Path, PathBuf};

use index::{Index, Span};

use crate::diagnostic::{Diagnostic, Location};
use crate::set::Setting;
use crate::{Error, suggest};

/// The name that is looked for where no file is named.
pub const DEFAULT_FILE: &str = "pipeline.yaml";

/// The nearest `pipeline.yaml` in `start` or a folder above it.
pub fn discover(start: &Path) -> Result<PathBuf, Error> {
    start
        .ancestors()
        .map(|folder| folder.join(DEFAULT_FILE))
        .find(|file| file.is_file())
        .ok_or_else(|| Error::NoPipeline { start: start.to_path_buf() })
}

/// The folder from which relative paths in `file` are taken: the nearest one, from the file's
/// own upwards, that holds a `pipeline.yaml`, so that `experiments/x.yaml` and `pipeline.yaml`
/// share one place; else the file's own.
pub(crate) fn project_root(file: &Path) -> PathBuf {
    let own = file.parent().unwrap_or(Path::new("/"));
    own.ancestors().find(|folder| folder.join(DEFAULT_FILE).is_file()).unwrap_or(own).to_path_buf()
}

/// Where something was said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// At this path in the file.
    File(Vec<String>),
    /// In the n-th `--set`.
    Set(usize),
}

impl Place {
    pub(crate) fn file<const N: usize>(path: [&str; N]) -> Self {
        Self::File(path.map(str::to_owned).to_vec())
    }

    /// The n-th item of the list that stands here.
    pub(crate) fn item(&self, n: usize) -> Self {
        match self {
            Self::File(path) => Self::File([&path[..], &[n.to_string()]].concat()),
            set @ Self::Set(_) => set.clone(),
        }
    }
}

/// A value and where it was said.
#[derive(Clone, Debug)]
pub(crate) struct Said<T> {
    pub(crate) value: T,
    pub(crate) place: Place,
}

/// A pipeline file and the options that change it, for messages that point into them.
pub(crate) struct Source {
    name: String,
    text: String,
    index: Index,
    pub(crate) settings: Vec<Setting>,
}

impl Source {
    /// Reads a text, called `name` in messages.
    pub(crate) fn read(
        name: &str,
        text: String,
        settings: Vec<Setting>,
    ) -> Result<(Self, raw::Pipeline), Diagnostic> {
        let index = Index::new(&text)
            .map_err(|refused| Diagnostic::new(location(name, &text, refused.span), refused.message))?;
        let source = Self { name: name.to_owned(), text, index, settings };
        let value: serde_yaml::Value = serde_yaml::from_str(&source.text).map_err(|e| source.not_yaml(&e))?;
        let pipeline = serde_path_to_error::deserialize(value).map_err(|e| {
            let path = plain(e.path().iter().map(ToString::to_string));
            let message = e.into_inner().to_string();
            match suggest::unknown_field(&message) {
                Some((wrong, valid)) => {
                    Diagnostic::new(source.key(&Place::File(path)), format!("unknown key `{wrong}`"))
                        .help(suggest::help(wrong, valid))
                }
                None => Diagnostic::new(source.value(&Place::File(path), &[]), message),
            }
        })?;
        Ok((source, pipeline))
    }

    /// The place of a key: in the file the word before the colon, in a `--set` the parameter.
    pub(crate) fn key(&self, place: &Place) -> Location {
        match place {
            Place::File(path) => location(&self.name, &self.text, self.index.key(path)),
            Place::Set(i) => self.settings[*i].at_param(),
        }
    }

    /// The place of a value, or of what is at `below` inside it.
    pub(crate) fn value(&self, place: &Place, below: &[String]) -> Location {
        match place {
            Place::File(path) => {
                let path: Vec<_> = path.iter().chain(below).cloned().collect();
                location(&self.name, &self.text, self.index.value(&path))
            }
            Place::Set(i) => self.settings[*i].at_value(),
        }
    }

    fn not_yaml(&self, error: &serde_yaml::Error) -> Diagnostic {
        let span = error.location().map_or(Span { line: 1, column: 1, width: 1 }, |at| Span {
            line: at.line(),
            column: at.column(),
            width: 1,
        });
        Diagnostic::new(location(&self.name, &self.text, span), format!("not valid YAML: {error}"))
    }
}

fn location(origin: &str, text: &str, span: Span) -> Location {
    Location {
        origin: origin.to_owned(),
        line: Some(span.line),
        column: span.column.max(1),
        width: span.width.max(1),
        text: text.lines().nth(span.line - 1).unwrap_or_default().to_owned(),
    }
}

/// A path as the index has it: serde writes the items of a sequence as `[0]`.
pub(crate) fn plain(path: impl IntoIterator<Item = String>) -> Vec<String> {
    let item = |part: &str| Some(part.strip_prefix('[')?.strip_suffix(']')?.to_owned());
    path.into_iter().map(|part| item(&part).unwrap_or(part)).collect()
}
