//! The stages on files as they are published, and on files that are not.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use igpt_artifact::table::npy::write_f32_rows;
use igpt_artifact::table::palette::Palette;
use igpt_artifact::table::tokens::Tokens;
use igpt_artifact::{Explain, Kind, Split};
use igpt_import::{
    Error, ImportModelParams, ImportModelStage, ImportPaletteParams, ImportPaletteStage, ImportTokensParams,
    ImportTokensStage,
};
use igpt_model::device::Cpu;
use igpt_model::{Config, ImageGpt, processor, weights};
use igpt_stage::{Params, Seed, Stage, Summary};
use igpt_testing::input;
use npyz::WriterBuilder;

/// A folder to import from and one to import into.
struct World {
    dir: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        let world = Self { dir: tempfile::tempdir().unwrap() };
        fs::create_dir(world.source()).unwrap();
        world
    }

    fn source(&self) -> PathBuf {
        self.dir.path().join("source")
    }

    fn out(&self) -> PathBuf {
        self.dir.path().join("out")
    }

    /// Runs a stage into an empty folder.
    fn run<S: Stage>(&self, params: &S::Params) -> Result<Summary, S::Error> {
        let _ = fs::remove_dir_all(self.out());
        fs::create_dir(self.out()).unwrap();
        let palette = input(Kind::Palette, &self.dir.path().join("palette"));
        igpt_testing::run::<S>([("palette", palette)], &self.out(), params)
    }

    fn model(&self) -> Result<Summary, Error> {
        self.run::<ImportModelStage>(&ImportModelParams { path: Some(self.source()), weights: None })
    }

    fn palette(&self, path: PathBuf) -> Result<Summary, Error> {
        self.run::<ImportPaletteStage>(&ImportPaletteParams { path: Some(path) })
    }

    fn tokens(&self) -> Result<Summary, Error> {
        let params = ImportTokensParams { path: Some(self.source()), prefix: "tiny".into() };
        self.run::<ImportTokensStage>(&params)
    }

    fn array<T: npyz::AutoSerialize + Copy>(&self, name: &str, shape: &[u64], values: &[T]) {
        let file = File::create(self.source().join(name)).unwrap();
        let options = npyz::WriteOptions::<T>::new().default_dtype().shape(shape);
        let mut writer = options.writer(file).begin_nd().unwrap();
        writer.extend(values.iter().copied()).unwrap();
        writer.finish().unwrap();
    }

    /// Four colours, and images of 2×2 pixels in three splits.
    fn with_tokens() -> Self {
        let world = Self::new();
        fs::create_dir(world.dir.path().join("palette")).unwrap();
        palette(4).write(&world.dir.path().join("palette")).unwrap();
        world.array("tiny_trX.npy", &[3, 4], &[0_u8, 1, 2, 3, 3, 2, 1, 0, 0, 0, 0, 0]);
        world.array("tiny_trY.npy", &[3], &[7_i64, 8, 9]);
        world.array("tiny_vaX.npy", &[1, 4], &[1_i64, 1, 2, 3]);
        world.array("tiny_vaY.npy", &[1], &[7_i32]);
        world.array("tiny_teX.npy", &[2, 4], &[2_u16, 1, 2, 3, 0, 0, 0, 3]);
        world
    }
}

fn palette(k: u16) -> Palette {
    Palette::new((0..k).map(|i| [f32::from(i) / f32::from(k), 0.5, -1.0]).collect())
}

const CONFIG: Config = Config {
    n_layer: 1,
    n_embd: 4,
    n_head: 2,
    n_positions: 4,
    k: 4,
    objective: igpt_model::Objective::Autoregressive,
};

fn write_model(dir: &Path) {
    let network = ImageGpt::<Cpu>::new(CONFIG, Seed::new(3), &Default::default());
    weights::write(&network, dir).unwrap();
}

fn names(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_model_comes_with_its_colours_or_without() {
    let world = World::new();
    write_model(&world.source());
    let summary = world.model().unwrap();
    assert_eq!(names(&world.out()), ["config.json", "model.safetensors"]);
    assert!(summary.results.contains(&("biases".into(), false.into())));
    let bytes = |dir: PathBuf| fs::read(dir.join(weights::FILE)).unwrap();
    assert_eq!(bytes(world.out()), bytes(world.source()));

    processor::write(&palette(4), 2, 2, &world.source()).unwrap();
    world.model().unwrap();
    let read = processor::read(&world.out().join(processor::FILE)).unwrap().unwrap();
    assert_eq!((read.palette, read.height, read.width), (palette(4), 2, 2));
}

#[test]
fn a_model_that_does_not_fit_leaves_nothing_to_publish() {
    let world = World::new();
    let refused = |expected: &str| {
        let error = world.model().unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
        assert!(error.hint().is_some(), "{error}");
        assert!(!world.out().join(weights::FILE).exists(), "{error}");
    };
    refused("config.json");
    write_model(&world.source());
    Config { k: 5, ..CONFIG }.write(&world.source()).unwrap();
    refused("`transformer.wte.weight` has shape [5, 4], expected [6, 4]");
    CONFIG.write(&world.source()).unwrap();
    processor::write(&palette(3), 2, 2, &world.source()).unwrap();
    refused("preprocessor_config.json: 3 clusters, the network has 4 colours");
    processor::write(&palette(4), 3, 3, &world.source()).unwrap();
    refused("images of 3 × 3 pixels, the network has 4 positions");
    let path = world.source().join("config.json");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replacen('{', "{\"scale_attn_by_inverse_layer_idx\": true,", 1)).unwrap();
    refused("`scale_attn_by_inverse_layer_idx` is true");
    CONFIG.write(&world.source()).unwrap();
    fs::remove_file(world.source().join(weights::FILE)).unwrap();
    refused("no weights here");
}

