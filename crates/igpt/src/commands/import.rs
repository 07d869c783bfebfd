//! `igpt import`: a pipeline of one or two entries, made up on the spot.
//!
//! The entries run as they would from a file, in the same store and with the seed of the pipeline
//! that will use them, so the lines that are printed for it find the result there.

use std::fmt::Write as _;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use igpt_artifact::table::palette::CENTERS_FILE;
use igpt_pipeline::{Error, Launcher, Options, Overrides, Pipeline, Planner};
use igpt_stage::Stage;
use serde_json::json;

use crate::cli::{self, Imported, STAGE_WORD};

/// What the pipeline is called in messages.
const NAME: &str = "igpt import";

pub(super) fn run(args: &cli::Import, start: Instant) -> Result<ExitCode, Error> {
    let project = Project::find(&args.into)?;
    let entries = entries(&args.what, args.into.name.as_deref(), &project.root);
    let snippet: String = entries.iter().map(Entry::to_string).collect();
    let text = format!("seed: {}\nstages:\n{snippet}", project.seed);
    let overrides = Overrides { artifacts: Some(project.artifacts), ..Overrides::default() };
    let pipeline = Pipeline::parse(NAME, text, &project.root, &crate::stages::all(), &overrides)?;
    let mut planner = Planner::new(&pipeline, Vec::new(), false);
    let plan = planner.plan(&pipeline.named(&[])?)?;
    let options = Options { launcher: Launcher::this_program(STAGE_WORD, None), device: "auto".into() };
    super::run::make(&mut planner, &plan, &options, args.into.quiet, start)?;
    // Nobody is left to tell if this cannot be written.
    let _ = write!(anstream::stdout(), "# the same in a pipeline.yaml, under stages:\n{snippet}");
    Ok(ExitCode::SUCCESS)
}

/// The project that will use what is imported.
struct Project {
    root: PathBuf,
    artifacts: PathBuf,
    seed: u64,
}

impl Project {
    fn find(into: &cli::ImportInto) -> Result<Self, Error> {
        let here = std::env::current_dir().map_err(|source| Error::Read { path: ".".into(), source })?;
        let file = into.file.clone().or_else(|| igpt_pipeline::discover(&here).ok());
        let Some(file) = file else {
            let artifacts = into.artifacts.clone().unwrap_or_else(|| here.join("artifacts"));
            return Ok(Self { root: here, artifacts, seed: 0 });
        };
        let overrides = Overrides { artifacts: into.artifacts.clone(), ..Overrides::default() };
        let Pipeline { root, artifacts, seed, .. } =
            Pipeline::load(&file, &crate::stages::all(), &overrides)?;
        Ok(Self { root, artifacts, seed })
    }
}

/// An entry of a pipeline.
struct Entry {
    name: String,
    stage: &'static str,
    /// The entry behind its palette.
    palette: Option<String>,
    params: Vec<(&'static str, String)>,
}

/// The entries that an import is made of; paths in the project are relative to its root.
fn entries(what: &Imported, name: Option<&str>, root: &Path) -> Vec<Entry> {
    let entry = |name: Option<&str>, stage: &'static str, params| Entry {
        name: name.unwrap_or(stage).to_owned(),
        stage,
        palette: None,
        params,
    };
    let place = |path: &Path| {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
        let path = path.strip_prefix(root).unwrap_or(&path);
        if path.as_os_str().is_empty() { ".".to_owned() } else { path.to_string_lossy().replace("${", "$${") }
    };
    match what {
        Imported::Model { path } => {
            // Absolute, for the parent of a mere file name is empty.
            let path = std::path::absolute(path).unwrap_or_else(|_| path.clone());
            let mut params = vec![("path", place(&path))];
            if let (true, Some(folder), Some(file)) = (path.is_file(), path.parent(), path.file_name()) {
                params = vec![("path", place(folder)), ("weights", file.to_string_lossy().into_owned())];
            }
            vec![entry(name, igpt_import::ImportModelStage::NAME, params)]
        }
        Imported::Palette { path } => {
            vec![entry(name, igpt_import::ImportPaletteStage::NAME, vec![("path", place(path))])]
        }
        Imported::Tokens { path, prefix, palette } => {
            let colours = palette.clone().unwrap_or_else(|| path.join(CENTERS_FILE));
            let palette = name.map(|name| format!("{name}-palette"));
            let palette = entry(
                palette.as_deref(),
                igpt_import::ImportPaletteStage::NAME,
                vec![("path", place(&colours))],
            );
            let params = vec![("path", place(path)), ("prefix", prefix.clone())];
            let tokens = entry(name, igpt_import::ImportTokensStage::NAME, params);
            let tokens = Entry { palette: Some(palette.name.clone()), ..tokens };
            vec![palette, tokens]
        }
    }
}

impl std::fmt::Display for Entry {
    /// As it stands under `stages`. A text in JSON is one in YAML.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "  {}:", self.name)?;
        if self.name != self.stage {
            writeln!(f, "    use: {}", self.stage)?;
        }
        if let Some(palette) = &self.palette {
            writeln!(f, "    inputs: {{palette: {palette}}}")?;
        }
        let mut params = String::new();
        for (i, (name, value)) in self.params.iter().enumerate() {
            write!(params, "{}{name}: {}", if i > 0 { ", " } else { "" }, json!(value))?;
        }
        writeln!(f, "    params: {{{params}}}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(what: &Imported, name: Option<&str>) -> String {
        entries(what, name, Path::new("/project")).iter().map(Entry::to_string).collect()
    }

    #[test]
    fn entries_are_yaml_that_loads() {
        let tokens =
            Imported::Tokens { path: "/project/data/x".into(), prefix: "cifar10".into(), palette: None };
        let wanted = "  import-palette:\n    params: {path: \"data/x/kmeans_centers.npy\"}\n  import-tokens:\n    inputs: {palette: import-palette}\n    params: {path: \"data/x\", prefix: \"cifar10\"}\n";
        assert_eq!(text(&tokens, None), wanted);
        for (what, name) in [
            (tokens, Some("c10")),
            (Imported::Model { path: "/else/a \"b\": ${c}".into() }, Some("gpt-s")),
            (Imported::Palette { path: "/project".into() }, None),
        ] {
            let text = format!("stages:\n{}", text(&what, name));
            let pipeline = Pipeline::parse(
                NAME,
                text,
                Path::new("/project"),
                &crate::stages::all(),
                &Overrides::default(),
            );
            let pipeline = pipeline.unwrap_or_else(|e| panic!("{e}"));
            let path = &pipeline.entries[0].sources["path"].path;
            match what {
                Imported::Model { path: wanted } => assert_eq!(*path, wanted),
                Imported::Palette { .. } => assert_eq!(path.components().as_path(), Path::new("/project/.")),
                Imported::Tokens { .. } => assert_eq!(pipeline.entries[1].name, "c10"),
            }
        }
    }
}
