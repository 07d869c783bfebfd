//! A step in portions, with blocks computed again, with short gradients, in bf16: beside the plain one.

// Helpers of tests may unwrap as tests do.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use burn::backend::Autodiff;
use burn::module::{AutodiffModule, Module, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::{ElementConversion, Tensor};
use igpt_model::device::Cpu;
use igpt_model::{Config, Device, Hide, ImageGpt, Objective, Precision, Workers};
use igpt_stage::Seed;
use igpt_train::gradient::{gradients, mean_loss};
use igpt_train::{How, Rows, Trainer, clip};

type Network = ImageGpt<Autodiff<Cpu>>;

const PLAIN: How = How { accumulate: 1, clip: None, recompute: false };

fn network(objective: Objective) -> Network {
    let config = Config { n_layer: 3, n_embd: 12, n_head: 3, n_positions: 9, k: 5, objective };
    // Trained a little, since the output matrix of a new network is zero and lets no gradient through.
    let mut trainer = trainer(Network::new(config, Seed::new(1), &Default::default()), PLAIN);
    (0..3).for_each(|_| drop(trainer.step(&rows(objective), 0.05)));
    trainer.network
}

fn trainer(network: Network, how: How) -> Trainer<Cpu, Network> {
    Trainer::new(network, how, Device::Cpu, 7, &Default::default()).unwrap()
}

fn rows(objective: Objective) -> Rows {
    let tokens = (0..7 * 9).map(|i| (i * i % 5) as u16).collect();
    let rows = Rows { width: 9, tokens, ..Rows::default() };
    let hide = Hide { probability: 0.15, seed: Seed::new(2) };
    if objective == Objective::Bert { rows.hide(hide, |i| i as u64) } else { rows }
}

/// Gradients by the name of their parameter.
struct Named<'a> {
    path: Vec<String>,
    gradients: &'a GradientsParams,
    found: BTreeMap<String, Vec<f32>>,
}

impl ModuleVisitor<Autodiff<Cpu>> for Named<'_> {
    fn enter_module(&mut self, name: &str, _: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<Autodiff<Cpu>, D>>) {
        let Some(gradient) = self.gradients.get::<Cpu, D>(param.id) else { return };
        self.found.insert(self.path.join("."), gradient.into_data().iter::<f32>().collect());
    }
}

fn named(network: &Network, gradients: &GradientsParams) -> BTreeMap<String, Vec<f32>> {
    let mut named = Named { path: Vec::new(), gradients, found: BTreeMap::new() };
    network.visit(&mut named);
    named.found
}

fn of_batch(network: &Network, rows: &Rows, recompute: bool) -> (f32, GradientsParams) {
    let workers = Workers::new(Device::Cpu, rows.images()).unwrap();
    let (loss, gradients) =
        gradients(&workers, network, rows, 0..rows.images(), recompute, &Default::default());
    (loss.into_scalar(), gradients)
}

fn assert_close(a: &BTreeMap<String, Vec<f32>>, b: &BTreeMap<String, Vec<f32>>, tolerance: f32) {
    assert!(a.keys().eq(b.keys()));
    for (name, values) in a {
        let largest = values.iter().fold(0.0_f32, |most, v| most.max(v.abs()));
        for (a, b) in values.iter().zip(&b[name]) {
            assert!((a - b).abs() <= tolerance * largest, "{name}: {a} {b}");
        }
    }
}

fn length(gradients: &BTreeMap<String, Vec<f32>>) -> f32 {
    gradients.values().flatten().map(|g| g * g).sum::<f32>().sqrt()
}

#[test]
fn blocks_computed_again_give_the_same_gradients() {
    for objective in [Objective::Autoregressive, Objective::Bert] {
        let (network, rows) = (network(objective), rows(objective));
        let [kept, again] = [false, true].map(|recompute| of_batch(&network, &rows, recompute));
        assert!((kept.0 - again.0).abs() < 1e-6, "{} {}", kept.0, again.0);
        let gradients = named(&network, &kept.1);
        assert_eq!(gradients.len(), 4 + 3 * 6);
        assert_close(&gradients, &named(&network, &again.1), 1e-5);
    }
}