#[test]
fn parameters_that_make_no_sense() {
    let model = |path: Option<&str>, weights: Option<&str>| {
        ImportModelParams { path: path.map(Into::into), weights: weights.map(Into::into) }
            .check()
            .unwrap_err()
            .param
    };
    assert_eq!(model(None, None), "path");
    assert_eq!(model(Some("x"), Some("../y")), "weights");
    let tokens = |prefix: &str| ImportTokensParams { path: Some("x".into()), prefix: prefix.into() }.check();
    assert_eq!(tokens("").unwrap_err().param, "prefix");
    assert_eq!(tokens("a/b").unwrap_err().param, "prefix");
    assert!(tokens("cifar10").is_ok());
    let world = World::new();
    let absent = world.palette(world.source().join("nowhere")).unwrap_err();
    assert!(matches!(absent, Error::NotFound { .. }));
}

#[test]
fn palettes_of_both_kinds() {
    let world = World::new();
    let centers = world.source().join("kmeans_centers.npy");
    assert!(matches!(world.palette(world.source()).unwrap_err(), Error::NoPalette { .. }));
    processor::write(&palette(5), 2, 2, &world.source()).unwrap();
    for path in [world.source(), world.source().join(processor::FILE)] {
        world.palette(path).unwrap();
        assert_eq!(Palette::open(&world.out()).unwrap(), palette(5));
    }
    write_f32_rows(&centers, palette(6).centers()).unwrap();
    for path in [world.source(), centers.clone()] {
        world.palette(path).unwrap();
        assert_eq!(names(&world.out()), ["kmeans_centers.npy", "palette.parquet", "palette.png"]);
        assert_eq!(Palette::open(&world.out()).unwrap(), palette(6));
    }
    write_f32_rows(&centers, &[[0.0, 0.0, 1.5]]).unwrap();
    let error = world.palette(centers).unwrap_err().to_string();
    assert!(error.contains("kmeans_centers.npy: row 0: a value outside [-1, 1]"), "{error}");
}

#[test]
fn tokens_of_any_width() {
    let world = World::with_tokens();
    world.tokens().unwrap();
    let tokens = Tokens::open(&world.out()).unwrap();
    assert_eq!((tokens.meta.height, tokens.meta.width, tokens.meta.k), (2, 2, 4));
    let all = Split::ALL.map(|split| tokens.read_all(split).unwrap());
    assert_eq!(all.each_ref().map(|batch| batch.ids.clone()), [vec![0, 1, 2], vec![3], vec![4, 5]]);
    assert_eq!(all[0].labels, [Some(7), Some(8), Some(9)]);
    assert_eq!(all[0].row(1), [3, 2, 1, 0]);
    assert_eq!((&all[1].labels[..], all[1].row(0)), (&[Some(7)][..], &[1, 1, 2, 3][..]));
    assert_eq!((&all[2].labels[..], all[2].row(1)), (&[None, None][..], &[0, 0, 0, 3][..]));

    fs::remove_file(world.source().join("tiny_vaX.npy")).unwrap();
    world.tokens().unwrap();
    let tokens = Tokens::open(&world.out()).unwrap();
    assert_eq!(tokens.meta.rows[&Split::Validation], 0);
    assert_eq!(tokens.read_all(Split::Test).unwrap().ids, [3, 4]);
}

#[test]
fn tokens_that_do_not_fit() {
    let refused = |change: &dyn Fn(&World), expected: &str| {
        let world = World::with_tokens();
        change(&world);
        let error = world.tokens().unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
        assert!(!world.out().join("tokens.json").exists());
        error.hint()
    };
    refused(
        &|world| world.array("tiny_trX.npy", &[3, 4], &[0, 1, 2, 3, 0, 0, 4, 0, 0, 0, 0, 0]),
        "tiny_trX.npy: row 1, position 2: token 4, the palette has 4 colours",
    );
    refused(&|world| world.array("tiny_teX.npy", &[1, 4], &[0_i64, -1, 0, 0]), "position 1: token -1");
    refused(
        &|world| world.array("tiny_trX.npy", &[3, 3], &[0_u8; 9]),
        "shape [3, 3], expected [images, side²]",
    );
    refused(&|world| world.array("tiny_teX.npy", &[1, 9], &[0_u8; 9]), "shape [1, 9], expected [images, 4]");
    refused(&|world| world.array("tiny_trX.npy", &[12], &[0_u8; 12]), "shape [12]");
    refused(
        &|world| world.array("tiny_trY.npy", &[2], &[0_u8; 2]),
        "shape [2], expected [3], one label an image",
    );
    refused(&|world| world.array("tiny_trX.npy", &[3, 4], &[0.5_f32; 12]), "expected integers");
    let cut = |world: &World| {
        let path = world.source().join("tiny_trX.npy");
        let bytes = fs::read(&path).unwrap();
        fs::write(path, &bytes[..bytes.len() - 100]).unwrap();
    };
    refused(&cut, "tiny_trX.npy");
    let rename = |world: &World| {
        fs::rename(world.source().join("tiny_trX.npy"), world.source().join("other_trX.npy")).unwrap();
    };
    let hint = refused(&rename, "tiny_trX.npy: no such file");
    assert_eq!(hint.as_deref(), Some("prefixes in this folder: other"));
}
