//! What is compared, and every size of it.
//!
//! Sizes are words that both sides are started with, ours and the peers' scripts alike.

/// One comparison.
#[derive(Debug)]
pub(crate) struct Row {
    /// Its name in the table.
    pub(crate) name: &'static str,
    /// What is measured, in a few words.
    pub(crate) about: &'static str,
    /// Our work: see [`crate::work`].
    pub(crate) work: &'static str,
    /// What both sides are told.
    pub(crate) sizes: &'static str,
    /// Beside what.
    pub(crate) beside: Beside,
}

/// What a figure of ours stands beside.
#[derive(Debug)]
pub(crate) enum Beside {
    /// The same work, done otherwise.
    Peers(&'static [Peer]),
    /// The same work at other sizes, each set on top of the row's; what the first costs and how operations or
    /// bytes grow by arithmetic says what the others should cost.
    Itself(&'static [&'static str]),
}

/// Another way to do the work.
#[derive(Debug)]
pub(crate) struct Peer {
    /// What it is, until it says so itself with its version.
    pub(crate) name: &'static str,
    /// How it is started.
    pub(crate) program: Program,
    /// What it is told on top of the row's sizes.
    pub(crate) more: &'static str,
}

/// How a peer is started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Program {
    /// By a Python script in the peers' folder.
    Script(&'static str),
    /// By this program: a Rust library that we also use.
    This,
}

const fn python(name: &'static str, script: &'static str, more: &'static str) -> Peer {
    Peer { name, program: Program::Script(script), more }
}

/// PyTorch trains with fused attention; which of its two modes is faster depends on the machine.
const TRAIN_PEERS: Beside = Beside::Peers(&[
    python("PyTorch eager", "train_step.py", "mode=eager"),
    python("PyTorch compiled", "train_step.py", "mode=compile"),
]);

/// Every row, in the order of the table.
pub(crate) const ALL: &[Row] = &[
    Row {
        name: "train-128",
        about: "a training step: loss, gradient, Adam",
        work: "train",
        sizes: "n_layer=6 n_embd=128 n_head=4 n_positions=256 k=512 batch_size=16 warm_up=2 steps=7",
        beside: TRAIN_PEERS,
    },
    Row {
        name: "train-256",
        about: "a training step at 32×32",
        work: "train",
        sizes: "n_layer=8 n_embd=256 n_head=8 n_positions=1024 k=512 batch_size=4 warm_up=1 steps=3",
        beside: TRAIN_PEERS,
    },
    Row {
        name: "features",
        about: "a feature pass over all layers: ours from tokens to Parquet files, the peers' without files",
        work: "features",
        sizes: "n_layer=8 n_embd=256 n_head=8 n_positions=1024 k=512 images=32 batch_size=4",
        beside: Beside::Peers(&[
            python("PyTorch", "features.py", "mode=sdpa"),
            python("Hugging Face", "features.py", "mode=huggingface"),
        ]),
    },
    Row {
        name: "sample",
        about: "drawing the first tokens of images, keys and values kept",
        work: "sample",
        sizes: "n_layer=8 n_embd=256 n_head=8 n_positions=1024 k=512 images=8 tokens=256",
        beside: Beside::Peers(&[python("Hugging Face", "sample.py", "")]),
    },
    Row {
        name: "palette",
        about: "k-means on the distinct colours of CIFAR-10's training pixels, weighted; the best of our starts",
        work: "palette",
        sizes: "size=32 k=512 iterations=30 tolerance=0 restarts=4",
        // One start of its own takes a minute.
        beside: Beside::Peers(&[python("scikit-learn", "palette.py", "restarts=1")]),
    },
    Row {
        name: "tokens",
        about: "pixels to the nearest of k colours; CIFAR-10, or drawn images without it",
        work: "tokens",
        sizes: "images=50000 size=32 k=512 checked=100",
        beside: Beside::Peers(&[
            python("cKDTree", "tokens.py", "mode=ckdtree"),
            // It takes some ten milliseconds an image.
            python("Hugging Face", "tokens.py", "mode=huggingface images=200"),
        ]),
    },
    Row {
        name: "probe",
        about: "logistic regression, one strength",
        work: "probe",
        sizes: "images=50000 dims=512 classes=10 l2=1e-4 tolerance=1e-4 max_iterations=1000",
        beside: Beside::Peers(&[
            // Its tolerance is of the largest part of the gradient, ours of its length.
            python("scikit-learn", "probe.py", "tolerance=1e-5"),
            Peer { name: "linfa-logistic", program: Program::This, more: "solver=linfa" },
        ]),
    },
    Row {
        name: "growth-train",
        about: "training by token, tokens of a step kept equal; arithmetic counts operations",
        work: "train-time",
        sizes: "n_layer=4 n_embd=128 n_head=4 k=512 warm_up=1 steps=3",
        beside: Beside::Itself(&[
            "n_positions=256 batch_size=64",
            "n_positions=1024 batch_size=16",
            "n_positions=4096 batch_size=4",
        ]),
    },
    Row {
        name: "growth-features",
        about: "memory of a feature pass; arithmetic adds what waits for a row group of 4,096 images to be full",
        work: "features-memory",
        sizes: "n_layer=2 n_embd=32 n_head=2 n_positions=64 k=16 batch_size=32",
        beside: Beside::Itself(&["images=1000", "images=10000", "images=50000"]),
    },
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    #[test]
    fn every_row_names_work_and_scripts_that_exist() {
        let peers = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers");
        let names: BTreeSet<_> = ALL.iter().map(|row| row.name).collect();
        assert_eq!(names.len(), ALL.len());
        for row in ALL {
            assert!(crate::work::exists(row.work), "{}", row.name);
            let Beside::Peers(list) = &row.beside else { continue };
            for peer in *list {
                if let Program::Script(script) = peer.program {
                    assert!(peers.join(script).exists(), "{}: {script}", row.name);
                }
            }
        }
    }
}