#[test]
fn portions_add_up_to_the_whole() {
    for objective in [Objective::Autoregressive, Objective::Bert] {
        let start = network(objective);
        let after = |accumulate| {
            let mut trainer = trainer(start.clone(), How { accumulate, ..PLAIN });
            let loss = trainer.step(&rows(objective), 0.01).into_scalar().elem::<f32>();
            (loss, igpt_model::weights::named_tensors(&trainer.network))
        };
        let whole = after(1);
        for portions in [2, 7] {
            let portioned = after(portions);
            assert!((whole.0 - portioned.0).abs() < 1e-5);
            for (name, (values, _)) in &whole.1 {
                for (a, b) in values.iter().zip(&portioned.1[name].0) {
                    assert!((a - b).abs() < 1e-4, "{name}: {a} {b}");
                }
            }
        }
    }
}

#[test]
fn long_gradients_are_shortened_together_and_short_ones_left_alone() {
    let (network, rows) = (network(Objective::Autoregressive), rows(Objective::Autoregressive));
    let all = named(&network, &of_batch(&network, &rows, false).1);
    let clipped = |most| {
        let (_, mut gradients) = of_batch(&network, &rows, false);
        clip::by_norm(&network, &mut gradients, most);
        named(&network, &gradients)
    };
    let length_before = length(&all);
    let short = clipped(f64::from(length_before) / 4.0);
    assert!((length(&short) / length_before - 0.25).abs() < 1e-4);
    for (name, values) in &all {
        for (a, b) in values.iter().zip(&short[name]) {
            assert!((a / 4.0 - b).abs() < 1e-6, "{name}: the direction has changed");
        }
    }
    assert_eq!(clipped(f64::from(length_before) * 2.0), all);
}

#[test]
fn bf16_is_close_to_f32_and_keeps_its_weights_in_f32() {
    for objective in [Objective::Autoregressive, Objective::Bert] {
        let (exact, rows) = (network(objective), rows(objective));
        let rough = exact.clone().with_precision(Precision::Bf16);
        let workers = Workers::new(Device::Cpu, 7).unwrap();
        let loss = |network: &Network| {
            mean_loss(&workers, &network.valid(), [rows.clone()], &Default::default()).unwrap()
        };
        let (a, b) = (loss(&exact), loss(&rough));
        assert!(a != b && (a - b).abs() < 0.02 * a, "{a} {b}");
        let [exact, rough] =
            [&exact, &rough].map(|network| named(network, &of_batch(network, &rows, true).1));
        assert_close(&exact, &rough, 0.1);
    }
}

#[test]
fn bert_says_nothing_of_pixels_that_it_sees() {
    let network = network(Objective::Bert).valid();
    let (rows, mut changed) = (rows(Objective::Bert), rows(Objective::Bert));
    let workers = Workers::new(Device::Cpu, 7).unwrap();
    let loss = |rows: &Rows| mean_loss(&workers, &network, [rows.clone()], &Default::default()).unwrap();
    // What is hidden enters the loss but not the network; so the logits stay when it changes.
    let hidden = rows.hidden.clone().unwrap();
    let place = hidden.iter().position(|hidden| *hidden).unwrap();
    let logits = |rows: &Rows| {
        network
            .forward(&rows.part::<Cpu>(0..7, &Default::default()).sequences)
            .into_data()
            .iter::<f32>()
            .collect::<Vec<_>>()
    };
    changed.tokens[place] = (changed.tokens[place] + 1) % 5;
    assert_eq!(logits(&rows), logits(&changed));
    assert_ne!(loss(&rows), loss(&changed));
    // By hand: the mean over the hidden pixels of an image, then over images.
    let logits = logits(&rows);
    let nll = |at: usize| {
        let row = &logits[at * 5..at * 5 + 5];
        row.iter().map(|x| f64::from(*x).exp()).sum::<f64>().ln()
            - f64::from(row[usize::from(rows.tokens[at])])
    };
    let by_hand: f64 = (0..7)
        .map(|image| {
            let places: Vec<_> = (image * 9..image * 9 + 9).filter(|&at| hidden[at]).collect();
            places.iter().map(|&at| nll(at)).sum::<f64>() / places.len() as f64
        })
        .sum::<f64>()
        / 7.0;
    assert!((by_hand - loss(&rows)).abs() < 1e-5, "{by_hand} {}", loss(&rows));
}
