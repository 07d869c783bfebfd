//! The stages that this program knows, and who this program is.

use igpt_artifact::Digest;
use igpt_artifact::manifest::MadeBy;
use igpt_pipeline::Stages;
use igpt_stage::{Definition, Stage};

/// Every stage, in the order in which data flows. The digests come from the build script.
pub(crate) fn all() -> Stages {
    Stages::new(vec![
        stage::<igpt_images::ImagesStage>(env!("IGPT_CODE_IMAGES")),
        stage::<igpt_palette::PaletteStage>(env!("IGPT_CODE_PALETTE")),
        stage::<igpt_tokenize::TokenizeStage>(env!("IGPT_CODE_TOKENIZE")),
        stage::<igpt_import::ImportPaletteStage>(env!("IGPT_CODE_IMPORT")),
        stage::<igpt_import::ImportTokensStage>(env!("IGPT_CODE_IMPORT")),
        stage::<igpt_import::ImportModelStage>(env!("IGPT_CODE_IMPORT")),
        stage::<igpt_pretrain::PretrainStage>(env!("IGPT_CODE_PRETRAIN")),
        stage::<igpt_features::FeaturesStage>(env!("IGPT_CODE_FEATURES")),
        stage::<igpt_probe::ProbeStage>(env!("IGPT_CODE_PROBE")),
        stage::<igpt_finetune::FinetuneStage>(env!("IGPT_CODE_FINETUNE")),
        stage::<igpt_sample::SampleStage>(env!("IGPT_CODE_SAMPLE")),
        stage::<igpt_compare::CompareStage>(env!("IGPT_CODE_COMPARE")),
        stage::<igpt_report::ReportStage>(env!("IGPT_CODE_REPORT")),
    ])
}

fn stage<S: Stage>(code: &str) -> (Definition, Digest) {
    (Definition::of::<S>(), code.parse().expect("the build script writes 64 hexadecimal digits"))
}

/// This program and this machine, for manifests.
pub(crate) fn made_by() -> MadeBy {
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get());
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find(|line| line.starts_with("model name"));
    let model =
        model.and_then(|line| line.split_once(": ")).map_or(std::env::consts::ARCH, |(_, model)| model);
    MadeBy {
        version: env!("CARGO_PKG_VERSION").into(),
        commit: env!("IGPT_COMMIT").into(),
        dirty: env!("IGPT_DIRTY") == "true",
        machine: format!("{model}, {}, {threads} threads", std::env::consts::OS),
        device: String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_kinds_have_makers() {
        let stages = all();
        let mut names: Vec<_> = stages.names().collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
        for stage in stages.iter() {
            for input in stage.inputs {
                assert!(stages.iter().any(|maker| maker.kind == input.kind), "{} {}", stage.name, input.role);
            }
        }
    }

    #[test]
    fn defaults_are_valid_and_documented() {
        for stage in all().iter() {
            let properties = (stage.schema)()["properties"].as_object().cloned().unwrap_or_default();
            for (name, schema) in properties {
                assert!(schema["description"].is_string(), "{}.{name} has no description", stage.name);
            }
        }
    }
}
