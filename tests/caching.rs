//! What runs again after a change, and what does not.

use crate::support::{Project, TINY};

#[test]
fn a_change_runs_what_depends_on_it_and_going_back_is_a_hit() {
    let project = Project::new(TINY);
    project.ok(&["run"]);
    let before = project.contents();

    // A probe's parameter: the probe and the report, with the reason given old → new.
    let l2 = ["--set", "probe.l2=[0.5]"];
    assert_eq!(project.stale(&l2), ["probe", "report"]);
    let (state, reason) = &project.states(&l2)["probe"];
    assert_eq!(state, "run");
    assert!(reason.contains("l2") && reason.contains('→') && reason.contains("0.5"), "{reason}");
    assert_eq!(project.states(&l2)["report"].0, "maybe");
    project.ok(&[&["run"], &l2[..]].concat());

    // Back again: restored, not made.
    assert_eq!(project.states(&[])["probe"].0, "restore");
    let said = project.ok(&["run"]);
    assert!(said.contains("0 run"), "{said}");
    assert_eq!(project.contents(), before);

    // Training: everything below it, and nothing beside it.
    let steps = ["--set", "pretrain.steps=13"];
    assert_eq!(project.stale(&steps), ["features", "pretrain", "probe", "report", "sample"]);
    assert!(project.states(&steps)["pretrain"].1.contains("steps 12 → 13"));
    // The untrained network follows the other parameters of the trained one.
    assert!(project.stale(&["--set", "pretrain.n_layer=1"]).contains(&"untrained".to_owned()));
    // A dry run changes nothing.
    project.ok(&["run", "--dry-run", "--set", "pretrain.steps=13"]);
    assert_eq!(project.contents(), before);
}

#[test]
fn one_stage_can_be_run_with_what_it_needs() {
    let project = Project::new(TINY);
    project.ok(&["run", "palette"]);
    assert_eq!(project.contents().into_keys().collect::<Vec<_>>(), ["images", "palette"]);
    // Forced, it runs again; the same output, so what follows stays as it is.
    project.ok(&["run", "tokenize"]);
    let said = project.ok(&["run", "palette", "--force"]);
    assert!(said.contains("1 run"), "{said}");
    assert!(!project.stale(&["tokenize"]).contains(&"tokenize".to_owned()));
}

#[test]
fn a_tampered_result_is_noticed_and_made_again() {
    let project = Project::new(TINY);
    project.ok(&["run", "tokenize"]);
    let before = project.contents();
    let part = project.path("artifacts/tokenize/split=test/part-00000.parquet");
    std::fs::write(&part, "not what was written").unwrap();
    let (state, reason) = &project.states(&["tokenize"])["tokenize"];
    assert_eq!(state, "run");
    assert!(reason.contains("part-00000.parquet"), "{reason}");
    project.ok(&["run", "tokenize"]);
    assert_eq!(project.contents(), before);
    assert_ne!(std::fs::read(&part).unwrap(), b"not what was written");
}

#[test]
fn two_runs_at_once_make_everything_once() {
    let project = Project::new(TINY);
    let both = [project.igpt(&["run", "features"]), project.igpt(&["run", "features"])];
    let both = both.map(|mut command| command.stderr(std::process::Stdio::null()).spawn().unwrap());
    for mut child in both {
        assert!(child.wait().unwrap().success());
    }
    assert_eq!(project.stale(&["features"]), [""; 0]);
    let logs = std::fs::read_dir(project.path("artifacts/.runs")).unwrap();
    let runs: Vec<String> = logs
        .map(|run| std::fs::read_to_string(run.unwrap().path().join("pretrain.log")).unwrap_or_default())
        .collect();
    assert_eq!(runs.iter().filter(|log| log.contains("training")).count(), 1, "{runs:#?}");
}
