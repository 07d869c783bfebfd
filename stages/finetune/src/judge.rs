//! How a classifier does on images.

use burn::tensor::activation::log_softmax;
use igpt_artifact::table::probe::{Prediction, UNSEEN_LOSS};
use igpt_kernels::Kernels;
use igpt_model::{Classifier, Hide, Workers};
use igpt_train::Rows;

use crate::examples::Labelled;

/// What is judged, and by how many looks.
#[derive(Clone, Copy)]
pub(crate) struct Judge<'a, B: Kernels> {
    pub(crate) workers: &'a Workers,
    pub(crate) batch_size: usize,
    /// For BERT, the masks and how many there are for each image.
    pub(crate) hide: Option<(Hide, u64)>,
    pub(crate) device: &'a B::Device,
}

/// Means over images.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Score {
    /// Share of images whose most likely class is the label, in 0..=1.
    pub(crate) accuracy: f64,
    /// Mean negative log-likelihood of the label, in nats; for BERT over masks as well.
    pub(crate) class_loss: f64,
    /// The generative loss, in nats per token.
    pub(crate) loss: f64,
}

impl<B: Kernels> Judge<'_, B> {
    /// Judges labelled images; a prediction for each, in their order. Without images the score is zero.
    pub(crate) fn judge(&self, classifier: &Classifier<B>, images: &Labelled) -> (Score, Vec<Prediction>) {
        let (mut score, mut predictions) = (Score::default(), Vec::with_capacity(images.images()));
        for start in (0..images.images()).step_by(self.batch_size) {
            let batch = start..(start + self.batch_size).min(images.images());
            let rows = Rows::of(&images.tokens, batch.clone());
            let looks: Vec<Vec<Look>> = match self.hide {
                None => vec![self.look(classifier, &rows)],
                Some((hide, masks)) => {
                    let id = |i: usize| images.tokens.ids[start + i];
                    (0..masks)
                        .map(|mask| self.look(classifier, &rows.clone().hide(hide.nth(mask), id)))
                        .collect()
                }
            };
            for (i, row) in batch.enumerate() {
                let of_image: Vec<&Look> = looks.iter().map(|look| &look[i]).collect();
                let class = images.classes[row];
                let share = 1.0 / (of_image.len() * images.images()) as f64;
                for look in &of_image {
                    // A class that no train image has cannot be said; it counts as wrong, at a loss of ln 1e15.
                    score.class_loss -= share * look.log_p.get(class).copied().unwrap_or(-UNSEEN_LOSS);
                    score.loss += share * look.loss;
                }
                let (predicted, confidence) = vote(&of_image);
                score.accuracy += f64::from(u8::from(predicted == class)) / images.images() as f64;
                predictions.push(Prediction {
                    image_id: images.tokens.ids[row],
                    label: class as i64,
                    predicted: predicted as i64,
                    confidence,
                });
            }
        }
        (score, predictions)
    }

    fn look(&self, classifier: &Classifier<B>, rows: &Rows) -> Vec<Look> {
        let parts = self.workers.map(rows.images(), |part| {
            let images = part.len();
            let sequences = rows.part::<B>(part, self.device).sequences;
            let gpt = &classifier.gpt;
            let x = gpt.finish(gpt.stream(&sequences));
            let log_p =
                log_softmax(classifier.classify(x.clone()), 1).into_data().iter::<f64>().collect::<Vec<_>>();
            let losses = gpt.losses_from(x, &sequences).into_data().iter::<f64>().collect::<Vec<_>>();
            let classes = log_p.len() / images;
            log_p
                .chunks_exact(classes)
                .zip(losses)
                .map(|(p, loss)| Look { log_p: p.to_vec(), loss })
                .collect::<Vec<_>>()
        });
        parts.into_iter().flatten().collect()
    }
}

/// What one pass says of one image.
struct Look {
    /// Log-probability of each class.
    log_p: Vec<f64>,
    /// Generative loss, in nats per token.
    loss: f64,
}

/// The class that most looks find most likely, and its mean probability; of equals the one that is likelier
/// on average. (The paper breaks ties at random.)
fn vote(looks: &[&Look]) -> (usize, f64) {
    let classes = looks[0].log_p.len();
    let best = |look: &&&Look| {
        (0..classes).reduce(|best, class| if look.log_p[class] > look.log_p[best] { class } else { best })
    };
    let votes: Vec<usize> = looks.iter().filter_map(|look| best(&look)).collect();
    let mean =
        |class: usize| looks.iter().map(|look| look.log_p[class].exp()).sum::<f64>() / looks.len() as f64;
    let count = |class: usize| votes.iter().filter(|vote| **vote == class).count();
    let better = |a: usize, b: usize| (count(b), mean(b)) > (count(a), mean(a));
    let class = (0..classes).reduce(|a, b| if better(a, b) { b } else { a }).unwrap_or(0);
    (class, mean(class))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(p: [f64; 3]) -> Look {
        Look { log_p: p.map(f64::ln).to_vec(), loss: 0.0 }
    }

    #[test]
    fn most_votes_win_and_ties_go_to_the_likelier() {
        let looks = [look([0.4, 0.35, 0.25]), look([0.4, 0.35, 0.25]), look([0.0, 0.9, 0.1])];
        let (class, confidence) = vote(&looks.iter().collect::<Vec<_>>());
        assert_eq!(class, 0);
        assert!((confidence - 0.8 / 3.0).abs() < 1e-12);
        let tie = [look([0.6, 0.4, 0.0]), look([0.1, 0.9, 0.0])];
        assert_eq!(vote(&tie.iter().collect::<Vec<_>>()).0, 1);
    }
}
