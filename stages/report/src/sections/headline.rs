//! The numbers to remember, beside those of the paper.

use igpt_artifact::Split;
use igpt_artifact::table::metrics::bits_per_pixel;
use igpt_artifact::table::probe::Source;
use maud::{Markup, html};

use crate::read::{Probe, Run};
use crate::view::{count, percent};

/// CIFAR-10 test accuracy of a linear probe on iGPT-L (Chen et al. 2020, table 1).
const PAPER_PROBE: f64 = 0.963;

/// ImageNet accuracy of a linear probe on iGPT-XL: of its best layer, and of 5 layers side by side, which are
/// 15,360 features (Chen et al. 2020).
const PAPER_CONCATENATED: (f64, f64) = (0.687, 0.720);

/// CIFAR-10 test accuracy of iGPT-L, fine-tuned (Chen et al. 2020).
const PAPER_FINETUNED: f64 = 0.990;

/// ImageNet test loss of iGPT-L at 32 × 32 pixels and 512 colours, in nats per token (Chen et al. 2020).
const PAPER_LOSS: f64 = 2.0466;

/// Colours in the paper's palette.
const PAPER_COLOURS: u64 = 512;

/// A number with its meaning.
struct Card {
    label: &'static str,
    value: String,
    detail: String,
    meaning: String,
    paper: Option<String>,
}

/// One sentence that says what was done.
pub(crate) fn lead(run: &Run) -> Markup {
    let images = run.images.as_ref().map(|(meta, _)| {
        let train = meta.rows.get(&Split::Train).copied().unwrap_or(0);
        format!("{} training images of {} × {} pixels", count(train), meta.height, meta.width)
    });
    let colours = colours(run).map(|k| format!("{k} colours"));
    let network = run.model.as_ref().map(|(model, _)| {
        let config = &model.config;
        format!("a network of {} layers × {} and {} heads", config.n_layer, config.n_embd, config.n_head)
    });
    let parts: Vec<_> = [network, images, colours].into_iter().flatten().collect();
    html! {
        "Image GPT learns to predict the next pixel of an image; its layers then tell what the image shows."
        @if !parts.is_empty() { " This run: " (parts.join(", ")) "." }
    }
}

/// Cards with the headline numbers; none without a probe and a model.
pub(crate) fn body(run: &Run) -> Option<Markup> {
    let cards: Vec<Card> =
        [best_layer(run), concatenated(run), fine_tuned(run), untrained(run), pixels(run), loss(run)]
            .into_iter()
            .flatten()
            .collect();
    let body = html! {
        div.cards {
            @for card in &cards {
                div.card {
                    h3 { (card.label) }
                    p.value { (card.value) }
                    p.detail { (card.detail) }
                    p { (card.meaning) }
                    @if let Some(paper) = &card.paper { p.paper { strong { "Paper: " } (paper) } }
                }
            }
        }
        p.note {
            "Layers and settings are chosen on the validation split; test images only judge. The paper's numbers are "
            "those of another data set and a network many times larger: they are here for orientation, "
            "not for comparison."
        }
    };
    (!cards.is_empty()).then_some(body)
}

/// Colours that a token can stand for.
fn colours(run: &Run) -> Option<u64> {
    let tokens = run.tokens.as_ref().map(|(meta, _)| meta.k as u64);
    tokens.or_else(|| run.model.as_ref().map(|(model, _)| model.config.vocab_size.saturating_sub(1)))
}

fn best(run: &Run, source: Source) -> Option<(&Probe, f64, String)> {
    let probe = run.probe.as_ref()?.probes.best(source)?;
    let layer = probe.layer.map(|layer| format!("layer {layer}, ")).unwrap_or_default();
    let (accuracy, interval) = tested(probe)?;
    Some((probe, accuracy, format!("{layer}{interval}")))
}

/// Test accuracy, and how far it can be trusted.
fn tested(probe: &Probe) -> Option<(f64, String)> {
    let test = probe.scores.get(&Split::Test)?;
    let (low, high) = wilson(test.accuracy, test.images as f64);
    Some((test.accuracy, format!("95% interval {} to {}", percent(low), percent(high))))
}

fn best_layer(run: &Run) -> Option<Card> {
    let (probe, accuracy, detail) = best(run, Source::Model)?;
    let validation = probe.accuracy(Split::Validation).map(percent).unwrap_or_else(|| "unknown".into());
    Some(Card {
        label: "Best layer, trained",
        value: percent(accuracy),
        detail,
        meaning: format!(
            "Test images whose class a linear classifier reads from the layer that did best on validation ({validation} there)."
        ),
        paper: Some(format!("{} (iGPT-L, linear probe, CIFAR-10)", percent(PAPER_PROBE))),
    })
}

