//! The joint loss and its gradients against Hugging Face's classifier and PyTorch, value by value.

// Helpers of tests may unwrap as tests do.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use burn::backend::Autodiff;
use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{Tensor, TensorData};
use igpt_finetune::joint::Joint;
use igpt_model::device::Cpu;
use igpt_model::{Classifier, weights};
use igpt_train::{Learner, Rows};
use safetensors::SafeTensors;

type B = Autodiff<Cpu>;

/// Made by `make_imagegpt.py` and `make_classifier.py` there.
fn fixtures() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../crates/model/tests/fixtures");
    ["one_head_5x5", "three_heads_12x12", "seven_layers_7x7"].map(|name| folder.join(name)).into()
}

fn words(file: &SafeTensors<'_>, name: &str) -> Vec<[u8; 4]> {
    file.tensor(name).unwrap().data().as_chunks::<4>().0.to_vec()
}

fn floats(file: &SafeTensors<'_>, name: &str) -> Vec<f32> {
    words(file, name).into_iter().map(f32::from_le_bytes).collect()
}

fn assert_close(name: &str, expected: &[f32], found: &[f32]) {
    assert_eq!(expected.len(), found.len(), "{name}");
    for (e, f) in expected.iter().zip(found) {
        assert!((e - f).abs() <= 1e-4 * e.abs().max(1.0), "{name}: expected {e}, found {f}");
    }
}

struct Gradients<'a> {
    path: Vec<String>,
    all: &'a <B as burn::tensor::backend::AutodiffBackend>::Gradients,
    found: BTreeMap<String, Vec<f32>>,
}

impl ModuleVisitor<B> for Gradients<'_> {
    fn enter_module(&mut self, name: &str, _: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
        let gradient = param.val().grad(self.all).unwrap().into_data();
        self.found.insert(self.path.join("."), gradient.iter::<f32>().collect());
    }
}

#[test]
fn loss_logits_and_gradients() {
    for dir in fixtures() {
        let (images, classes) = ["expected", "classifier"]
            .map(|name| std::fs::read(dir.join(format!("{name}.safetensors"))).unwrap())
            .into();
        let images = SafeTensors::deserialize(&images).unwrap();
        let expected = SafeTensors::deserialize(&classes).unwrap();
        let numbers = |file: &SafeTensors<'_>, name: &str| {
            words(file, name).into_iter().map(i32::from_le_bytes).collect::<Vec<_>>()
        };
        let rows = Rows {
            width: images.tensor("tokens").unwrap().shape()[1],
            tokens: numbers(&images, "tokens").into_iter().map(|token| token as u16).collect(),
            classes: Some(numbers(&expected, "labels").into_iter().map(|label| label as usize).collect()),
            hidden: None,
        };
        let mut classifier =
            Classifier::new(weights::read::<B>(&dir, &Default::default()).unwrap(), 3, &Default::default());
        let shape = classifier.score.weight.dims();
        let score = TensorData::new(floats(&expected, "score"), shape);
        classifier.score.weight = Param::from_tensor(Tensor::from_data(score, &Default::default()));
        let joint = Joint { classifier, generative: 1.0 };
        let examples = rows.part::<B>(0..rows.images(), &Default::default());

        let gpt = joint.backbone();
        let x = gpt.stream(&examples.sequences);
        let logits = joint.classifier.classify(gpt.finish(x)).into_data().iter::<f32>().collect::<Vec<_>>();
        assert_close("class logits", &floats(&expected, "class_logits"), &logits);
        let loss = joint.loss(&examples);
        let value = loss.clone().into_data().iter::<f32>().collect::<Vec<_>>();
        assert_close("joint loss", &floats(&expected, "joint_loss"), &value);
        let of_class = Joint { generative: 0.0, ..joint.clone() }.loss(&examples);
        let of_class = of_class.into_data().iter::<f32>().collect::<Vec<_>>();
        assert_close("class loss", &floats(&expected, "class_loss"), &of_class);

        let all = loss.backward();
        let mut gradients = Gradients { path: Vec::new(), all: &all, found: BTreeMap::new() };
        joint.visit(&mut gradients);
        let wanted = expected.names().into_iter().filter(|name| name.starts_with("grad.")).count();
        assert_eq!(gradients.found.len(), wanted);
        for (name, found) in &gradients.found {
            let name = name.trim_start_matches("classifier.");
            assert_close(name, &floats(&expected, &format!("grad.{name}")), found);
        }
    }
}
