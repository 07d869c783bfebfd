//! Every way in which a pipeline can be wrong, and what is said about it.
#![allow(clippy::unwrap_used, reason = "a test")]

mod toy;

use igpt_pipeline::{Error, Overrides, Pipeline};

/// Loads a pipeline text.
fn load(text: &str, set: &[&str]) -> Result<Pipeline, Error> {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("pipeline.yaml");
    std::fs::write(&file, text).unwrap();
    let overrides = Overrides {
        set: set.iter().map(|text| (*text).to_owned()).collect(),
        environment: |name| (name == "TEXT").then(|| "from outside".into()),
        ..Overrides::default()
    };
    Pipeline::load(&file, &toy::stages(""), &overrides)
}

/// What is said about a wrong pipeline, the folder of the file left out.
fn said(text: &str, set: &[&str]) -> String {
    let error = load(text, set).err().unwrap();
    assert!(error.is_usage());
    let lines: Vec<_> = error
        .to_string()
        .lines()
        .map(|line| match line.find("/pipeline.yaml:") {
            Some(at) => line[at + 1..].to_owned(),
            None => line.to_owned(),
        })
        .collect();
    lines.join("\n")
}

/// Asserts the whole message.
#[track_caller]
fn says(text: &str, set: &[&str], message: &str) {
    assert_eq!(said(text, set), message.trim_start_matches('\n'), "\n{}", said(text, set));
}

#[test]
fn unknown_parameter() {
    says(
        "stages:\n  images:\n  palette:\n    params:\n      kk: 3\n",
        &[],
        "
pipeline.yaml:5:7: unknown parameter `kk` of stage `palette`
  |
5 |       kk: 3
  |       ^^
help: did you mean `k`?",
    );
}

#[test]
fn unknown_stage() {
    says(
        "stages:\n  images:\n  pallete:\n",
        &[],
        "
pipeline.yaml:3:3: unknown stage `pallete`
  |
3 |   pallete:
  |   ^^^^^^^
help: did you mean `palette`?; an entry of another name says which stage it is with `use`",
    );
    says(
        "stages:\n  x: {use: train}\n",
        &[],
        "
pipeline.yaml:2:12: unknown stage `train`
  |
2 |   x: {use: train}
  |            ^^^^^
help: valid here: `images`, `palette`, `tokenize`, `sample`, `features`, `report`",
    );
}

#[test]
fn unknown_keys() {
    says(
        "sead: 3\nstages:\n  images:\n",
        &[],
        "
pipeline.yaml:1:1: unknown key `sead`
  |
1 | sead: 3
  | ^^^^
help: did you mean `seed`?",
    );
    says(
        "stages:\n  images:\n    parameters: {text: x}\n",
        &[],
        "
pipeline.yaml:3:5: unknown key `parameters`
  |
3 |     parameters: {text: x}
  |     ^^^^^^^^^^
help: valid here: `use`, `like`, `inputs`, `params`",
    );
}

#[test]
fn wrong_types() {
    says(
        "stages:\n  images:\n  palette: {params: {k: many}}\n",
        &[],
        "
pipeline.yaml:3:25: parameter `k` of `palette`: invalid type: string \"many\", expected u32
  |
3 |   palette: {params: {k: many}}
  |                         ^^^^",
    );
    says(
        "stages:\n  images:\n  palette:\n    params:\n      weights:\n        - 0.5\n        - heavy\n",
        &[],
        "
pipeline.yaml:7:11: parameter `weights.1` of `palette`: invalid type: string \"heavy\", expected f64
  |
7 |         - heavy
  |           ^^^^^",
    );
    assert!(
        said("seed: -1\nstages:\n  images:\n", &[])
            .starts_with("pipeline.yaml:1:7: invalid value: integer `-1`")
    );
    assert!(said("stages: [images]\n", &[]).contains("invalid type: sequence, expected a map of stages"));
    assert!(
        said("stages:\n  images: fast\n", &[])
            .starts_with("pipeline.yaml:2:11: invalid type: string \"fast\"")
    );
    assert!(said("name: x\n", &[]).contains("missing field `stages`"));
}

#[test]
fn a_value_that_makes_no_sense() {
    says(
        "stages:\n  images:\n  palette: {params: {k: 1}}\n",
        &[],
        "
pipeline.yaml:3:25: parameter `k` of `palette`: a palette of 1 is too small
  |
3 |   palette: {params: {k: 1}}
  |                         ^
help: take 2 or more",
    );
}

