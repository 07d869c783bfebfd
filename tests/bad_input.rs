//! Bad input: the message names the place, says what was expected and what to do; the exit code is
//! not 0; what was made before stays as it was.

use std::fs;

use crate::support::{Project, TINY, said};

fn changed(from: &str, to: &str) -> Project {
    assert!(TINY.contains(from));
    Project::new(&TINY.replacen(from, to, 1))
}

fn refuses(project: &Project, expected: &[&str]) {
    let said = project.fails(&["run"]);
    for part in expected {
        assert!(said.contains(part), "`{part}` is missing in:\n{said}");
    }
}

#[test]
fn mistakes_in_the_pipeline_file() {
    refuses(&changed("  palette:", "  pallete:"), &["pipeline.yaml:4:3", "pallete", "palette"]);
    refuses(&changed("steps: 12", "stepz: 12"), &["pipeline.yaml:6:", "stepz", "steps"]);
    refuses(&changed("n_layer: 2", "n_layer: two"), &["pipeline.yaml:6:", "two"]);
    refuses(
        &changed("n_head: 2", "n_head: 3"),
        &["pipeline.yaml:6:", "n_head 3 does not divide n_embd 16", "1, 2, 4, 8, 16"],
    );
    refuses(&changed("k: 4", "k: 4000"), &["pipeline.yaml:4:", "4000", "512"]);
    refuses(&changed("{model: untrained}", "{model: nobody}"), &["pipeline.yaml:9:", "nobody"]);
    refuses(&changed("seed: 7", "sead: 7"), &["pipeline.yaml:1:1", "sead", "seed"]);
    refuses(
        &changed("  tokenize:\n", "  tokenize: {inputs: {palette: report}}\n"),
        &["pipeline.yaml:5:", "report"],
    );
    refuses(&changed("source: shapes", "source: cifar"), &["pipeline.yaml:3:", "path"]);
    refuses(&changed("source: shapes", "source: folder, path: nowhere"), &["pipeline.yaml:3:", "nowhere"]);
    refuses(&changed("stages:", "stages: ["), &["pipeline.yaml:"]);
    let cycle = "stages:\n  a: {like: b}\n  b: {like: a}\n";
    refuses(&Project::new(cycle), &["pipeline.yaml:", "a", "b"]);
}

#[test]
fn mistakes_on_the_command_line() {
    let project = Project::new(TINY);
    for (arguments, expected) in [
        (&["run", "prob"][..], "probe"),
        (&["run", "--set", "pretrain.stepz=1"], "steps"),
        (&["run", "--set", "pretrain.steps=many"], "many"),
        (&["run", "--set", "nonsense"], "nonsense"),
        (&["run", "-f", "missing.yaml"], "missing.yaml"),
        (&["run", "--device", "tpu"], "tpu"),
    ] {
        let said = project.fails(arguments);
        assert!(said.contains(expected), "{arguments:?}: {said}");
    }
    assert!(!project.path("artifacts").exists(), "a refused run must not touch the disk");
}

/// A folder of two classes, into which a test puts a bad file.
fn folder(project: &Project) {
    let pixels: Vec<u8> = (0..8 * 8 * 3).map(|i| (i * 37 % 256) as u8).collect();
    for class in ["cat", "dog"] {
        for i in 0..12_u8 {
            let path = project.path(&format!("photos/{class}/{i}.png"));
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            let shifted: Vec<u8> = pixels.iter().map(|p| p.wrapping_add(i * 9)).collect();
            image::save_buffer(path, &shifted, 8, 8, image::ColorType::Rgb8).unwrap();
        }
    }
}

#[test]
fn bad_images_leave_what_was_made_before() {
    let yaml = "stages:\n  images: {params: {source: folder, path: photos, size: 8}}\n";
    let project = Project::new(yaml);
    folder(&project);
    project.ok(&["run"]);
    let before = project.contents();
    let good = fs::read(project.path("photos/cat/0.png")).unwrap();
    for (name, bytes) in
        [("cut.png", &good[..good.len() / 2]), ("fake.jpg", b"no picture"), ("empty.png", b"")]
    {
        let path = project.path("photos/cat").join(name);
        fs::write(&path, bytes).unwrap();
        let said = project.fails(&["run"]);
        assert!(said.contains(name), "{said}");
        assert_eq!(project.contents(), before);
        fs::remove_file(path).unwrap();
    }
    assert_eq!(project.stale(&[]), [""; 0]);
}

#[test]
fn a_palette_larger_than_the_number_of_colours() {
    let project = changed("k: 4", "k: 500");
    let said = project.fails(&["run", "palette"]);
    assert!(said.contains("500") && said.contains("colours"), "{said}");
}

#[test]
fn a_folder_that_cannot_be_written() {
    let project = Project::new(TINY);
    // Not even the superuser can make folders here.
    let said = project.fails(&["run", "images", "--artifacts", "/proc/igpt"]);
    assert!(said.contains("/proc/igpt"), "{said}");
    fs::write(project.path("file"), "").unwrap();
    let said = project.fails(&["run", "images", "--artifacts", "file"]);
    assert!(said.contains("file"), "{said}");
}

#[test]
fn a_full_disk() {
    let project = Project::new(&TINY.replace("train: 120", "train: 40000"));
    let disk = project.path("disk");
    fs::create_dir(&disk).unwrap();
    let mount = std::process::Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=200k", "tmpfs"])
        .arg(&disk)
        .output();
    if !mount.as_ref().is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: a small disk cannot be mounted here");
        return;
    }
    let output = project.run(&["run", "images", "--artifacts", "disk"]);
    let said = said(&output);
    let left = walk(&disk);
    std::process::Command::new("umount").arg(&disk).status().unwrap();
    assert!(!output.status.success(), "{said}");
    assert!(said.contains("the disk is full"), "{said}");
    assert!(!left.iter().any(|path| path.ends_with("manifest.json")), "{left:?}");
}

fn walk(dir: &std::path::Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap().flatten() {
        if entry.path().is_dir() {
            found.extend(walk(&entry.path()));
        } else {
            found.push(entry.path().display().to_string());
        }
    }
    found
}
