//! A small run, made with the artifact crate's own writers.

use std::collections::BTreeMap;
use std::path::Path;

use igpt_artifact::manifest::{MadeBy, Origin};
use igpt_artifact::store::Account;
use igpt_artifact::table::images::{Images, ImagesMeta};
use igpt_artifact::table::metrics::{Metric, TIMING_FILE, Timing, write_metrics, write_timing};
use igpt_artifact::table::palette::Palette;
use igpt_artifact::table::probe::{
    LowDataRow, Prediction, PredictionsWriter, ProbeId, ProbeMeta, ProbeRow, Source, Subset, write_low_data,
    write_probes,
};
use igpt_artifact::table::tokens::{Tokens, TokensMeta};
use igpt_artifact::table::write_json;
use igpt_artifact::{Artifact, Digest, KeyParts, Kind, Split, Store};
use igpt_report::{Error, INDEX_FILE, ReportParams, ReportStage};
use igpt_stage::{Context, InputArtifact, Seed, Silent, Stage, Summary};
use image::RgbImage;
use serde_json::{Value, json};

const SIDE: usize = 16;
const LAYERS: u32 = 6;

/// A folder with artifacts.
pub(crate) struct World {
    pub(crate) dir: tempfile::TempDir,
    store: Store,
    pub(crate) inputs: BTreeMap<String, InputArtifact>,
}

/// What a stage of the world says of itself.
#[derive(Default)]
struct Said {
    params: Value,
    sources: BTreeMap<String, String>,
    results: Vec<(String, Value)>,
    seconds_file: Option<&'static str>,
}

