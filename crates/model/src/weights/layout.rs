//! Which tensors a network has on disk.

use crate::config::Config;

/// A tensor's name and shape.
pub(super) type Named = (String, Vec<usize>);

/// The output matrix, which the bare network and classifiers lack.
pub(super) const HEAD: &str = "lm_head.weight";

/// What stands before every other name. Checkpoints of the bare network leave it out.
pub(super) const PREFIX: &str = "transformer.";

/// The class logits of a classifier, which no network here reads.
pub(super) const SCORE: &str = "score.weight";

/// The parameters of a network, in the order of the network. Lazy, and the embeddings come first: a
/// configuration with absurd sizes is found out before anything of that size is made.
pub(super) fn parameters(config: Config) -> impl Iterator<Item = Named> {
    let Config { n_layer, n_embd: d, n_positions, k, .. } = config;
    let named = |name: &str, shape: &[usize]| (format!("{PREFIX}{name}"), shape.to_vec());
    let block = move |i| {
        [
            ("ln_1", vec![d]),
            ("attn.c_attn", vec![d, 3 * d]),
            ("attn.c_proj", vec![d, d]),
            ("ln_2", vec![d]),
            ("mlp.c_fc", vec![d, 4 * d]),
            ("mlp.c_proj", vec![4 * d, d]),
        ]
        .map(|(name, shape)| (format!("{PREFIX}h.{i}.{name}.weight"), shape))
    };
    [named("wte.weight", &[k + 1, d]), named("wpe.weight", &[n_positions, d])]
        .into_iter()
        .chain((0..n_layer).flat_map(block))
        .chain([named("ln_f.weight", &[d]), (HEAD.to_owned(), vec![k, d])])
}

/// The biases that Hugging Face's port has. Files may lack them.
pub(super) fn biases(config: Config) -> impl Iterator<Item = Named> {
    let d = config.n_embd;
    let block = move |i| {
        [("attn.c_attn", 3 * d), ("attn.c_proj", d), ("mlp.c_fc", 4 * d), ("mlp.c_proj", d)]
            .map(|(map, out)| (format!("{PREFIX}h.{i}.{map}.bias"), vec![out]))
    };
    (0..config.n_layer).flat_map(block)
}

/// What files may hold beside the network: causal masks, which older ones have as buffers, and
/// the class logits of a classifier.
pub(super) fn is_beside(name: &str) -> bool {
    name.ends_with(".attn.bias") || name.ends_with(".attn.masked_bias") || name == SCORE
}