fn concatenated(run: &Run) -> Option<Card> {
    let probe = run.probe.as_ref()?.probes.best_concatenated(Source::Model)?;
    let (accuracy, interval) = tested(probe)?;
    let (layer, layers) = (probe.layer?, probe.layers?);
    let (single, wide) = PAPER_CONCATENATED;
    Some(Card {
        label: "Layers side by side",
        value: percent(accuracy),
        detail: format!("{layers} layers around {layer}, {interval}"),
        meaning: format!(
            "The same classifier on {} features: those of {layers} layers of the trained network at once.",
            count(u64::try_from(probe.dims).unwrap_or(0))
        ),
        paper: Some(format!(
            "{} with 15,360 features, {} with the best layer's (iGPT-XL, ImageNet)",
            percent(wide),
            percent(single)
        )),
    })
}

fn fine_tuned(run: &Run) -> Option<Card> {
    let (classifier, _) = run.classifier.as_ref()?;
    let test = classifier.curve.iter().find(|row| row.split == Split::Test)?;
    let images = run.tokens.as_ref().and_then(|(meta, _)| meta.rows.get(&Split::Test)).copied();
    let interval = images.filter(|&images| images > 0).map(|images| {
        let (low, high) = wilson(test.accuracy, images as f64);
        format!(", 95% interval {} to {}", percent(low), percent(high))
    });
    Some(Card {
        label: "Fine-tuned",
        value: percent(test.accuracy),
        detail: format!("after {} steps{}", count(test.step), interval.unwrap_or_default()),
        meaning: "The whole network trained on with the classes, as far as it did best on validation.".into(),
        paper: Some(format!("{} (iGPT-L, CIFAR-10)", percent(PAPER_FINETUNED))),
    })
}

fn untrained(run: &Run) -> Option<Card> {
    let (_, accuracy, detail) = best(run, Source::Untrained)?;
    let gain = best(run, Source::Model).map(|(_, trained, _)| 100.0 * (trained - accuracy));
    let gain = match gain {
        Some(points) if points >= 0.0 => format!(" Training adds {points:.1} points."),
        Some(points) => format!(" Training takes {:.1} points away.", -points),
        None => String::new(),
    };
    Some(Card {
        label: "Best layer, untrained",
        value: percent(accuracy),
        detail,
        meaning: format!("The same network and classifier before any training.{gain}"),
        paper: None,
    })
}

fn pixels(run: &Run) -> Option<Card> {
    let (_, accuracy, detail) = best(run, Source::Pixels)?;
    Some(Card {
        label: "Raw pixels",
        value: percent(accuracy),
        detail,
        meaning: "The same classifier on the pixels themselves, without a network.".into(),
        paper: None,
    })
}

fn loss(run: &Run) -> Option<Card> {
    let (model, _) = run.model.as_ref()?;
    let last = model.validation.last()?;
    let guess = colours(run).map(|k| format!(" An even guess among {k} colours: {:.3}.", (k as f64).ln()));
    Some(Card {
        label: "Validation loss",
        value: format!("{:.3}", last.loss),
        detail: format!("nats/token, or {:.3} bits/pixel", last.bits_per_pixel),
        meaning: format!(
            "How much the next pixel of an unseen image surprises the network; lower is better.{}",
            guess.unwrap_or_default()
        ),
        paper: Some(format!(
            "{PAPER_LOSS:.3} nats/token, {:.3} bits/pixel (iGPT-L, ImageNet 32 × 32, {PAPER_COLOURS} colours)",
            bits_per_pixel(PAPER_LOSS)
        )),
    })
}

/// The 95% interval of a share seen in `n` trials (Wilson 1927), which stays within 0..=1.
fn wilson(share: f64, n: f64) -> (f64, f64) {
    const Z: f64 = 1.959_964;
    if n <= 0.0 {
        return (0.0, 1.0);
    }
    let (z2, scale) = (Z * Z, 1.0 + Z * Z / n);
    let middle = (share + z2 / (2.0 * n)) / scale;
    let half = Z / scale * (share * (1.0 - share) / n + z2 / (4.0 * n * n)).max(0.0).sqrt();
    ((middle - half).max(0.0), (middle + half).min(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reference: SciPy's `binomtest(72, 100).proportion_ci(method="wilson")`, and 0 of 10.
    #[test]
    fn wilson_intervals() {
        let close = |a: (f64, f64), b: (f64, f64)| (a.0 - b.0).abs() < 1e-5 && (a.1 - b.1).abs() < 1e-5;
        assert!(close(wilson(0.72, 100.0), (0.625_120, 0.798_603)), "{:?}", wilson(0.72, 100.0));
        assert!(close(wilson(0.0, 10.0), (0.0, 0.277_533)), "{:?}", wilson(0.0, 10.0));
        assert_eq!(wilson(0.0, 0.0), (0.0, 1.0));
    }
}