impl World {
    pub(crate) fn empty() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::new(dir.path().join("artifacts"));
        Self { dir, store, inputs: BTreeMap::new() }
    }

    /// Every artifact that a page can show, with these class names.
    pub(crate) fn full(classes: &[&str]) -> Self {
        let mut world = Self::empty();
        let images = world.images(classes);
        let palette = world.palette(&images);
        let tokens = world.tokens(&images, &palette, classes);
        let model = world.model("pretrain", &tokens, 1200);
        let untrained = world.model("untrained", &tokens, 0);
        let features = world.features("features", &model, &tokens);
        let before = world.features("features-untrained", &untrained, &tokens);
        let probe = world.probe(&images, &features, &before, classes.len() as i64);
        let samples = world.samples(&model, &palette, &tokens);
        for artifact in [images, palette, tokens, model, features, probe, samples] {
            let role = artifact.manifest.made_from.kind.to_string();
            world.inputs.insert(role, InputArtifact { dir: artifact.dir, manifest: artifact.manifest });
        }
        world
    }

    /// Leaves only these inputs.
    pub(crate) fn keep(&mut self, kinds: &[Kind]) {
        self.inputs.retain(|role, _| kinds.iter().any(|kind| kind.name() == role));
    }

    /// Runs the stage; returns the page.
    pub(crate) fn report(&self, title: &str) -> Result<(String, Summary), Error> {
        let out = tempfile::tempdir().unwrap();
        let context = Context {
            inputs: self.inputs.clone(),
            out: out.path(),
            scratch: out.path(),
            seed: Seed::new(0),
            device: "cpu",
            progress: &Silent,
        };
        let summary = ReportStage::run(&context, &ReportParams { title: title.into() })?;
        Ok((std::fs::read_to_string(out.path().join(INDEX_FILE)).unwrap(), summary))
    }

    fn publish(
        &self,
        name: &str,
        kind: Kind,
        inputs: &[(&str, &Artifact)],
        said: Said,
        fill: impl FnOnce(&Path),
    ) -> Artifact {
        let stage = if kind == Kind::Model { "pretrain" } else { kind.name() };
        let params = said.params.as_object().cloned().unwrap_or_default().into_iter().collect();
        let made_from = KeyParts {
            kind,
            format: kind.format(),
            stage: stage.into(),
            code: Digest::of(stage),
            params,
            inputs: inputs.iter().map(|(role, a)| ((*role).into(), a.manifest.content)).collect(),
            sources: said.sources.iter().map(|(param, path)| (param.clone(), Digest::of(path))).collect(),
            seed: 42,
        };
        let origin = |a: &Artifact| Origin {
            name: a.manifest.name.clone(),
            key: a.manifest.key,
            content: a.manifest.content,
        };
        let work = self.store.claim(made_from.key(), || {}).unwrap();
        fill(&work.out());
        let account = Account {
            name: name.into(),
            made_from,
            inputs: inputs.iter().map(|(role, a)| ((*role).into(), origin(a))).collect(),
            sources: said.sources,
            results: said.results,
            volatile: said.seconds_file.map(Into::into).into_iter().collect(),
            made_by: MadeBy {
                version: "0.1.0".into(),
                commit: "0123456789abcdef".into(),
                dirty: true,
                machine: "a test machine".into(),
                device: if kind == Kind::Model { "cpu".into() } else { String::new() },
            },
            peak_memory: 300 << 20,
        };
        work.publish(account).unwrap()
    }

    fn images(&self, classes: &[&str]) -> Artifact {
        let rows = BTreeMap::from([(Split::Train, 80), (Split::Validation, 20), (Split::Test, 40)]);
        let classes: Vec<String> = classes.iter().map(|&name| name.into()).collect();
        let meta = ImagesMeta { height: SIDE, width: SIDE, classes, rows };
        let said = Said {
            params: json!({"source": "folder", "size": SIDE, "validation": 0.1, "limit": null}),
            sources: BTreeMap::from([("path".into(), "/data/<pictures> & more".into())]),
            results: vec![("train".into(), json!(80)), ("size".into(), json!(SIDE))],
            ..Said::default()
        };
        self.publish("images", Kind::Images, &[], said, |out| {
            meta.write(out).unwrap();
            let mut id = 0;
            for split in Split::ALL {
                let mut writer = Images::writer(out, split, &meta);
                for _ in 0..meta.rows[&split] {
                    let label = id as i64 % meta.classes.len() as i64;
                    writer.push(id, Some(label), &disc(id, label)).unwrap();
                    id += 1;
                }
                writer.finish().unwrap();
            }
        })
    }

    fn palette(&self, images: &Artifact) -> Artifact {
        let said = Said {
            params: json!({"k": 8, "restarts": 4}),
            results: vec![("inertia".into(), json!(0.0123)), ("train_psnr_db".into(), json!(28.41))],
            ..Said::default()
        };
        self.publish("palette", Kind::Palette, &[("images", images)], said, |out| {
            palette().write(out).unwrap();
            let tile = RgbImage::from_fn(128, 16, |x, _| image::Rgb(palette().rgb((x / 16) as u16)));
            tile.save(out.join("palette.png")).unwrap();
        })
    }

    fn tokens(&self, images: &Artifact, palette: &Artifact, classes: &[&str]) -> Artifact {
        let pixels = Images::open(&images.dir).unwrap();
        let classes = classes.iter().map(|&name| name.into()).collect();
        let rows = pixels.meta.rows.clone();
        let meta = TokensMeta { height: SIDE, width: SIDE, k: 8, classes, rows };
        let said = Said { results: vec![("used_colours".into(), json!(8))], ..Said::default() };
        let inputs = [("images", images), ("palette", palette)];
        self.publish("tokenize", Kind::Tokens, &inputs, said, |out| {
            meta.write(out).unwrap();
            for split in Split::ALL {
                let mut writer = Tokens::writer(out, split, &meta);
                for batch in pixels.read(split, 64).unwrap() {
                    let batch = batch.unwrap();
                    for i in 0..batch.rows() {
                        let tokens: Vec<u16> = batch.row(i).as_chunks::<3>().0.iter().map(nearest).collect();
                        writer.push(batch.ids[i], batch.labels[i], &tokens).unwrap();
                    }
                }
                writer.finish().unwrap();
            }
        })
    }

    fn model(&self, name: &str, tokens: &Artifact, steps: u64) -> Artifact {
        let said = Said {
            params: json!({"n_layer": LAYERS, "n_embd": 64, "n_head": 4, "steps": steps, "learning_rate": 0.003}),
            results: vec![("validation_loss".into(), json!(0.913)), ("parameters".into(), json!(321_536))],
            seconds_file: Some(TIMING_FILE),
            ..Said::default()
        };
        self.publish(name, Kind::Model, &[("tokens", tokens)], said, |out| {
            let config = json!({"model_type": "imagegpt", "vocab_size": 9, "n_positions": SIDE * SIDE,
                "n_embd": 64, "n_layer": LAYERS, "n_head": 4});
            write_json(&out.join("config.json"), &config).unwrap();
            let metric = |step: u64, split| {
                let progress = step as f64 / 1200.0;
                let wiggle = if split == Split::Train { 0.03 * (step as f64 * 0.7).sin() } else { 0.02 };
                let loss = 0.893 + 1.15 * (-6.0 * progress).exp() + wiggle;
                Metric { step, split, loss, learning_rate: 3e-3 * (1.0 - progress), tokens: step * 8 * 256 }
            };
            let train = (1..=steps / 20).map(|i| metric(i * 20, Split::Train));
            let validation = (0..=steps / 200).map(|i| metric(i * 200, Split::Validation));
            write_metrics(out, &train.chain(validation).collect::<Vec<_>>()).unwrap();
            let timing = |step: u64| Timing { step, seconds: step as f64 * 0.1, tokens_per_second: 20_480.0 };
            write_timing(out, &(1..=steps / 20).map(|i| timing(i * 20)).collect::<Vec<_>>()).unwrap();
        })
    }

    fn features(&self, name: &str, model: &Artifact, tokens: &Artifact) -> Artifact {
        let said = Said { params: json!({"tap": "attn_norm"}), ..Said::default() };
        self.publish(name, Kind::Features, &[("model", model), ("tokens", tokens)], said, |out| {
            write_json(&out.join("features.json"), &json!({})).unwrap();
        })
    }

    fn probe(&self, images: &Artifact, features: &Artifact, untrained: &Artifact, classes: i64) -> Artifact {
        let trained = [0.21, 0.38, 0.52, 0.66, 0.71, 0.69, 0.64];
        let mut rows = Vec::new();
        for layer in 0..=LAYERS {
            rows.extend(scores(ProbeId::layer(Source::Model, layer), trained[layer as usize]));
            let untrained = ProbeId::layer(Source::Untrained, layer);
            rows.extend(scores(untrained, 0.19 + 0.01 * f64::from(layer % 3)));
        }
        rows.extend(scores(ProbeId::PIXELS, 0.43));
        // Better than any layer, so that nothing may take them for one.
        let best = ProbeId::layer(Source::Model, 4);
        let wide = best.side_by_side(5);
        rows.extend(scores(wide, 0.77));
        rows.extend(scores(best.on(Subset { labels_per_class: 4, number: 0 }), 0.93));
        let few = |source, layer, mean| LowDataRow {
            source,
            layer,
            labels_per_class: 4,
            subsets: 5,
            mean,
            deviation: Some(0.021),
        };
        let few = [few(Source::Model, Some(4), 0.446), few(Source::Pixels, None, 0.312)];
        let said = Said {
            params: json!({"l2": [0.001, 0.01, 0.1]}),
            results: vec![("best_layer".into(), json!(4)), ("test_accuracy".into(), json!(0.71))],
            ..Said::default()
        };
        let inputs = [("features", features), ("images", images), ("untrained", untrained)];
        self.publish("probe", Kind::Probe, &inputs, said, |out| {
            write_probes(out, &rows).unwrap();
            write_low_data(out, &few).unwrap();
            ProbeMeta::default().write(out).unwrap();
            let mut writer = PredictionsWriter::create(out).unwrap();
            let layers = (0..=LAYERS).map(|layer| ProbeId::layer(Source::Model, layer));
            for (layer, id) in layers.chain([wide]).enumerate() {
                // Layer l takes every (l + 2)nd image for the class before its own.
                let prediction = |id: u64| {
                    let label = id as i64 % classes;
                    let wrong = id.is_multiple_of(layer as u64 + 2);
                    let predicted = if wrong { (label + classes - 1) % classes } else { label };
                    Prediction { image_id: id, label, predicted, confidence: 0.8 }
                };
                let rows: Vec<_> = (100..1100).map(prediction).collect();
                writer.write(id, &rows).unwrap();
            }
            writer.finish().unwrap();
        })
    }

    fn samples(&self, model: &Artifact, palette: &Artifact, tokens: &Artifact) -> Artifact {
        let said = Said { params: json!({"temperature": 1.0}), ..Said::default() };
        let inputs = [("model", model), ("palette", palette), ("tokens", tokens)];
        self.publish("sample", Kind::Samples, &inputs, said, |out| {
            for (name, columns) in [("samples.png", 10), ("completions.png", 8)] {
                let side = SIDE as u32;
                let grid = RgbImage::from_fn(columns * side, 4 * side, |x, y| {
                    let (tile, at) =
                        (u64::from(x / side + 10 * (y / side)), ((y % side) * side + x % side) as usize);
                    image::Rgb(disc(tile, tile as i64 % 10).as_chunks::<3>().0[at])
                });
                grid.save(out.join(name)).unwrap();
            }
        })
    }
}