#[test]
fn cycles() {
    says(
        "stages:\n  sample: {inputs: {features: features}}\n  features: {inputs: {samples: sample}}\n",
        &[],
        "
pipeline.yaml:2:31: the stages wait for each other: sample → features → sample
  |
2 |   sample: {inputs: {features: features}}
  |                               ^^^^^^^^
help: change `inputs` of one of them",
    );
    says(
        "stages:\n  images:\n  a: {like: b}\n  b: {like: a}\n  c: {like: a}\n",
        &[],
        "
pipeline.yaml:4:13: entries are like each other in a circle: a → b → a
  |
4 |   b: {like: a}
  |             ^",
    );
}

#[test]
fn wrong_like() {
    says(
        "stages:\n  images:\n  other: {like: image}\n",
        &[],
        "
pipeline.yaml:3:17: the pipeline has no stage `image`
  |
3 |   other: {like: image}
  |                 ^^^^^
help: did you mean `images`?",
    );
    assert!(
        said("stages:\n  images:\n  x: {use: images, like: images}\n", &[]).contains("exclude each other")
    );
}

#[test]
fn wrong_inputs() {
    says(
        "stages:\n  images:\n  palette: {inputs: {image: images}}\n",
        &[],
        "
pipeline.yaml:3:22: stage `palette` has no input `image`
  |
3 |   palette: {inputs: {image: images}}
  |                      ^^^^^
help: did you mean `images`?",
    );
    says(
        "stages:\n  images:\n  palette: {inputs: {images: imgs}}\n",
        &[],
        "
pipeline.yaml:3:30: the pipeline has no stage `imgs`
  |
3 |   palette: {inputs: {images: imgs}}
  |                              ^^^^
help: did you mean `images`?",
    );
    says(
        "stages:\n  images:\n  palette:\n  p: {use: palette, inputs: {images: palette}}\n",
        &[],
        "
pipeline.yaml:4:38: `palette` makes palette, but `p` reads images as its input `images`
  |
4 |   p: {use: palette, inputs: {images: palette}}
  |                                      ^^^^^^^
help: what makes images: `images`",
    );
    says(
        "stages:\n  palette:\n",
        &[],
        "
pipeline.yaml:2:3: `palette` needs an input of kind images, which no stage makes
  |
2 |   palette:
  |   ^^^^^^^
help: add a stage that makes images",
    );
    says(
        "stages:\n  a: {use: images}\n  b: {use: images}\n  palette:\n",
        &[],
        "
pipeline.yaml:4:3: `palette` can read its input `images` from `a`, `b`
  |
4 |   palette:
  |   ^^^^^^^
help: say which, such as `inputs: {images: a}`",
    );
}

#[test]
fn bad_yaml() {
    let message = said("stages:\n  images: {params: {text: x}\n  palette:\n", &[]);
    assert!(message.starts_with("pipeline.yaml:3:"), "{message}");
    assert!(message.contains("not valid YAML"), "{message}");
    says(
        "stages:\n  images:\n  images:\n",
        &[],
        "
pipeline.yaml:3:3: the key `images` comes twice
  |
3 |   images:
  |   ^^^^^^",
    );
    assert!(said("", &[]).starts_with("pipeline.yaml:1:1: "));
}

#[test]
fn settings_point_at_themselves() {
    says(
        "stages:\n  images:\n  palette:\n",
        &["palette.kk=1"],
        "
--set palette.kk=1: unknown parameter `kk` of stage `palette`
  |
  | --set palette.kk=1
  |               ^^
help: did you mean `k`?",
    );
    says(
        "stages:\n  images:\n  palette:\n",
        &["palete.k=1"],
        "
--set palete.k=1: the pipeline has no stage `palete`
  |
  | --set palete.k=1
  |       ^^^^^^
help: did you mean `palette`?",
    );
    says(
        "stages:\n  images:\n  palette:\n",
        &["palette.k=many"],
        "
--set palette.k=many: parameter `k` of `palette`: invalid type: string \"many\", expected u32
  |
  | --set palette.k=many
  |                 ^^^^",
    );
    assert!(said("stages:\n  images:\n", &["seed=x"]).contains("a seed is a whole number"));
    assert!(said("stages:\n  images:\n", &["images"]).contains("--set ENTRY.PARAM=VALUE"));
}

