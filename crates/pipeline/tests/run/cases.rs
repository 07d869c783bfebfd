//! The tests.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::Arc;
use std::time::{Duration, Instant};

use igpt_artifact::Explain;
use igpt_pipeline::State::{Cached, Maybe, Restore, Run};
use igpt_pipeline::{Cancel, Error, Event, News, Planner};

use crate::world::{CHAIN, World, options};

/// Every test by name.
pub(crate) const ALL: &[(&str, fn())] = &[
    ("a_second_run_does_nothing", a_second_run_does_nothing),
    ("a_parameter_runs_what_depends_on_it", a_parameter_runs_what_depends_on_it),
    ("equal_output_cuts_off_early", equal_output_cuts_off_early),
    ("going_back_restores", going_back_restores),
    ("code_and_seed_count", code_and_seed_count),
    ("force_runs_what_is_named", force_runs_what_is_named),
    ("a_changed_source_runs_again", a_changed_source_runs_again),
    ("a_missing_source_is_shown_in_the_file", a_missing_source_is_shown_in_the_file),
    ("a_source_that_changes_meanwhile_is_not_kept", a_source_that_changes_meanwhile_is_not_kept),
    ("a_tampered_file_is_made_again", a_tampered_file_is_made_again),
    ("a_damaged_manifest_is_made_again", a_damaged_manifest_is_made_again),
    ("a_selection_runs_what_it_needs", a_selection_runs_what_it_needs),
    ("wiring_shows_as_a_reason", wiring_shows_as_a_reason),
    ("a_stage_can_read_many_results_in_order", a_stage_can_read_many_results_in_order),
    ("a_failure_keeps_what_was_there", a_failure_keeps_what_was_there),
    ("a_panic_and_a_kill_are_explained", a_panic_and_a_kill_are_explained),
    ("events_and_logs_are_kept", events_and_logs_are_kept),
    ("nobody_works_on_after_the_runner_is_killed", nobody_works_on_after_the_runner_is_killed),
    ("cancelling_ends_the_stage", cancelling_ends_the_stage),
    ("two_runs_at_once_run_each_stage_once", two_runs_at_once_run_each_stage_once),
    ("a_folder_that_cannot_be_written_stops_it_early", a_folder_that_cannot_be_written_stops_it_early),
    ("a_named_pipeline_has_its_own_folder", a_named_pipeline_has_its_own_folder),
    ("doing_nothing_is_quick", doing_nothing_is_quick),
];

fn a_stage_can_read_many_results_in_order() {
    let pipeline = |inputs: &str| {
        let long = "long: {like: palette, params: {k: 3}}";
        format!("stages:\n  images: {{params: {{text: abcdef}}}}\n  palette:\n  {long}\n  report: {inputs}\n")
    };
    let world = World::new(&pipeline("{inputs: {palette: [long, palette]}}"));
    assert_eq!(world.run(), [4, 0, 0]);
    assert_eq!(world.text("report"), "abc+ab");
    assert_eq!(world.run(), [0, 0, 4]);
    // Where none is named it is all of them, in the order of the file.
    world.write("pipeline.yaml", &pipeline(""));
    assert_eq!(world.run(), [1, 0, 3]);
    assert_eq!(world.text("report"), "ab+abc");
}

fn a_second_run_does_nothing() {
    let world = World::new(CHAIN);
    assert_eq!(
        world.states(),
        [
            (Run, "never run".into()),
            (Run, "never run; waits for images".into()),
            (Run, "never run; waits for palette".into()),
        ]
    );
    assert!(!world.path("artifacts").exists(), "planning touches nothing");
    assert_eq!(world.run(), [3, 0, 0]);
    assert_eq!(world.text("tokenize"), "AB");
    assert_eq!(world.run(), [0, 0, 3]);
    assert_eq!(world.states(), [(Cached, String::new()), (Cached, String::new()), (Cached, String::new())]);
    assert!(world.plan(&[]).unwrap().is_done());
    assert!(world.path("artifacts/.work").read_dir().unwrap().next().is_none(), "no work is left");
}

fn a_parameter_runs_what_depends_on_it() {
    let mut world = World::new(CHAIN);
    world.run();
    world.set = vec!["palette.k=3".into()];
    assert_eq!(
        world.states(),
        [(Cached, String::new()), (Run, "k 2 → 3".into()), (Maybe, "waits for palette".into())]
    );
    assert_eq!(world.run(), [2, 0, 1]);
    assert_eq!(world.text("tokenize"), "ABC");
}