fn scores(id: ProbeId, test: f64) -> [ProbeRow; 3] {
    [(Split::Train, 0.06, 5400), (Split::Validation, 0.01, 600), (Split::Test, 0.0, 1000)].map(
        |(split, more, images)| {
            let accuracy = test + more;
            let (dims, iterations) = id.layers.map_or((768, 140), |layers| (64 * layers, 87));
            ProbeRow {
                id,
                dims,
                l2: 0.01,
                learning_rate: None,
                split,
                accuracy,
                loss: 2.0 - accuracy,
                images,
                iterations,
            }
        },
    )
}

fn palette() -> Palette {
    let rgb = |i: u32| [i & 1, i >> 1 & 1, i >> 2 & 1].map(|bit| if bit == 1 { 0.7 } else { -0.8 });
    Palette::new((0..8).map(rgb).collect())
}

fn nearest(rgb: &[u8; 3]) -> u16 {
    rgb.iter().enumerate().map(|(channel, &v)| u16::from(v > 120) << channel).sum()
}

/// A light disc on dark ground; place and hue follow from the id, size from the label.
fn disc(id: u64, label: i64) -> Vec<u8> {
    let (cx, cy) = ((5 + id * 7 % 6) as f64, (5 + id * 5 % 7) as f64);
    let radius = 2.0 + label as f64 * 0.4;
    let light = [0, 1, 2].map(|c| if (id + c).is_multiple_of(3) { 90 } else { 210 });
    let pixel = |i: usize| {
        let (x, y) = ((i % SIDE) as f64, (i / SIDE) as f64);
        if (x - cx).hypot(y - cy) <= radius { light } else { [30, 24, 40] }
    };
    (0..SIDE * SIDE).flat_map(pixel).collect()
}
