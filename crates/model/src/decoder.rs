//! The network as drawing wants it: position after position, a whole batch at a time.
//!
//! It computes what [`ImageGpt::forward`] does. But each position is looked at once: its keys and values are
//! kept for those after it. Weights are packed once, for products of as many rows as there are images.

use burn::tensor::{Int, Tensor};
use igpt_kernels::{Kernels, KeysValues, Packed, quick_gelu};

use crate::network::{Block, Conv1d, ImageGpt};
use crate::precision::{lower, raise};

/// Positions that are taken through the network at a time, where many are known: memory stays small.
const PIECE: usize = 64;

/// A network that is ready to draw.
#[derive(Debug)]
pub struct Decoder<'a, B: Kernels> {
    network: &'a ImageGpt<B>,
    maps: Vec<Maps<B>>,
    /// `[d, k]`.
    lm_head: Packed<B>,
}

/// The products of one block, named as there.
#[derive(Debug)]
struct Maps<B: Kernels> {
    c_attn: Map<B>,
    attn_proj: Map<B>,
    c_fc: Map<B>,
    mlp_proj: Map<B>,
}

/// A [`Conv1d`] in the precision of the network.
#[derive(Debug)]
struct Map<B: Kernels> {
    weight: Packed<B>,
    bias: Option<Tensor<B, 2>>,
}

/// Keys and values of the positions so far, in every block.
#[derive(Debug)]
pub struct Cache<B: Kernels> {
    blocks: Vec<KeysValues<B>>,
}

impl<'a, B: Kernels> Decoder<'a, B> {
    /// Prepares a network. Packed weights take as much memory again.
    pub fn new(network: &'a ImageGpt<B>) -> Self {
        let precision = network.precision();
        let map = |map: &Conv1d<B>| Map {
            weight: Packed::new(lower(map.weight.val(), precision)),
            bias: map.bias.as_ref().map(|bias| lower(bias.val(), precision).unsqueeze()),
        };
        let maps = |Block { attn, mlp, .. }: &Block<B>| Maps {
            c_attn: map(&attn.c_attn),
            attn_proj: map(&attn.c_proj),
            c_fc: map(&mlp.c_fc),
            mlp_proj: map(&mlp.c_proj),
        };
        let lm_head = Packed::new(lower(network.lm_head.weight.val().transpose(), precision));
        Self { maps: network.blocks().map(maps).collect(), lm_head, network }
    }

    /// The network.
    pub fn network(&self) -> &'a ImageGpt<B> {
        self.network
    }

    /// A cache with room for the first `positions` of a batch.
    ///
    /// # Panics
    /// If the network has fewer.
    pub fn cache(&self, positions: usize) -> Cache<B> {
        let config = self.network.config();
        assert!(
            positions <= config.n_positions,
            "{positions} positions, the network has {}",
            config.n_positions
        );
        Cache { blocks: self.maps.iter().map(|_| KeysValues::new(config.n_head, positions)).collect() }
    }

    /// Logits of the next pixels, `[B, k]`. The inputs, `[B, T]`, follow those in the cache: the start token, number
    /// k, then pixel after pixel.
    pub fn step(&self, inputs: Tensor<B, 2, Int>, cache: &mut Cache<B>) -> Tensor<B, 2> {
        let [_, t] = inputs.dims();
        let last = (t - 1) / PIECE * PIECE;
        for from in (0..last).step_by(PIECE) {
            self.stream(inputs.clone().narrow(1, from, PIECE), cache);
        }
        let x = self.stream(inputs.narrow(1, last, t - last), cache);
        let x = self.network.finish(x.narrow(1, t - last - 1, 1)).squeeze_dim(1); // [B, d]
        raise(self.lm_head.product(lower(x, self.network.precision())))
    }

    /// What leaves the last block: inputs `[B, T]` to `[B, T, d]`.
    fn stream(&self, inputs: Tensor<B, 2, Int>, cache: &mut Cache<B>) -> Tensor<B, 3> {
        let x = self.network.transformer.embed_at(inputs, cache.seen());
        let blocks = self.network.blocks().zip(&self.maps).zip(&mut cache.blocks);
        blocks.fold(x, |x, ((block, maps), kept)| self.block(x, block, maps, kept))
    }

    /// One block, as [`Block::forward`].
    fn block(
        &self,
        x: Tensor<B, 3>,
        block: &Block<B>,
        maps: &Maps<B>,
        kept: &mut KeysValues<B>,
    ) -> Tensor<B, 3> {
        let [b, t, d] = x.dims();
        let rows = |x: Tensor<B, 3>| lower(x, self.network.precision()).reshape([b * t, d]);
        let qkv = maps.c_attn.rows(rows(block.ln_1.forward(x.clone()))).reshape([b, t, 3 * d]);
        let attended = maps.attn_proj.rows(kept.attend(qkv).reshape([b * t, d]));
        let x = x + raise(attended.reshape([b, t, d]));
        let hidden = quick_gelu(maps.c_fc.rows(rows(block.ln_2.forward(x.clone())))); // [B·T, 4d]
        x + raise(maps.mlp_proj.rows(hidden).reshape([b, t, d]))
    }
}

