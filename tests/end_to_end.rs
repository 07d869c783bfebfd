//! The real stages on a tiny pipeline, read back with polars.

use polars::prelude::*;

use crate::support::{Project, TINY, scan};

const STAGES: [&str; 10] = [
    "features",
    "features-untrained",
    "images",
    "palette",
    "pretrain",
    "probe",
    "report",
    "sample",
    "tokenize",
    "untrained",
];

fn count(frame: LazyFrame) -> usize {
    frame.collect().unwrap().height()
}

#[test]
fn everything_runs_then_nothing_does_and_twice_is_the_same() {
    let project = Project::new(TINY);
    assert_eq!(project.stale(&[]).len(), STAGES.len());
    project.ok(&["run"]);
    assert_eq!(project.contents().into_keys().collect::<Vec<_>>(), STAGES);
    assert_eq!(project.stale(&[]), [""; 0]);
    let said = project.ok(&["run"]);
    assert!(said.contains("nothing to do"), "{said}");

    // 120 training images, a tenth held out; 12×12 pixels.
    let split = |name: &str| col("split").eq(lit(name.to_owned()));
    for (table, column, width) in [("images", "pixels", 432), ("tokenize", "tokens", 144)] {
        let rows = scan(&project, &format!("{table}/**/*.parquet"));
        for (name, rows_in_split) in [("train", 108), ("validation", 12), ("test", 40)] {
            assert_eq!(count(rows.clone().filter(split(name))), rows_in_split, "{table} {name}");
        }
        let frame = rows.collect().unwrap();
        assert_eq!(frame.column("image_id").unwrap().n_unique().unwrap(), 160);
        assert!(matches!(frame.column(column).unwrap().dtype(), DataType::Array(_, w) if *w == width));
    }

    // Every layer of both networks, one schema: layers 0 and 1 are block inputs, 2 the output.
    for name in ["features", "features-untrained"] {
        let features = scan(&project, &format!("{name}/**/*.parquet"));
        assert_eq!(count(features.clone()), 3 * 160);
        let one = features.filter(col("layer").eq(lit(2)).and(split("test"))).collect().unwrap();
        assert_eq!(one.height(), 40);
        assert!(matches!(one.column("features").unwrap().dtype(), DataType::Array(_, 16)));
    }

    // Three layers twice and the pixels, judged on three splits.
    let probes = scan(&project, "probe/probes.parquet");
    assert_eq!(count(probes.clone()), 7 * 3);
    assert_eq!(count(probes.filter(col("layer").is_null())), 3);
    assert_eq!(count(scan(&project, "probe/predictions.parquet")), 7 * 40);

    let losses = scan(&project, "pretrain/metrics.parquet").filter(split("validation"));
    let losses = losses.sort(["step"], Default::default()).collect().unwrap();
    let losses: Vec<f64> = losses.column("loss").unwrap().f64().unwrap().into_no_null_iter().collect();
    assert!((losses[0] - 4f64.ln()).abs() < 1e-4, "not uniform at the start: {losses:?}");
    assert!(losses.last() < losses.first(), "nothing was learned: {losses:?}");

    let page = std::fs::read_to_string(project.path("artifacts/report/index.html")).unwrap();
    assert!(page.contains("<svg") && page.contains("data:image/png;base64,"));
    for file in ["sample/samples.png", "sample/completions.png", "probe/depth.svg", "palette/palette.png"] {
        assert!(project.path("artifacts").join(file).exists(), "{file}");
    }

    // From scratch with the same seed: the same bytes, the report's measured seconds apart.
    let again = Project::new(TINY);
    again.ok(&["run"]);
    let without_report = |project: &Project| {
        let mut contents = project.contents();
        contents.remove("report");
        contents
    };
    assert_eq!(without_report(&project), without_report(&again));
    let other_seed = Project::new(&TINY.replace("seed: 7", "seed: 8"));
    other_seed.ok(&["run", "pretrain"]);
    assert_ne!(project.contents()["pretrain"], other_seed.contents()["pretrain"]);
}
