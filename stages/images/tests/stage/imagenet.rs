//! ImageNet's own folders.

use std::path::{Path, PathBuf};

use crate::common::{Output, failure, jpeg, plain, run, write};
use igpt_artifact::Split;
use igpt_images::{ImagesParams, SourceKind};

const MAPPING: &str = "n01440764 tench, Tinca tinca\nn01443537 goldfish, Carassius auratus\n";
/// The development kit has another order.
const NUMBERED: &str = "n01443537 1 goldfish\nn01440764 2 tench\n";

struct World {
    dir: tempfile::TempDir,
}

impl World {
    /// Two classes with two training images each, and no validation images.
    fn new() -> Self {
        let world = Self { dir: tempfile::tempdir().unwrap() };
        for (synset, grey) in [("n01440764", 20), ("n01443537", 200)] {
            for i in 0..2 {
                world.image(&format!("train/{synset}/{synset}_{i}.JPEG"), grey);
            }
        }
        world
    }

    fn at(&self, path: &str) -> PathBuf {
        self.dir.path().join(path)
    }

    fn image(&self, path: &str, grey: u8) {
        write(&self.at(path), jpeg(plain(10, 8, [grey; 3])));
    }

    /// Image 1 is bright, image 2 is dark.
    fn flat_val(self) -> Self {
        self.image("val/ILSVRC2012_val_00000001.JPEG", 200);
        self.image("val/ILSVRC2012_val_00000002.JPEG", 20);
        self
    }

    fn file(&self, name: &str, text: &str) -> Option<PathBuf> {
        write(&self.at(name), text);
        Some(self.at(name))
    }

    fn params(&self) -> ImagesParams {
        let path: &Path = self.dir.path();
        ImagesParams {
            source: SourceKind::Imagenet,
            path: Some(path.into()),
            size: 4,
            validation: 0.0,
            ..Default::default()
        }
    }
}

/// Bright images are goldfish, dark ones are tench, in every split.
fn assert_labels_fit(output: &Output, goldfish: i64) {
    for row in output.rows.values().flatten() {
        let expected = if row.pixels[0] > 100 { goldfish } else { 1 - goldfish };
        assert_eq!(row.label, Some(expected), "image {}", row.id);
    }
}

#[test]
fn class_folders_are_read_as_they_lie() {
    let world = World::new();
    world.image("val/n01443537/ILSVRC2012_val_00000001.JPEG", 200);
    write(&world.at("val/notes.txt"), "no image");
    let output = run(&world.params()).unwrap();
    assert_eq!(output.meta.classes, ["n01440764", "n01443537"]);
    assert_eq!(output.meta.rows.values().copied().collect::<Vec<_>>(), [4, 0, 1]);
    assert_eq!(output.result("skipped"), Some(1));
    assert_labels_fit(&output, 1);

    let class_map = world.file("LOC_synset_mapping.txt", MAPPING);
    let output = run(&ImagesParams { class_map, ..world.params() }).unwrap();
    assert_eq!(output.meta.classes, ["tench, Tinca tinca", "goldfish, Carassius auratus"]);
    let class_map = world.file("map_clsloc.txt", NUMBERED);
    let output = run(&ImagesParams { class_map, ..world.params() }).unwrap();
    assert_eq!(output.meta.classes, ["goldfish", "tench"]);
    assert_labels_fit(&output, 0);
}

#[test]
fn flat_validation_images_take_labels_from_a_list() {
    let world = World::new().flat_val();
    let csv = "ImageId,PredictionString\nILSVRC2012_val_00000002,n01440764 1 2 3 4\n\
               ILSVRC2012_val_00000001,n01443537 1 2 3 4 n01443537 5 6 7 8 \n";
    let val_labels = world.file("LOC_val_solution.csv", csv);
    let output = run(&ImagesParams { val_labels: val_labels.clone(), ..world.params() }).unwrap();
    assert_eq!(output.labels(Split::Test), [Some(1), Some(0)]);
    assert_labels_fit(&output, 1);

    let class_map = world.file("map_clsloc.txt", NUMBERED);
    let val_labels = world.file("ILSVRC2012_validation_ground_truth.txt", "1\n2\n");
    let output = run(&ImagesParams { val_labels, class_map, ..world.params() }).unwrap();
    assert_labels_fit(&output, 0);
}

#[test]
fn class_numbers_need_a_class_map_that_has_them() {
    let world = World::new().flat_val();
    let val_labels = world.file("ground_truth.txt", "1\n2\n");
    for class_map in [None, world.file("LOC_synset_mapping.txt", MAPPING)] {
        let message = failure(&ImagesParams { val_labels: val_labels.clone(), class_map, ..world.params() });
        assert!(message.contains("numbers of classes, but the class map has no numbers"), "{message}");
        assert!(message.contains("set class_map to its map_clsloc.txt"), "{message}");
    }
}

#[test]
fn wrong_lists_are_explained() {
    let world = World::new().flat_val();
    let message = failure(&world.params());
    assert!(message.contains("val: images without class folders and without labels | set val_labels"));
    let val_labels = world.file("short.csv", "ILSVRC2012_val_00000001,n01443537 1 2 3 4\n");
    let message = failure(&ImagesParams { val_labels: val_labels.clone(), ..world.params() });
    assert!(message.contains("ILSVRC2012_val_00000002.JPEG: no label in "), "{message}");
    world.image("val/n01443537/x.JPEG", 200);
    let message = failure(&ImagesParams { val_labels, ..world.params() });
    assert!(message.contains("class folders, which already say the labels"), "{message}");
    let class_map = world.file("map.txt", "n01440764 tench\n");
    let message = failure(&ImagesParams { class_map, ..world.params() });
    assert!(message.contains("train/n01443537: no class `n01443537` in "), "{message}");
    let class_map = Some(world.at("nowhere.txt"));
    assert!(failure(&ImagesParams { class_map, ..world.params() }).contains("nowhere.txt"));
}

#[test]
fn missing_folders_are_explained() {
    let dir = tempfile::tempdir().unwrap();
    let params = ImagesParams { path: Some(dir.path().into()), ..World::new().params() };
    let message = failure(&params);
    assert!(message.contains("no train/<class>/*.JPEG here | path is the folder that holds"), "{message}");
    let world = World::new();
    world.image("val/n09/x.JPEG", 1);
    assert!(failure(&world.params()).contains("val/n09: no class `n09` among the training images"));
}
