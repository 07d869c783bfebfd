//! Layers side by side: wider features than one layer gives.

use igpt_artifact::table::features::Features;
use igpt_artifact::table::probe::{Concatenated, ProbeId};

use crate::job::Job;

/// Some layers around the best one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    /// How many layers were asked for.
    pub(crate) asked: u32,
    /// The probe that looks at them.
    pub(crate) id: ProbeId,
    /// Those that exist, ascending.
    pub(crate) layers: Vec<u32>,
}

/// A window of each size around the layer of a probe, narrow ones first; none for a probe without a layer.
pub(crate) fn windows(dumped: &[usize], best: ProbeId, sizes: &[u32]) -> Vec<Window> {
    let mut sizes = sizes.to_vec();
    sizes.sort_unstable();
    sizes.dedup();
    let window = |asked| {
        let layers = around(dumped, best.layer?, asked);
        Some(Window { asked, id: best.side_by_side(layers.len() as u32), layers })
    };
    sizes.into_iter().filter_map(window).collect()
}

/// A probe for every window that needs one. Windows that are cut to the same layers share it, and one that
/// is cut to a single layer has been probed.
pub(crate) fn jobs(features: &Features, windows: &[Window]) -> Vec<Job> {
    let job = |window: &Window| Job::layers(features, window.id, &window.layers);
    distinct(windows).map(job).collect()
}

/// What `probe.json` says of them.
pub(crate) fn described(windows: &[Window]) -> Vec<Concatenated> {
    let layers =
        |window: &Window| Some(Concatenated { layer: window.id.layer?, layers: window.layers.clone() });
    distinct(windows).filter_map(layers).collect()
}

/// Windows of several layers, each once. A wider window never has fewer layers, so equal ones are
/// neighbours.
fn distinct(windows: &[Window]) -> impl Iterator<Item = &Window> {
    let new = |i: usize| i == 0 || windows[i].id != windows[i - 1].id;
    windows
        .iter()
        .enumerate()
        .filter(move |(i, window)| window.id.is_concatenated() && new(*i))
        .map(|(_, w)| w)
}

/// The `k` layers centred on one of the dumped layers, ascending. At either end of the network only those
/// that exist are taken: the window is cut, not moved, so that its centre stays its centre. `k` is odd.
///
/// Layers are counted as they were dumped: of layers 0, 2, 4, 6 the three around 4 are 2, 4, 6.
fn around(dumped: &[usize], centre: u32, k: u32) -> Vec<u32> {
    let Some(at) = dumped.iter().position(|&layer| layer == centre as usize) else { return vec![centre] };
    let reach = (k / 2) as usize;
    let end = dumped.len().min(at + reach + 1);
    dumped[at.saturating_sub(reach)..end].iter().map(|&layer| layer as u32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use igpt_artifact::table::probe::Source;

    #[test]
    fn windows_are_centred_and_cut_at_the_ends() {
        let dumped = [0, 2, 4, 6, 8];
        assert_eq!(around(&dumped, 4, 3), [2, 4, 6]);
        assert_eq!(around(&dumped, 2, 5), [0, 2, 4, 6]);
        assert_eq!(around(&dumped, 8, 5), [4, 6, 8]);
        assert_eq!(around(&dumped, 0, 99), [0, 2, 4, 6, 8]);
    }

    #[test]
    fn windows_that_are_cut_to_the_same_layers_are_probed_once() {
        let best = ProbeId::layer(Source::Model, 4);
        let cut = windows(&[2, 4, 6], best, &[99, 3, 5, 3]);
        assert_eq!(cut.iter().map(|window| window.asked).collect::<Vec<_>>(), [3, 5, 99]);
        assert!(cut.iter().all(|window| window.id == best.side_by_side(3)));
        assert_eq!(described(&cut), [Concatenated { layer: 4, layers: vec![2, 4, 6] }]);
        // The only layer has been probed by itself.
        assert_eq!(described(&windows(&[4], best, &[3])), []);
        assert_eq!(windows(&[4], ProbeId::PIXELS, &[3]), []);
    }
}
