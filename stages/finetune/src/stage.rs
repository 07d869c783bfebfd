//! The stage itself.

use std::collections::BTreeSet;
use std::time::Duration;

use igpt_artifact::table::classifier::{Classifier, write_class_predictions};
use igpt_artifact::table::metrics::{self, bits_per_pixel};
use igpt_artifact::table::tokens::Tokens;
use igpt_artifact::{Kind, Split};
use igpt_model::cost::Training;
use igpt_model::{Config, Device, Objective, facts, processor};
use igpt_stage::{Amount, Context, Forecast, Input, InputFacts, Stage, Summary};

use crate::examples::Labelled;
use crate::tune::Tuning;
use crate::{Error, FinetuneParams};

/// Work that a kill may cost.
const CHECKPOINT_EVERY: Duration = Duration::from_secs(20);

/// The stage.
#[derive(Clone, Copy, Debug)]
pub struct FinetuneStage;

impl Stage for FinetuneStage {
    const NAME: &'static str = "finetune";
    const ABOUT: &'static str = "train the whole network to tell classes apart";
    const KIND: Kind = Kind::Classifier;
    const INPUTS: &'static [Input] = &[Input::required(Kind::Model), Input::required(Kind::Tokens)];
    type Params = FinetuneParams;
    type Error = Error;

    fn forecast(params: &FinetuneParams, inputs: &InputFacts) -> Forecast {
        let Some(config) = facts::expected(inputs) else { return Forecast::default() };
        let training = Training {
            batch_size: params.batch_size,
            accumulate: params.accumulate,
            recompute: params.recompute,
            precision: params.precision,
        };
        let flops = config.step_flops(training);
        Forecast::default()
            .figure("a step", Amount::Flops(flops))
            .figure("at most", Amount::Flops(flops * params.steps as f64))
            .figure("memory", Amount::Bytes(config.training_bytes(training)))
    }

    fn run(context: &Context<'_>, params: &FinetuneParams) -> Result<Summary, Error> {
        let config = Config::open(context.input("model"))?;
        let tokens = Tokens::open(context.input("tokens"))?;
        let meta = &tokens.meta;
        config.check_fit(meta)?;
        params.augment.check(meta.height, meta.width).map_err(|invalid| Error::Augment(invalid.message))?;
        let [mut train, validation, test] = {
            let read = |split| Labelled::read(&tokens, split);
            [read(Split::Train)?, read(Split::Validation)?, read(Split::Test)?]
        };
        for (split, images) in [(Split::Train, &train), (Split::Validation, &validation)] {
            if images.images() == 0 {
                return Err(Error::NoLabels { split });
            }
        }
        if let Some(limit) = params.limit {
            train.keep_some(limit, context.seed.named("finetune/limit"));
        }
        let seen: BTreeSet<usize> = train.classes.iter().copied().collect();
        let classes = seen.last().map_or(0, |most| most + 1).max(meta.classes.len());
        if seen.len() < 2 {
            return Err(Error::OneClass { images: train.images() });
        }

        let device = Device::choose(context.device)?;
        let tuned = device.run(Tuning {
            context,
            params,
            image_width: meta.width,
            classes,
            names: &meta.classes,
            train: &train,
            validation: &validation,
            test: &test,
            checkpoint_every: CHECKPOINT_EVERY,
            device,
        })?;
        processor::copy(context.input("model"), context.out)?;
        let model = facts::of(&context.inputs["model"], config, None)?;
        Classifier { model, curve: tuned.curve }.write(context.out)?;
        metrics::write_timing(context.out, &tuned.timings)?;
        write_class_predictions(context.out, &tuned.predictions)?;

        let mut summary = Summary::default()
            .with("classes", classes)
            .with("best_step", tuned.best_step)
            .with("steps", tuned.steps)
            .with("validation_accuracy", tuned.validation.accuracy)
            .volatile(metrics::TIMING_FILE)
            .device(device.to_string());
        if test.images() > 0 {
            summary = summary.with("test_accuracy", tuned.test.accuracy).with("test_loss", tuned.test.loss);
            if config.objective == Objective::Autoregressive {
                summary = summary.with("test_bits_per_pixel", bits_per_pixel(tuned.test.loss));
            }
        }
        Ok(summary)
    }
}
