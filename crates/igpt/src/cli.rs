//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// Image GPT as a pipeline of stages joined by artifacts on disk.
#[derive(Debug, Parser)]
#[command(version, about, propagate_version = true, disable_help_subcommand = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
    /// When to colour the output.
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto", value_parser = ["auto", "always", "never"])]
    pub(crate) color: String,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make results: run what is out of date, reuse what is not.
    Run(Run),
    /// Say what is up to date, what would run, and why.
    Status(Status),
    /// Say what a pipeline costs before anything is run: parameters, operations, memory, disk.
    Plan(Plan),
    /// Take published files: weights, a palette, tokens.
    Import(Import),
    /// List the stages and their parameters.
    Stages(Stages),
    /// The process of one stage; started by `run`.
    #[command(name = STAGE_WORD, hide = true)]
    Stage,
}

/// The hidden command that is a stage's process.
pub(crate) const STAGE_WORD: &str = "__stage";

/// Which pipeline, and what is changed in it.
#[derive(Args, Debug)]
pub(crate) struct Pipeline {
    /// The pipeline file [default: pipeline.yaml, here or in a folder above].
    #[arg(short, long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// The folder of results [default: what the pipeline says, else artifacts/ beside it].
    #[arg(long, value_name = "DIR")]
    pub(crate) artifacts: Option<PathBuf>,
    /// Set a parameter: STAGE.PARAM=VALUE, the value in YAML; or seed=NUMBER.
    #[arg(long, value_name = "STAGE.PARAM=VALUE")]
    pub(crate) set: Vec<String>,
    /// Run the named stages even if their results are there.
    #[arg(long)]
    pub(crate) force: bool,
    /// Hash every file again instead of trusting sizes and times.
    #[arg(long)]
    pub(crate) verify: bool,
    /// Stages, each with what it needs [default: all].
    #[arg(value_name = "STAGE")]
    pub(crate) stages: Vec<String>,
}

/// Arguments of `run`.
#[derive(Args, Debug)]
pub(crate) struct Run {
    #[command(flatten)]
    pub(crate) pipeline: Pipeline,
    /// Say what would run, and run nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// The compute device: auto, cpu, cuda or cuda:N.
    #[arg(long, default_value = "auto", value_parser = device)]
    pub(crate) device: String,
    /// Threads that a stage may use [default: all].
    #[arg(long, value_name = "N")]
    pub(crate) threads: Option<std::num::NonZeroUsize>,
    /// Print errors only.
    #[arg(short, long)]
    pub(crate) quiet: bool,
}

/// Arguments of `status`.
#[derive(Args, Debug)]
pub(crate) struct Status {
    #[command(flatten)]
    pub(crate) pipeline: Pipeline,
    /// Print a JSON list: stage, use, state, reason, reasons, key, path.
    #[arg(long)]
    pub(crate) json: bool,
    /// Exit with 3 if anything is out of date.
    #[arg(long)]
    pub(crate) exit_code: bool,
}

/// Arguments of `plan`.
#[derive(Args, Debug)]
pub(crate) struct Plan {
    /// The pipeline file [default: pipeline.yaml, here or in a folder above].
    #[arg(value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// Set a parameter: STAGE.PARAM=VALUE, the value in YAML.
    #[arg(long, value_name = "STAGE.PARAM=VALUE")]
    pub(crate) set: Vec<String>,
    /// Print a JSON list: stage, use, and figures with their units.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Arguments of `import`.
#[derive(Args, Debug)]
pub(crate) struct Import {
    #[command(subcommand)]
    pub(crate) what: Imported,
    #[command(flatten)]
    pub(crate) into: ImportInto,
}

/// What is imported.
#[derive(Debug, Subcommand)]
pub(crate) enum Imported {
    /// The weights of a Hugging Face ImageGPT directory.
    Model {
        /// The folder of `config.json` and the weights, or a file of weights in it.
        path: PathBuf,
    },
    /// Colours.
    Palette {
        /// `kmeans_centers.npy`, `preprocessor_config.json`, or a folder with one of them.
        path: PathBuf,
    },
    /// Tokens in OpenAI's NumPy files.
    Tokens {
        /// The folder of `cifar10_trX.npy` or its like.
        path: PathBuf,
        /// How the names of the files begin: cifar10, imagenet.
        #[arg(long)]
        prefix: String,
        /// The palette of these tokens [default: `kmeans_centers.npy` in the same folder].
        #[arg(long, value_name = "PATH")]
        palette: Option<PathBuf>,
    },
}

/// Where an import goes.
#[derive(Args, Debug)]
pub(crate) struct ImportInto {
    /// The name of the result: a link in the folder of results [default: the stage's].
    #[arg(long, global = true)]
    pub(crate) name: Option<String>,
    /// The pipeline that will use it [default: pipeline.yaml, here or in a folder above, if any].
    #[arg(short, long, value_name = "FILE", global = true)]
    pub(crate) file: Option<PathBuf>,
    /// The folder of results [default: that pipeline's, else artifacts/].
    #[arg(long, value_name = "DIR", global = true)]
    pub(crate) artifacts: Option<PathBuf>,
    /// Print errors and the lines for pipeline.yaml only.
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
}

/// Arguments of `stages`.
#[derive(Args, Debug)]
pub(crate) struct Stages {
    /// Stages to describe [default: all].
    #[arg(value_name = "STAGE")]
    pub(crate) stages: Vec<String>,
}

fn device(text: &str) -> Result<String, String> {
    let index = text.strip_prefix("cuda:").map(str::parse::<usize>);
    if matches!(text, "auto" | "cpu" | "cuda") || matches!(index, Some(Ok(_))) {
        return Ok(text.to_owned());
    }
    Err("a device is `auto`, `cpu`, `cuda` or `cuda:N`".into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
        let cli =
            Cli::parse_from(["igpt", "run", "probe", "--set", "a.b=1", "--set", "c.d=2", "--color", "never"]);
        let Command::Run(run) = cli.command else { panic!("another command") };
        assert_eq!(run.pipeline.set, ["a.b=1", "c.d=2"]);
        let cli = Cli::parse_from(["igpt", "import", "tokens", "data", "--prefix", "cifar10", "--name", "x"]);
        let Command::Import(import) = cli.command else { panic!("another command") };
        assert_eq!(import.into.name.as_deref(), Some("x"));
        assert!(Cli::try_parse_from(["igpt", "run", "--device", "tpu"]).is_err());
        assert!(Cli::try_parse_from(["igpt", "run", "--device", "cuda:1"]).is_ok());
    }
}
