//! The command from outside: output, exit codes, and what is left on disk.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

const TINY: &str = "\
seed: 1
stages:
  images: {params: {source: shapes, size: 12, train: 40, test: 10}}
  palette: {params: {k: 4}}
  tokenize:
";

/// A folder with a pipeline.
struct World(tempfile::TempDir);

impl World {
    fn new(pipeline: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("pipeline.yaml"), pipeline).unwrap();
        Self(dir)
    }

    fn path(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_igpt"));
        command.args(args).current_dir(self.0.path());
        command
    }

    /// Runs the command; the exit code, standard output and standard error.
    fn igpt(&self, args: &[&str]) -> (i32, String, String) {
        let Output { status, stdout, stderr } = self.command(args).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (status.code().unwrap(), text(stdout), text(stderr))
    }

    /// Starts a run and waits until its first stage works.
    fn start(&self, args: &[&str]) -> Child {
        let child = self.command(args).stderr(Stdio::null()).spawn().unwrap();
        let start = Instant::now();
        while !fs::read_dir(self.path("artifacts/.work")).is_ok_and(|mut work| work.next().is_some()) {
            assert!(start.elapsed() < Duration::from_secs(20), "no stage starts");
            std::thread::sleep(Duration::from_millis(1));
        }
        child
    }

    fn states(&self) -> Vec<(String, String)> {
        let (code, out, err) = self.igpt(&["status", "--json"]);
        assert_eq!(code, 0, "{err}");
        let rows: Vec<Value> = serde_json::from_str(&out).unwrap();
        let text = |row: &Value, field: &str| row[field].as_str().unwrap().to_owned();
        rows.iter().map(|row| (text(row, "stage"), text(row, "state"))).collect()
    }
}

/// The bytes of every result, by path.
fn results(artifacts: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in ["images", "palette", "tokenize"] {
        let dir = artifacts.join(entry);
        for file in igpt_artifact::fs::files_below(&dir).unwrap() {
            if !file.ends_with("manifest.json") {
                found.push((Path::new(entry).join(&file), fs::read(dir.join(&file)).unwrap()));
            }
        }
    }
    found
}

#[test]
fn run_status_and_run_again() {
    let world = World::new(TINY);
    let (code, out, _) = world.igpt(&["run", "--dry-run"]);
    assert_eq!((code, out.lines().count()), (0, 3), "{out}");
    assert!(out.starts_with("images    run      never run"), "{out}");
    assert_eq!(world.igpt(&["status", "--exit-code"]).0, 3);
    assert!(!world.path("artifacts").exists());

    let (code, out, err) = world.igpt(&["run"]);
    assert_eq!(code, 0, "{err}");
    assert!(out.is_empty() && err.contains("[2/3] palette   run      never run"), "{err}");
    assert!(err.contains("3 run, 0 restored, 0 cached in "), "{err}");
    assert!(!err.contains('\u{1b}'), "no colour where there is no terminal: {err}");
    let cached = |name: &str| (name.to_owned(), "cached".to_owned());
    assert_eq!(world.states(), ["images", "palette", "tokenize"].map(cached));
    assert_eq!(world.igpt(&["status", "--exit-code"]).0, 0);

    let (code, _, err) = world.igpt(&["run"]);
    assert!(code == 0 && err.starts_with("nothing to do (3 stages cached) in "), "{err}");
    let (_, out, _) = world.igpt(&["status", "--set", "palette.k=3"]);
    let expected = "images    cached\npalette   run      k 4 → 3\ntokenize  maybe    waits for palette\n";
    assert_eq!(out, expected);
    let (_, out, _) = world.igpt(&["status", "palette", "--force", "--color", "always"]);
    assert!(out.contains("forced") && out.contains('\u{1b}'), "{out}");
}

