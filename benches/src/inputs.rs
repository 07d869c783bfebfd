//! What measurements work on: random tokens, a network with initial weights, images.

use std::collections::BTreeMap;
use std::path::Path;

use igpt_artifact::key::KeyParts;
use igpt_artifact::store::Account;
use igpt_artifact::table::images::Images;
use igpt_artifact::table::tokens::{Tokens, TokensMeta};
use igpt_artifact::table::vectors::Batch;
use igpt_artifact::{Digest, Kind, Split, Store};
use igpt_images::{ImagesParams, ImagesStage, SourceKind};
use igpt_kernels::Kernels;
use igpt_model::{Compute, Config, Device, ImageGpt, weights};
use igpt_stage::{Context, Failure, InputArtifact, Seed, Silent, Stage};
use rand::Rng;

use crate::error::Result;
use crate::settings::{Place, Settings};

/// The seed of all inputs: they are the same in every round.
pub(crate) const SEED: u64 = 0;

/// The variable that names CIFAR-10 as Hugging Face stores it.
pub(crate) const CIFAR10: &str = "IGPT_CIFAR10";

/// Takes the sizes of a network.
pub(crate) fn take_config(settings: &mut Settings) -> Result<Config> {
    Ok(Config {
        n_layer: settings.take("n_layer")?,
        n_embd: settings.take("n_embd")?,
        n_head: settings.take("n_head")?,
        n_positions: settings.take("n_positions")?,
        k: settings.take("k")?,
        ..Config::default()
    })
}

/// Images of random tokens: a network takes as long for these as for any others.
pub(crate) fn random_tokens(config: Config, images: usize) -> Batch<u16> {
    let mut rng = Seed::new(SEED).named("bench/tokens").rng();
    let mut batch = Batch::new(config.n_positions);
    for id in 0..images as u64 {
        let row: Vec<u16> = (0..config.n_positions).map(|_| rng.random_range(0..config.k as u16)).collect();
        batch.push(id, None, &row);
    }
    batch
}

/// Writes images of random tokens as an artifact, all of them for training.
pub(crate) fn write_tokens(config: Config, images: usize, place: &Place) -> Result<()> {
    let rows = BTreeMap::from([(Split::Train, images as u64)]);
    let meta = TokensMeta { height: 1, width: config.n_positions, k: config.k, classes: Vec::new(), rows };
    publish(Kind::Tokens, place, |out| {
        meta.write(out)?;
        let mut writer = Tokens::writer(out, Split::Train, &meta);
        writer.extend(&random_tokens(config, images))?;
        writer.finish()?;
        Ok(())
    })
}

/// Writes a network with initial weights as an artifact. It lies in Hugging Face's layout at `model`.
pub(crate) fn write_model(config: Config, place: &Place) -> Result<()> {
    /// On the CPU whatever is measured: weights are the same everywhere.
    struct Write<'a>(Config, &'a Path);

    impl Compute for Write<'_> {
        type Output = Result<()>;

        fn run<B: Kernels>(self, device: B::Device) -> Result<()> {
            let network = ImageGpt::<B>::new(self.0, Seed::new(SEED).named("bench/weights"), &device);
            Ok(weights::write(&network, self.1)?)
        }
    }
    publish(Kind::Model, place, |out| Device::Cpu.run(Write(config, out)))
}

/// Makes an artifact of what is written, under the name of its kind.
fn publish(kind: Kind, place: &Place, write: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    let made_from = KeyParts {
        kind,
        format: kind.format(),
        stage: "bench".into(),
        code: Digest::of(""),
        params: BTreeMap::new(),
        inputs: BTreeMap::new(),
        sources: BTreeMap::new(),
        seed: SEED,
    };
    let store = Store::new(&place.dir);
    let work = store.claim(made_from.key(), || {})?;
    write(&work.out())?;
    let made = work.publish(Account {
        name: kind.to_string(),
        made_from,
        inputs: BTreeMap::new(),
        sources: BTreeMap::new(),
        results: Vec::new(),
        volatile: Vec::new(),
        made_by: Default::default(),
        peak_memory: 0,
    })?;
    Ok(store.set_current(kind.name(), kind, made.manifest.key)?)
}

/// Runs a stage on the artifacts that were published, into `out`.
pub(crate) fn run_stage<S: Stage>(params: &S::Params, place: &Place, out: &Path) -> Result<()> {
    let store = Store::new(&place.dir);
    let mut inputs = BTreeMap::new();
    for input in S::INPUTS {
        if let Some(artifact) = store.current(input.kind.name())? {
            let artifact = InputArtifact { dir: artifact.dir, manifest: artifact.manifest };
            inputs.insert(input.role.to_owned(), artifact);
        }
    }
    let scratch = out.join("scratch");
    let (seed, device) = (Seed::new(SEED), place.device.as_str());
    let context = Context { inputs, out, scratch: &scratch, seed, device, progress: &Silent };
    S::run(&context, params).map_err(|e| Failure::new(&e))?;
    Ok(())
}

/// Whether CIFAR-10 is at hand; if not, why what needs it is skipped.
pub(crate) fn cifar10() -> Result<std::path::PathBuf, String> {
    let path = std::env::var_os(CIFAR10);
    path.map(Into::into).ok_or_else(|| format!("{CIFAR10} does not name a folder with CIFAR-10"))
}

/// Runs `see` over the pixels of training images, batch by batch: `size` × `size` of CIFAR-10 where that is at
/// hand, drawn ones elsewhere. At most `limit` images.
pub(crate) fn pixels(
    limit: Option<u64>,
    size: usize,
    place: &Place,
    mut see: impl FnMut(&[u8]),
) -> Result<()> {
    let out = tempfile::tempdir_in(&place.dir).map_err(igpt_artifact::Error::io("write into", &place.dir))?;
    let source = match cifar10() {
        Ok(path) => ImagesParams { source: SourceKind::HfParquet, path: Some(path), ..Default::default() },
        Err(_) => ImagesParams { train: limit.unwrap_or(50_000), ..Default::default() },
    };
    let params = ImagesParams { size, limit, validation: 0.0, test_limit: Some(1), ..source };
    run_stage::<ImagesStage>(&params, place, out.path())?;
    for batch in Images::open(out.path())?.read(Split::Train, 1024)? {
        see(&batch?.values);
    }
    Ok(())
}
