//! A few images, as they are and as the network sees them.

use std::collections::BTreeMap;
use std::path::Path;

use igpt_artifact::table::images::Images;
use igpt_artifact::table::palette::Palette;
use igpt_artifact::table::tokens::Tokens;
use igpt_artifact::{Error as ArtifactError, Split};

use super::picture::Picture;
use crate::Error;
use crate::view::class_name;

/// Examples at most.
const MAX_EXAMPLES: usize = 20;

/// Examples of one class at most.
const MAX_PER_CLASS: usize = 2;

/// Uncompressed bytes of all pictures together at most, so that large images do not swell the page.
const MAX_BYTES: usize = 600_000;

/// Images read at most in search of every class.
const MAX_SEARCHED: usize = 20_000;

/// Rows read at a time.
const BATCH: usize = 256;

/// Some images of one split.
pub(crate) struct Examples {
    pub(crate) split: Split,
    pub(crate) images: Vec<Example>,
}

/// An image before and after the palette.
pub(crate) struct Example {
    pub(crate) class: String,
    pub(crate) original: Picture,
    /// The image in palette colours; none without tokens and palette.
    pub(crate) tokenised: Option<Picture>,
}

/// An image picked for the page.
struct Pick {
    id: u64,
    label: Option<i64>,
    pixels: Vec<u8>,
}

impl Examples {
    /// The first images of each class of the test split, or of the first split that has any.
    pub(crate) fn read(
        dir: &Path,
        images: &Images,
        decoder: Option<(&Tokens, &Palette)>,
        classes: &[String],
    ) -> Result<Option<Self>, Error> {
        let splits = [Split::Test, Split::Validation, Split::Train];
        let has_rows = |split: &Split| images.meta.rows.get(split).is_some_and(|&rows| rows > 0);
        let Some(split) = splits.into_iter().find(has_rows) else { return Ok(None) };
        let picks = pick(images, split, classes.len())?;
        let tokenised = match decoder {
            Some((tokens, palette)) => decode(tokens, palette, split, &picks)?,
            None => BTreeMap::new(),
        };
        let (height, width) = (images.meta.height, images.meta.width);
        let examples = picks.into_iter().map(|pick| {
            let class = class_name(pick.label, classes);
            let picture = |alt: String, rgb| Picture::from_rgb(dir, &alt, width, height, rgb);
            let original = picture(format!("{class}, image {}", pick.id), pick.pixels)?;
            let tokenised = tokenised
                .get(&pick.id)
                .map(|rgb| picture(format!("The same image in palette colours ({class})"), rgb.clone()))
                .transpose()?;
            Ok(Example { class, original, tokenised })
        });
        Ok(Some(Self { split, images: examples.collect::<Result<_, Error>>()? }))
    }
}

/// The first images of each class, classes in order. `classes` is 0 where their number is unknown.
fn pick(images: &Images, split: Split, classes: usize) -> Result<Vec<Pick>, Error> {
    let budget = (MAX_BYTES / (2 * images.meta.len()).max(1)).clamp(1, MAX_EXAMPLES);
    let mut by_class: BTreeMap<Option<i64>, Vec<Pick>> = BTreeMap::new();
    let mut searched = 0;
    for batch in images.read(split, BATCH)? {
        let batch = batch?;
        for i in 0..batch.rows() {
            let (id, label) = (batch.ids[i], batch.labels[i]);
            let picks = by_class.entry(label).or_default();
            if picks.len() < MAX_PER_CLASS {
                picks.push(Pick { id, label, pixels: batch.row(i).to_vec() });
            }
        }
        searched += batch.rows();
        let complete = by_class.values().filter(|picks| picks.len() == MAX_PER_CLASS).count();
        if searched >= MAX_SEARCHED || (classes > 0 && complete >= classes.min(budget)) {
            break;
        }
    }
    // One of each class before a second of any.
    let mut picks: Vec<(usize, Pick)> =
        by_class.into_values().flat_map(|picks| picks.into_iter().enumerate()).collect();
    picks.sort_by_key(|(nth, pick)| (*nth, pick.label, pick.id));
    picks.truncate(budget);
    picks.sort_by_key(|(_, pick)| (pick.label, pick.id));
    Ok(picks.into_iter().map(|(_, pick)| pick).collect())
}

/// The picked images in palette colours, as RGB bytes by image id.
fn decode(
    tokens: &Tokens,
    palette: &Palette,
    split: Split,
    picks: &[Pick],
) -> Result<BTreeMap<u64, Vec<u8>>, Error> {
    if tokens.meta.k > palette.len() {
        let message = format!("tokens of {} colours, the palette has {}", tokens.meta.k, palette.len());
        return Err(ArtifactError::table(split.name(), message).into());
    }
    let mut decoded = BTreeMap::new();
    for batch in tokens.read(split, BATCH)? {
        let batch = batch?;
        for i in 0..batch.rows() {
            if picks.iter().any(|pick| pick.id == batch.ids[i]) {
                decoded.insert(batch.ids[i], palette.decode(batch.row(i)));
            }
        }
        if decoded.len() == picks.len() {
            break;
        }
    }
    Ok(decoded)
}