#[test]
fn equal_seeds_give_equal_bytes_and_threads_do_not_matter() {
    let [one, two] = ["1", "2"].map(|threads| {
        let world = World::new(TINY);
        assert_eq!(world.igpt(&["run", "--quiet", "--threads", threads]).0, 0);
        results(&world.path("artifacts"))
    });
    assert!(one.len() >= 7, "{:?}", one.iter().map(|(path, _)| path).collect::<Vec<_>>());
    assert!(one == two, "bytes differ");
}

#[test]
fn wrong_pipelines_and_arguments_exit_with_2() {
    let world = World::new(&TINY.replace("k: 4", "kk: 4"));
    let (code, out, err) = world.igpt(&["run"]);
    assert_eq!((code, out.as_str()), (2, ""));
    let expected = "\
error: pipeline.yaml:4:22: unknown parameter `kk` of stage `palette`
  |
4 |   palette: {params: {kk: 4}}
  |                      ^^
";
    assert!(err.starts_with(expected), "{err}");
    assert!(!world.path("artifacts").exists());

    let world = World::new(TINY);
    for (args, message) in [
        (&["run", "pallete"][..], "hint: did you mean `palette`?"),
        (&["run", "-f", "none.yaml"], "cannot read the pipeline file none.yaml"),
        (&["run", "--set", "palette.k=0"], "--set palette.k=0"),
        (&["run", "--device", "tpu"], "a device is"),
        (&["stages", "train"], "hint: stages: images, palette"),
        (&["walk"], "unrecognized subcommand"),
    ] {
        let (code, _, err) = world.igpt(args);
        assert!(code == 2 && err.contains(message), "{args:?}: {code} {err}");
    }
}

#[test]
fn a_failed_stage_exits_with_1_and_names_its_log() {
    let world = World::new(TINY);
    // More colours than the images have can only be found out by looking at them.
    let few = ["--set", "images.train=2", "--set", "images.validation=0.5", "--set", "palette.k=512"];
    let (code, _, err) = world.igpt(&[&["run"], &few[..]].concat());
    assert_eq!(code, 1, "{err}");
    assert!(err.contains("error: palette: ") && err.contains("\nlog: "), "{err}");
    let log = err.lines().find_map(|line| line.strip_prefix("log: ")).unwrap();
    assert!(fs::read_to_string(log).unwrap().contains("failed: "));
}

#[test]
fn stages_lists_parameters_with_types_and_defaults() {
    let (code, out, _) = World::new(TINY).igpt(&["stages", "palette"]);
    assert_eq!(code, 0);
    assert!(out.starts_with("palette  ") && out.contains("  reads images\n"), "{out}");
    assert!(out.lines().any(|line| line.trim().starts_with("k: integer = ")), "{out}");
    let (_, all, _) = World::new(TINY).igpt(&["stages"]);
    assert!(all.contains(&out));
}

#[test]
fn a_signal_ends_the_run_and_the_next_one_goes_on() {
    let big = TINY.replace("train: 40", "train: 20000");
    let world = World::new(&big);
    let mut child = world.start(&["run"]);
    let id = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(!world.path("artifacts/images").exists());
    fs::write(world.path("pipeline.yaml"), TINY).unwrap();
    assert_eq!(world.igpt(&["run"]).0, 0);
}

#[test]
fn kill_minus_9_at_any_moment_leaves_the_same_bytes_behind() {
    let undisturbed = World::new(TINY);
    let start = Instant::now();
    assert_eq!(undisturbed.igpt(&["run"]).0, 0);
    let whole = start.elapsed();
    let world = World::new(TINY);
    // Evenly spread over the run, each kill at another point of it.
    for i in 0..12 {
        let mut child = world.command(&["run", "--quiet"]).spawn().unwrap();
        std::thread::sleep(whole.mul_f64(f64::from(i) / 12.0));
        let _ = child.kill();
        child.wait().unwrap();
    }
    assert_eq!(world.igpt(&["run"]).0, 0);
    assert!(results(&world.path("artifacts")) == results(&undisturbed.path("artifacts")), "bytes differ");
}