fn equal_output_cuts_off_early() {
    let mut world = World::new(CHAIN);
    world.run();
    // The palette keeps the first two characters, which stay the same.
    world.set = vec!["images.text=abc".into()];
    assert_eq!(
        world.states()[1..],
        [(Maybe, "waits for images".into()), (Maybe, "waits for palette".into())]
    );
    assert_eq!(world.run(), [2, 0, 1]);
    assert_eq!(world.states(), [(Cached, String::new()), (Cached, String::new()), (Cached, String::new())]);
}

fn going_back_restores() {
    let mut world = World::new(CHAIN);
    world.run();
    world.set = vec!["palette.k=3".into()];
    world.run();
    world.set.clear();
    let states = world.states();
    assert_eq!(states[1], (Restore, "k 3 → 2".into()));
    assert_eq!(states[2], (Restore, "input palette changed".into()));
    assert_eq!(world.run(), [0, 2, 1]);
    assert_eq!(world.text("tokenize"), "AB");
    fs::remove_file(world.path("artifacts/tokenize")).unwrap();
    assert_eq!(world.states()[2], (Restore, "made before, not linked now".into()));
    assert_eq!(world.run(), [0, 1, 2]);
}

fn code_and_seed_count() {
    let mut world = World::new(CHAIN);
    world.run();
    world.code = "edited";
    assert_eq!(
        world.states(),
        [
            (Cached, String::new()),
            (Run, "code of stage palette changed".into()),
            (Maybe, "waits for palette".into())
        ]
    );
    assert_eq!(world.run(), [1, 0, 2]);
    world.set = vec!["seed=7".into()];
    let states = world.states();
    assert_eq!(states[0], (Run, "seed 0 → 7".into()));
    assert_eq!(states[1], (Run, "seed 0 → 7; waits for images".into()));
}

fn force_runs_what_is_named() {
    let mut world = World::new(CHAIN);
    world.run();
    world.force = vec!["palette".into()];
    assert_eq!(world.states()[1..], [(Run, "forced".into()), (Maybe, "waits for palette".into())]);
    assert_eq!(world.run(), [1, 0, 2]);
}

fn a_changed_source_runs_again() {
    let world = World::new("stages:\n  images: {params: {path: data.txt}}\n  palette:\n");
    world.write("data.txt", "one");
    assert_eq!(world.run(), [2, 0, 0]);
    assert_eq!(world.text("palette"), "on");
    // Touched, moved: the content counts.
    world.write("data.txt", "one");
    assert_eq!(world.run(), [0, 0, 2]);
    fs::rename(world.path("data.txt"), world.path("moved.txt")).unwrap();
    world.write("pipeline.yaml", "stages:\n  images: {params: {path: moved.txt}}\n  palette:\n");
    assert_eq!(world.run(), [0, 0, 2]);
    world.write("moved.txt", "two");
    assert_eq!(world.states()[0], (Run, "source path changed".into()));
    assert_eq!(world.run(), [2, 0, 0]);
    assert_eq!(world.text("palette"), "tw");
}

fn a_missing_source_is_shown_in_the_file() {
    let world = World::new("stages:\n  images: {params: {path: none.txt}}\n");
    let error = world.plan(&[]).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("pipeline.yaml:2:27: cannot look at"), "{text}");
    assert!(text.contains("No such file") && text.contains("^^^^^^^^"), "{text}");
    assert!(error.is_usage());
}

fn a_source_that_changes_meanwhile_is_not_kept() {
    let world = World::new("stages:\n  images: {params: {path: data.txt}}\n");
    world.write("data.txt", "one");
    let pipeline = world.load();
    let mut planner = Planner::new(&pipeline, Vec::new(), false);
    let plan = planner.plan(&[0]).unwrap();
    let error = planner
        .run(&plan, &options(), &Cancel::default(), |news| {
            // The stage has read its source by now.
            if let News::Started { .. } = news {
                world.write("data.txt", "two!");
            }
        })
        .unwrap_err();
    assert!(error.to_string().contains("changed while the stage was reading it"), "{error}");
    assert!(!world.path("artifacts/images").exists());
    assert_eq!(world.run(), [1, 0, 0]);
    assert_eq!(world.text("images"), "two!");
}

