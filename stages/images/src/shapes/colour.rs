//! The colours: families of hues, four light and two dark.

use rand::Rng;

/// Families of light hues, evenly apart.
const LIGHT_FAMILIES: u32 = 4;
/// Families of dark hues, evenly apart.
const DARK_FAMILIES: u32 = 2;
/// How far a hue strays from its family, in turns.
const HUE_JITTER: f32 = 0.02;
/// How far brightness strays.
const VALUE_JITTER: f32 = 0.03;

/// A colour for the lighter part of an image.
pub(super) fn light(rng: &mut impl Rng) -> [u8; 3] {
    some(rng, LIGHT_FAMILIES, 0.55, 0.95)
}

/// A colour for the darker part of an image.
pub(super) fn dark(rng: &mut impl Rng) -> [u8; 3] {
    some(rng, DARK_FAMILIES, 0.75, 0.35)
}

fn some(rng: &mut impl Rng, families: u32, saturation: f32, value: f32) -> [u8; 3] {
    let family = rng.random_range(0..families) as f32 / families as f32;
    let hue = family + rng.random_range(-HUE_JITTER..=HUE_JITTER);
    hsv(hue, saturation, value + rng.random_range(-VALUE_JITTER..=VALUE_JITTER))
}

/// HSV, hue in turns, to 8-bit RGB.
fn hsv(hue: f32, saturation: f32, value: f32) -> [u8; 3] {
    // Each channel is full for a third of a turn around its own hue, and falls off over a sixth.
    [0.0, 1.0 / 3.0, 2.0 / 3.0].map(|own: f32| {
        let turn = (hue - own).rem_euclid(1.0);
        let away = turn.min(1.0 - turn);
        let tint = (2.0 - 6.0 * away).clamp(0.0, 1.0);
        (255.0 * value * (1.0 - saturation * (1.0 - tint))).round() as u8
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use igpt_stage::Seed;

    #[test]
    fn hues_go_round() {
        assert_eq!(hsv(0.0, 1.0, 1.0), [255, 0, 0]);
        assert_eq!(hsv(1.0 / 6.0, 1.0, 1.0), [255, 255, 0]);
        assert_eq!(hsv(1.0 / 3.0, 1.0, 1.0), [0, 255, 0]);
        assert_eq!(hsv(0.5, 1.0, 1.0), [0, 255, 255]);
        assert_eq!(hsv(-1.0 / 3.0, 1.0, 1.0), [0, 0, 255]);
        assert_eq!(hsv(0.25, 0.0, 0.6), [153; 3]);
    }

    #[test]
    fn light_is_lighter_than_dark() {
        let mut rng = Seed::new(1).rng();
        let sum = |colour: [u8; 3]| colour.iter().map(|&value| u32::from(value)).sum::<u32>();
        for _ in 0..1000 {
            assert!(sum(light(&mut rng)) > 2 * sum(dark(&mut rng)));
        }
    }
}
