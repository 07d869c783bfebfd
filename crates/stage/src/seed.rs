//! Named random streams derived from one number.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

/// A seed from which named seeds are derived.
///
/// Streams with different names are independent, so drawing more numbers for one purpose never
/// shifts those of another, and the same name gives the same stream in every stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seed([u8; 32]);

impl Seed {
    /// The seed of a pipeline.
    pub fn new(number: u64) -> Self {
        Self(
            *blake3::Hasher::new_derive_key("igpt 2026 pipeline seed")
                .update(&number.to_le_bytes())
                .finalize()
                .as_bytes(),
        )
    }

    /// The seed for one purpose, such as `pretrain/order`.
    #[must_use]
    pub fn named(&self, purpose: &str) -> Self {
        Self(*blake3::keyed_hash(&self.0, purpose.as_bytes()).as_bytes())
    }

    /// The seed of the i-th of many things, such as an image or an epoch.
    #[must_use]
    pub fn nth(&self, i: u64) -> Self {
        Self(*blake3::keyed_hash(&self.0, &i.to_le_bytes()).as_bytes())
    }

    /// A generator that starts from this seed.
    pub fn rng(&self) -> ChaCha8Rng {
        ChaCha8Rng::from_seed(self.0)
    }

    /// The seed as one number, for libraries that want one.
    pub fn number(&self) -> u64 {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&self.0[..8]);
        u64::from_le_bytes(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_are_stable_and_apart() {
        let seed = Seed::new(42);
        assert_eq!(seed.named("a"), Seed::new(42).named("a"));
        let numbers = [
            seed.number(),
            Seed::new(43).number(),
            seed.named("a").number(),
            seed.named("b").number(),
            seed.nth(0).number(),
            seed.nth(1).number(),
        ];
        for (i, a) in numbers.iter().enumerate() {
            assert!(numbers[i + 1..].iter().all(|b| a != b));
        }
        // Golden: results of earlier versions can be had again.
        assert_eq!(seed.named("golden").number(), GOLDEN);
    }
    const GOLDEN: u64 = 14_418_713_277_282_262_991;
}