fn a_tampered_file_is_made_again() {
    let world = World::new(CHAIN);
    world.run();
    let made = world.text("palette");
    world.write("artifacts/palette/text", "xy");
    assert_eq!(world.states()[1].1, "file text was changed after it was made");
    assert_eq!(world.run(), [1, 0, 2]);
    assert_eq!(world.text("palette"), made);
    fs::remove_file(world.path("artifacts/palette/text")).unwrap();
    assert_eq!(world.states()[1].1, "file text is missing");
    assert_eq!(world.run(), [1, 0, 2]);
    assert_eq!(world.text("palette"), made);
}

fn a_damaged_manifest_is_made_again() {
    let world = World::new(CHAIN);
    world.run();
    world.write("artifacts/palette/manifest.json", "{\"format\": 1,");
    assert!(world.states()[1].1.starts_with("the earlier result cannot be read"), "{:?}", world.states());
    assert_eq!(world.run(), [1, 0, 2]);
    assert_eq!(world.run(), [0, 0, 3]);
}

fn a_selection_runs_what_it_needs() {
    let world = World::new("stages:\n  images:\n  palette:\n  sample:\n");
    let tally = world.try_run(&["palette"]).unwrap();
    assert_eq!(tally.run, 2);
    assert!(!world.path("artifacts/sample").exists());
}

fn wiring_shows_as_a_reason() {
    let world = World::new(CHAIN);
    world.run();
    world.write("pipeline.yaml", &format!("{CHAIN}  sample:\n"));
    let states = world.states();
    let tokenize = states.iter().find(|(_, reason)| reason.contains("input samples added"));
    assert!(tokenize.is_some(), "{states:?}");
}

fn a_failure_keeps_what_was_there() {
    let mut world = World::new(CHAIN);
    world.run();
    world.set = vec!["images.fail=error".into()];
    let error = world.try_run(&[]).unwrap_err();
    assert_eq!(error.to_string(), "images: this toy is broken");
    assert_eq!(error.hint().unwrap(), "play something else");
    assert!(!error.is_usage());
    let (log, _) = error.log().unwrap();
    assert!(fs::read_to_string(log).unwrap().contains("failed: this toy is broken"));
    world.set.clear();
    assert_eq!(world.states(), [(Cached, String::new()), (Cached, String::new()), (Cached, String::new())]);
    assert!(world.path("artifacts/.work").read_dir().unwrap().next().is_none(), "no work is left");
}

fn a_panic_and_a_kill_are_explained() {
    let mut world = World::new(CHAIN);
    world.set = vec!["images.fail=panic".into()];
    let error = world.try_run(&[]).unwrap_err();
    assert_eq!(error.to_string(), "images: the stage panicked: this toy panics");
    let (_, tail) = error.log().unwrap();
    assert!(tail.iter().any(|line| line.contains("panicked at")), "{tail:?}");

    world.set = vec!["images.fail=kill".into()];
    let error = world.try_run(&[]).unwrap_err();
    assert_eq!(error.to_string(), "images: the process was killed by SIGKILL");
    assert!(error.hint().unwrap().contains("out of memory"));
    world.set.clear();
    assert_eq!(world.run(), [3, 0, 0]);
}

fn events_and_logs_are_kept() {
    let world = World::new("stages:\n  images: {params: {text: a}}\n");
    let pipeline = world.load();
    let mut planner = Planner::new(&pipeline, Vec::new(), false);
    let plan = planner.plan(&[0]).unwrap();
    let mut heard = Vec::new();
    planner
        .run(&plan, &options(), &Cancel::default(), |news| match news {
            News::Told(event) => heard.push(event.clone()),
            News::Finished { result, .. } => assert_eq!(result.results[0].0, "length"),
            _ => {}
        })
        .unwrap();
    assert_eq!(heard, [Event::Log { line: "about to write".into() }]);
    let run = only(&world.path("artifacts/.runs"));
    let log = fs::read_to_string(run.join("images.log")).unwrap();
    assert!(log.contains("about to write") && log.contains("length: 1"), "{log}");
    let record: serde_json::Value = serde_json::from_slice(&fs::read(run.join("run.json")).unwrap()).unwrap();
    assert_eq!((&record["outcome"], &record["stages"][0]["done"]), (&"ok".into(), &"run".into()));
    assert_eq!(record["stages"][0]["reasons"][0], "never run");
}

