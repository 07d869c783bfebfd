//! kill -9 of the runner or of a stage, at any moment.

use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use crate::support::{Project, TINY};

/// Long enough to be hit in the middle, short enough to be repeated.
fn pipeline() -> String {
    TINY.replace("steps: 12", "steps: 150")
}

/// Processes that still work in `dir`, this test apart.
fn workers(dir: &Path) -> Vec<u32> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        let alive =
            std::fs::read_to_string(entry.path().join("stat")).is_ok_and(|stat| !stat.contains(") Z "));
        if alive && std::fs::read_link(entry.path().join("cwd")).is_ok_and(|cwd| cwd == dir) {
            found.push(pid);
        }
    }
    found
}

fn start(project: &Project) -> Child {
    project.igpt(&["run"]).stderr(Stdio::null()).spawn().unwrap()
}

fn kill(pid: u32) {
    let status = std::process::Command::new("kill").args(["-9", &pid.to_string()]).status().unwrap();
    assert!(status.success() || !Path::new(&format!("/proc/{pid}")).exists());
}

/// Every artifact that can be seen is whole: its manifest's files are there with their sizes.
fn nothing_half_written(project: &Project) {
    let Ok(kinds) = std::fs::read_dir(project.path("artifacts/.store")) else { return };
    for kind in kinds.flatten() {
        for artifact in std::fs::read_dir(kind.path()).unwrap().flatten() {
            let text = std::fs::read_to_string(artifact.path().join("manifest.json")).unwrap();
            let manifest: serde_json::Value = serde_json::from_str(&text).unwrap();
            for file in manifest["files"].as_array().unwrap() {
                let path = artifact.path().join(file["path"].as_str().unwrap());
                assert_eq!(path.metadata().unwrap().len(), file["size"].as_u64().unwrap(), "{path:?}");
            }
        }
    }
}

#[test]
fn the_next_run_ends_with_the_same_bytes() {
    let whole = Project::new(&pipeline());
    let begin = Instant::now();
    whole.ok(&["run"]);
    let took = begin.elapsed();

    let killed = Project::new(&pipeline());
    let dir = std::fs::canonicalize(killed.path("")).unwrap();
    // Moments spread over the run by the golden ratio; the runner and its stages in turn.
    for round in 0..12_u32 {
        let moment = took.mul_f64(f64::from(round + 1) * 0.618_034 % 1.0).min(Duration::from_secs(4));
        let mut runner = start(&killed);
        std::thread::sleep(moment);
        let stage = workers(&dir).into_iter().find(|&pid| pid != runner.id());
        match stage {
            Some(stage) if round % 2 == 1 => kill(stage),
            _ => kill(runner.id()),
        }
        runner.wait().unwrap();
        let patience = Instant::now();
        while !workers(&dir).is_empty() {
            assert!(patience.elapsed() < Duration::from_secs(5), "an orphan works on: {:?}", workers(&dir));
            std::thread::sleep(Duration::from_millis(5));
        }
        nothing_half_written(&killed);
    }
    killed.ok(&["run"]);
    nothing_half_written(&killed);
    for (stage, content) in whole.contents() {
        // The report shows seconds, which no two runs share.
        if stage != "report" {
            assert_eq!(killed.contents()[&stage], content, "{stage}");
        }
    }
    let work = std::fs::read_dir(killed.path("artifacts/.work"));
    assert_eq!(work.map_or(0, Iterator::count), 0, "work or locks were left behind");
}