impl<B: Kernels> Map<B> {
    /// `[rows, in]` to `[rows, out]`.
    fn rows(&self, x: Tensor<B, 2>) -> Tensor<B, 2> {
        let y = self.weight.product(x);
        match &self.bias {
            Some(bias) => y + bias.clone(),
            None => y,
        }
    }
}

impl<B: Kernels> Cache<B> {
    /// Positions so far.
    pub fn seen(&self) -> usize {
        self.blocks.first().map_or(0, KeysValues::seen)
    }
}

#[cfg(test)]
mod tests {
    use burn::module::Param;
    use burn::tensor::TensorData;
    use igpt_stage::Seed;
    use rand::Rng;

    use super::*;
    use crate::device::Cpu;
    use crate::{Config, Objective, Precision, Sequences};

    const CONFIG: Config = Config {
        n_layer: 2,
        n_embd: 24,
        n_head: 3,
        n_positions: 70,
        k: 9,
        objective: Objective::Autoregressive,
    };

    fn network() -> ImageGpt<Cpu> {
        let mut network = ImageGpt::new(CONFIG, Seed::new(1), &Default::default());
        let mut rng = Seed::new(2).rng();
        let head: Vec<f32> = (0..9 * 24).map(|_| rng.random_range(-1.0..1.0)).collect();
        let head = Tensor::from_data(TensorData::new(head, [9, 24]), &Default::default());
        network.lm_head.weight = Param::from_tensor(head);
        network
    }

    /// The last logits of two images, and those of a decoder that is given the inputs in pieces.
    fn last_logits(network: &ImageGpt<Cpu>, pieces: &[usize]) -> [Vec<f32>; 2] {
        let pixels: Vec<u16> = (0..2 * 70).map(|i| i * i % 9).collect();
        let logits = network.forward(&Sequences::new(&pixels, 70, &Default::default()));
        let decoder = Decoder::new(network);
        let mut cache = decoder.cache(70);
        let mut found = None;
        for &piece in pieces {
            let seen = cache.seen();
            let input = |i: usize| if i.is_multiple_of(70) { 9 } else { pixels[i - 1] };
            let inputs: Vec<u16> =
                [0, 70].iter().flat_map(|row| (row + seen..row + seen + piece).map(input)).collect();
            let inputs = Sequences::new(&inputs, piece, &Default::default()).tokens;
            found = Some(decoder.step(inputs, &mut cache));
        }
        assert_eq!(cache.seen(), 70);
        let last: Tensor<Cpu, 2> = logits.narrow(1, 69, 1).squeeze_dim(1);
        [last, found.unwrap()].map(|logits| logits.into_data().to_vec().unwrap())
    }

    /// The largest difference of two sets of logits.
    fn distance(a: &[f32], b: &[f32]) -> f32 {
        assert_eq!(a.len(), b.len());
        a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
    }

    #[test]
    fn pieces_of_any_length_give_the_logits_of_the_whole() {
        let exact = network();
        let rough = exact.clone().with_precision(Precision::Bf16);
        for pieces in [&[70][..], &[1; 70], &[66, 1, 3], &[5, 65]] {
            let [whole, stepped] = last_logits(&exact, pieces);
            assert!(distance(&whole, &stepped) < 1e-4, "{whole:?} {stepped:?}");
            let [half, half_stepped] = last_logits(&rough, pieces);
            assert!(distance(&half, &half_stepped) < 0.1, "{half:?} {half_stepped:?}");
            assert!(distance(&whole, &half_stepped) > 1e-4, "the precision is not heeded");
        }
    }

    #[test]
    #[should_panic(expected = "positions")]
    fn there_are_no_positions_beyond_the_last() {
        Decoder::new(&network()).cache(71);
    }
}
