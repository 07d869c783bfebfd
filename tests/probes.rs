//! Every kind of probe on a tiny pipeline, read back with polars.

use polars::prelude::*;

use crate::support::Project;

/// Two networks, probed twice: in memory with every extra, and from features that stream by.
const PIPELINE: &str = "\
seed: 7
stages:
  images: {params: {source: shapes, size: 12, train: 160, test: 40}}
  palette: {params: {k: 4, restarts: 2}}
  tokenize:
  pretrain: {params: {n_layer: 2, n_embd: 16, n_head: 2, steps: 12, warmup_steps: 4, log_every: 4}}
  untrained: {like: pretrain, params: {steps: 0}}
  features:
  features-untrained: {like: features, inputs: {model: untrained}}
  probe:
    inputs: {untrained: features-untrained}
    params: {l2: [0.01, 1.0], concat: [3], low_data: {labels_per_class: [2, 5, 1000], subsets: 3}}
  probe-streamed:
    use: probe
    params: {solver: sgd, sgd: {learning_rates: [0.3, 0.03], epochs: 5, batch_size: 32, buffer: 64}}
  report:
";

fn table(project: &Project, path: &str) -> LazyFrame {
    let path = project.path("artifacts").join(path);
    let args = ScanArgsParquet::default();
    LazyFrame::scan_parquet(PlRefPath::try_from_path(&path).unwrap(), args).unwrap()
}

fn count(frame: LazyFrame) -> usize {
    frame.collect().unwrap().height()
}

#[test]
fn every_kind_of_probe_has_its_rows() {
    let project = Project::new(PIPELINE);
    project.ok(&["run"]);
    assert_eq!(project.stale(&[]), [""; 0]);

    // Three layers of both networks and the pixels; three layers at once; few labels of three sources.
    let probes = table(&project, "probe/probes.parquet");
    let few = col("labels_per_class").is_not_null();
    let wide = col("layers").gt(lit(1));
    let plain = few.clone().not().and(wide.clone().fill_null(lit(false)).not());
    assert_eq!(count(probes.clone().filter(plain)), 7 * 3);
    let wide = probes.clone().filter(wide).collect().unwrap();
    assert_eq!(wide.height(), 3);
    let layers = wide.column("layers").unwrap().u32().unwrap().get(0).unwrap();
    assert_eq!(wide.column("dims").unwrap().u32().unwrap().get(0), Some(16 * layers));
    assert_eq!(count(probes.clone().filter(few.clone())), 3 * 2 * 3 * 3, "1000 labels are left out");

    // The summary is that of the rows.
    let by = [col("source"), col("labels_per_class")];
    let means = probes
        .filter(few.and(col("split").eq(lit("test"))))
        .group_by(by.clone())
        .agg([col("accuracy").mean().alias("expected"), len().cast(DataType::UInt32).alias("n")]);
    let sums = table(&project, "probe/low_data.parquet").join(means, by.clone(), by, JoinArgs::default());
    let sums = sums.collect().unwrap();
    assert_eq!(sums.height(), 3 * 2);
    let f64s = |name: &str| sums.column(name).unwrap().f64().unwrap().into_no_null_iter().collect::<Vec<_>>();
    assert!(f64s("mean").iter().zip(f64s("expected")).all(|(mean, expected)| (mean - expected).abs() < 1e-9));
    assert!(f64s("deviation").iter().all(|deviation| (0.0..0.5).contains(deviation)));

    // Streamed: the same images, another way to the weights.
    let streamed = table(&project, "probe-streamed/probes.parquet");
    assert_eq!(count(streamed.clone()), 4 * 3);
    let rates = streamed.select([col("learning_rate"), col("iterations")]).collect().unwrap();
    let steps = 5 * 144_u64.div_ceil(32);
    assert!(rates.column("iterations").unwrap().u64().unwrap().into_no_null_iter().all(|n| n == steps));
    assert_eq!(rates.column("learning_rate").unwrap().null_count(), 0);

    let page = std::fs::read_to_string(project.path("artifacts/report/index.html")).unwrap();
    assert!(page.contains(">Few labels</h2>") && page.contains("Layers side by side"));
}
