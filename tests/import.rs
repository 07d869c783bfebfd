//! `igpt import`: files of others through the whole pipeline.

use std::fs;
use std::path::Path;

use crate::support::Project;

/// The folder of a published network; the palette and tokens that fit it are written beside it.
fn model(form: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../model/tests/fixtures").join(form)
}

/// A `.npy` file of bytes.
fn npy(path: &Path, descr: &str, shape: &str, data: &[u8]) {
    let header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n");
    let length = (header.len() as u16).to_le_bytes();
    fs::write(path, [b"\x93NUMPY\x01\x00", &length[..], header.as_bytes(), data].concat()).unwrap();
}

/// Colours and tokens as OpenAI published theirs: 8 colours, 5×5 pixels, labels of two classes.
fn published(project: &Project) {
    let dir = project.path("data");
    fs::create_dir(&dir).unwrap();
    let centers: Vec<u8> = (0..24_u8).flat_map(|i| (f32::from(i) / 24.0).to_le_bytes()).collect();
    npy(&dir.join("kmeans_centers.npy"), "<f4", "(8, 3)", &centers);
    for (part, images) in [("tr", 24_usize), ("te", 12)] {
        let tokens: Vec<u8> = (0..images * 25).map(|i| (i * 7 % 11 + i / 25 % 2) as u8 % 8).collect();
        npy(&dir.join(format!("tiny_{part}X.npy")), "|u1", &format!("({images}, 25)"), &tokens);
        let labels: Vec<u8> = (0..images).map(|i| (i % 2) as u8).collect();
        npy(&dir.join(format!("tiny_{part}Y.npy")), "|u1", &format!("({images},)"), &labels);
    }
}

#[test]
fn published_files_run_through_the_pipeline() {
    let project = Project::new("seed: 5\nstages: {images: }\n");
    published(&project);
    let model = model("forms/torch");
    let mut lines = String::new();
    for arguments in
        [&["import", "model", model.to_str().unwrap()][..], &["import", "tokens", "data", "--prefix", "tiny"]]
    {
        let said = project.run(arguments);
        assert!(said.status.success(), "{}", crate::support::said(&said));
        let printed = String::from_utf8(said.stdout).unwrap();
        let snippet = printed.lines().filter(|line| !line.starts_with('#'));
        snippet.for_each(|line| lines += &format!("{line}\n"));
    }
    assert!(project.path("artifacts/import-model/model.safetensors").exists());
    // The lines that are printed find in the pipeline what was imported.
    let rest =
        "  features:\n  sample: {params: {samples: 2, completions: 1, completions_each: 1}}\n  report:\n";
    project.rewrite(&format!("seed: 5\nstages:\n{lines}{rest}"));
    assert_eq!(project.stale(&[]), ["features", "report", "sample"]);
    project.ok(&["run"]);
    let page = fs::read_to_string(project.path("artifacts/report/index.html")).unwrap();
    assert!(page.contains("2 layers of width 12") && !page.contains("training-chart"));
    let again = project.ok(&["import", "model", model.to_str().unwrap()]);
    assert!(again.contains("nothing to do"), "{again}");
}

#[test]
fn what_is_refused_leaves_no_result() {
    let project = Project::new("stages: {images: }\n");
    published(&project);
    let model = |form: &str| model(form).display().to_string();
    for (arguments, expected) in [
        (["import", "model", &model("forms/bare")], "`lm_head.weight` is missing"),
        (["import", "model", &model("forms/legacy")], "not a zip archive of torch.save"),
        (["import", "model", "data"], "config.json"),
        (["import", "model", "nowhere"], "nowhere"),
        (["import", "palette", "data/tiny_trX.npy"], "shape [24, 25]"),
    ] {
        let said = project.fails(&arguments);
        assert!(said.contains(expected) && (said.contains("hint:") || said.contains("help:")), "{said}");
    }
    let said = project.fails(&["import", "tokens", "data", "--prefix", "small"]);
    assert!(said.contains("prefixes in this folder: tiny"), "{said}");
    let left = fs::read_dir(project.path("artifacts")).unwrap().flatten();
    let left: Vec<_> = left.map(|entry| entry.file_name().into_string().unwrap()).collect();
    assert!(left.iter().all(|name| name.starts_with('.') || name == "import-palette"), "{left:?}");
}

#[test]
fn two_palettes_are_one_too_many() {
    let both = "stages:\n  images:\n  palette:\n  import-palette: {params: {path: x.npy}}\n  tokenize:\n";
    let said = Project::new(both).fails(&["status"]);
    assert!(said.contains("can read its input `palette` from `palette`, `import-palette`"), "{said}");
}
