//! Gives the command what it cannot find out when it runs: the digest of each stage's source
//! code, and the commit it was built from.

#[path = "build/code.rs"]
mod code;
#[path = "build/tokens.rs"]
mod tokens;

use std::path::{Path, PathBuf};
use std::process::Command;

fn main() {
    let here = PathBuf::from(env("CARGO_MANIFEST_DIR"));
    let root = here.ancestors().nth(2).expect("crates/igpt lies two folders below the workspace");
    println!("cargo::rerun-if-changed={}", here.join("build").display());
    println!("cargo::rerun-if-changed={}", here.join("build.rs").display());

    let workspace = code::Workspace::read(root).unwrap_or_else(|e| panic!("{e}"));
    for stage in workspace.stages() {
        let digest = workspace.digest(&stage).unwrap_or_else(|e| panic!("{e}"));
        let name = stage.trim_start_matches("igpt-").to_uppercase().replace('-', "_");
        println!("cargo::rustc-env=IGPT_CODE_{name}={digest}");
    }
    for folder in workspace.watched() {
        println!("cargo::rerun-if-changed={}", folder.display());
    }
    commit(root);
}

/// The commit, and whether anything differed from it; empty outside a git checkout.
fn commit(root: &Path) {
    let git = |args: &[&str]| {
        let output =
            Command::new("git").arg("--no-optional-locks").args(args).current_dir(root).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let commit = git(&["rev-parse", "HEAD"]).unwrap_or_default();
    let dirty = git(&["status", "--porcelain"]).is_some_and(|changes| !changes.is_empty());
    println!("cargo::rustc-env=IGPT_COMMIT={commit}");
    println!("cargo::rustc-env=IGPT_DIRTY={dirty}");
    // A path that does not exist would make cargo run this again each time.
    for file in ["HEAD", "logs/HEAD"].map(|name| root.join(".git").join(name)) {
        if file.exists() {
            println!("cargo::rerun-if-changed={}", file.display());
        }
    }
}

fn env(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("cargo sets {name}"))
}