#[test]
fn environment() {
    says(
        "stages:\n  images: {params: {text: \"${NOWHERE}\"}}\n",
        &[],
        "
pipeline.yaml:2:27: the environment variable `NOWHERE` is not set
  |
2 |   images: {params: {text: \"${NOWHERE}\"}}
  |                           ^^^^^^^^^^^^
help: set it, or give a default: `${NOWHERE:-…}`",
    );
    let pipeline = load("stages:\n  images:\n    params:\n      text: got ${TEXT}\n", &[]).unwrap();
    assert_eq!(pipeline.entries[0].params["text"], "got from outside");
}

#[test]
fn names_that_cannot_be_folders() {
    assert!(said("stages:\n  ../images: {use: images}\n", &[]).contains("cannot be the name of a folder"));
    assert!(said("name: a/b\nstages:\n  images:\n", &[]).starts_with("pipeline.yaml:1:1:"));
}

#[test]
fn several_problems_are_told_at_once() {
    let message = said("stages:\n  images: {params: {txt: a}}\n  palette: {params: {kk: 1}}\n", &[]);
    assert!(message.contains("2:21") && message.contains("3:22"), "{message}");
}

#[test]
fn a_mistake_that_others_inherit_is_told_once() {
    let text =
        "stages:\n  images:\n  palette: {params: {k: 1}}\n  other: {like: palette}\n  third: {like: other}\n";
    assert_eq!(said(text, &[]).matches("too small").count(), 1);
    assert_eq!(said(text, &["palette.kk=3", "palette.k=2"]).matches("unknown parameter").count(), 1);
}

#[test]
fn like_follows_settings_and_keeps_its_own() {
    let text = "stages:\n  images: {params: {text: a}}\n  palette: {params: {k: 3}}\n  small: {like: palette, params: {k: 2}}\n  same: {like: palette}\n";
    let pipeline = load(text, &["palette.weights=[1]", "palette.k=5"]).unwrap();
    let params = |name: &str| &pipeline.entries.iter().find(|e| e.name == name).unwrap().params;
    assert_eq!(params("palette")["k"], 5);
    assert_eq!(params("same")["k"], 5);
    assert_eq!(params("small")["k"], 2);
    assert_eq!(params("small")["weights"][0], 1.0);
}

#[test]
fn entries_come_in_running_order_and_canonical_ones_are_wired() {
    let text =
        "stages:\n  tokenize:\n  small: {like: palette, params: {k: 2}}\n  palette:\n  sample:\n  images:\n";
    let pipeline = load(text, &[]).unwrap();
    let names: Vec<_> = pipeline.entries.iter().map(|e| e.name.as_str()).collect();
    assert_eq!(names, ["sample", "images", "small", "palette", "tokenize"]);
    let tokenize = &pipeline.entries[4];
    assert_eq!(pipeline.entries[tokenize.inputs["palette"]].name, "palette");
    // An input that is taken if present is there.
    assert_eq!(pipeline.entries[tokenize.inputs["samples"]].name, "sample");
    let upstream = pipeline.with_upstream(&pipeline.named(&["small".into()]).unwrap());
    assert_eq!(upstream, [1, 2]);
    let error = pipeline.named(&["tokenise".into()]).err().unwrap();
    assert_eq!(igpt_artifact::Explain::hint(&error).unwrap(), "did you mean `tokenize`?");
}

#[test]
fn lists_of_inputs() {
    let base = "stages:\n  images:\n  palette:\n  tokenize: {inputs: {palette: [palette]}}\n";
    says(
        base,
        &[],
        "
pipeline.yaml:4:32: `tokenize` reads one palette as its input `palette`
  |
4 |   tokenize: {inputs: {palette: [palette]}}
  |                                ^
help: write a name instead of a list",
    );
    let base = "stages:\n  images:\n  palette:\n  report:\n    inputs:\n      palette: [palette, images]\n";
    says(
        base,
        &[],
        "
pipeline.yaml:6:26: `images` makes images, but `report` reads palette as its input `palette`
  |
6 |       palette: [palette, images]
  |                          ^^^^^^
help: what makes palette: `palette`",
    );
    let base = "stages:\n  images:\n  palette:\n  report: {inputs: {palette: []}}\n";
    says(
        base,
        &[],
        "
pipeline.yaml:4:30: `report` needs at least one palette
  |
4 |   report: {inputs: {palette: []}}
  |                              ^",
    );
}