/// The only entry of a folder.
fn only(dir: &Path) -> PathBuf {
    let mut entries: Vec<_> = dir.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(entries.len(), 1);
    entries.remove(0)
}

fn nobody_works_on_after_the_runner_is_killed() {
    let world = World::new(CHAIN);
    world.write("slow", "");
    let mut runner = runner(&world);
    let stage = stage_process(&world);
    // SIGKILL: the runner has no chance to tidy up.
    runner.kill().unwrap();
    runner.wait().unwrap();
    until("the stage ends", || !is_alive(stage));
    assert!(!world.path("artifacts/images").exists());

    fs::remove_file(world.path("slow")).unwrap();
    assert_eq!(world.run(), [3, 0, 0]);
    let undisturbed = World::new(CHAIN);
    undisturbed.run();
    assert_eq!(contents(&world), contents(&undisturbed));
}

fn cancelling_ends_the_stage() {
    let world = World::new(CHAIN);
    world.write("slow", "");
    let cancel = Arc::new(Cancel::default());
    let pipeline = world.load();
    let mut planner = Planner::new(&pipeline, Vec::new(), false);
    let plan = planner.plan(&[0]).unwrap();
    let error = std::thread::scope(|scope| {
        scope.spawn(|| {
            stage_process(&world);
            cancel.cancel();
        });
        planner.run(&plan, &options(), &cancel, |_| {}).unwrap_err()
    });
    assert!(matches!(error, Error::Interrupted), "{error}");
    assert!(!is_alive(stage_process(&world)));
}

fn two_runs_at_once_run_each_stage_once() {
    let world = World::new(CHAIN);
    let runners = [(), ()].map(|()| runner(&world));
    for mut runner in runners {
        assert!(runner.wait().unwrap().success());
    }
    let runs = world.path("artifacts/.runs").read_dir().unwrap();
    let records = runs.map(|run| fs::read_to_string(run.unwrap().path().join("run.json")).unwrap());
    let ran: usize = records.map(|record| record.matches("\"done\": \"run\"").count()).sum();
    assert_eq!(ran, 3);
    assert_eq!(world.run(), [0, 0, 3]);
}

/// A runner of its own for the pipeline of this world.
fn runner(world: &World) -> Child {
    let program = std::env::current_exe().unwrap();
    Command::new(program).arg("__run").arg(world.path("pipeline.yaml")).spawn().unwrap()
}

fn a_folder_that_cannot_be_written_stops_it_early() {
    // A file in the way stands for a read-only folder, which root could write.
    let world = World::new(CHAIN);
    world.write("artifacts", "in the way");
    let error = world.try_run(&[]).unwrap_err();
    assert!(error.to_string().contains("artifacts"), "{error}");
    assert!(!error.is_usage());
}

fn a_named_pipeline_has_its_own_folder() {
    let world = World::new(&format!("name: small\n{CHAIN}"));
    world.run();
    assert_eq!(world.text("small/tokenize"), "AB");
    // The store is shared: the same stages without the name are found.
    world.write("pipeline.yaml", CHAIN);
    assert_eq!(world.run(), [0, 3, 0]);
}

fn doing_nothing_is_quick() {
    let world = World::new(CHAIN);
    world.run();
    let start = Instant::now();
    assert!(world.plan(&[]).unwrap().is_done());
    assert!(start.elapsed() < Duration::from_millis(20), "{:?}", start.elapsed());
}

/// Waits for the slow stage to say which process it is.
fn stage_process(world: &World) -> u32 {
    let path = world.path("pid");
    until("the stage runs", || fs::read_to_string(&path).is_ok_and(|text| !text.is_empty()));
    fs::read_to_string(&path).unwrap().parse().unwrap()
}

/// Whether a process runs; one that has ended and was not yet waited for does not.
fn is_alive(process: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    stat.rsplit(')').next().is_some_and(|rest| !rest.trim().is_empty() && !rest.trim().starts_with('Z'))
}

#[track_caller]
fn until(what: &str, mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < Duration::from_secs(10), "waited too long: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The content digest of every entry.
fn contents(world: &World) -> Vec<String> {
    ["images", "palette", "tokenize"]
        .map(|entry| {
            let path = world.path("artifacts").join(entry).join("manifest.json");
            let manifest: serde_json::Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
            manifest["content"].to_string()
        })
        .to_vec()
}
