//! The page as a reader gets it.

#![allow(clippy::unwrap_used, reason = "a failed step is a failed test")]

mod world;

use std::collections::BTreeSet;

use igpt_artifact::{Explain, Kind};
use igpt_report::Error;
use world::World;

const CLASSES: [&str; 10] =
    ["circle", "square", "triangle", "cross", "ring", "stripes", "checks", "star", "diamond", "dots"];

/// The value of every attribute called `name`.
fn attributes<'a>(html: &'a str, name: &str) -> Vec<&'a str> {
    let start = format!(" {name}=\"");
    html.split(&start).skip(1).map(|rest| rest.split('"').next().unwrap()).collect()
}

#[test]
fn a_full_run_fills_every_section() {
    let (html, summary) = World::full(&CLASSES).report("Shapes").unwrap();
    let headings = [
        "Results",
        "Training",
        "Samples",
        "Quality by depth",
        "Few labels",
        "Class by class",
        "Images",
        "Palette",
        "How it was made",
    ];
    for heading in headings {
        assert!(html.contains(&format!("\">{heading}</h2>")), "{heading}");
    }
    assert_eq!(summary.results[0], ("sections".into(), headings.len().into()));
    let shown = [
        "<p class=\"value\">71.0%</p>", // trained, layer 4 by validation
        "<p class=\"value\">77.0%</p>", // 5 layers side by side
        "5 layers around 4, 95% interval",
        "<td class=\"number\">5 around 4</td><td class=\"number\">320</td>",
        "<td class=\"number\">44.6 ± 2.1</td><td class=\"number\">31.2 ± 2.1</td><td class=\"number\">73.2 ± 1.5</td>",
        "<p class=\"value\">21.0%</p>",           // untrained
        "<p class=\"value\">43.0%</p>",           // pixels
        "Training adds 50.0 points.",             // trained against untrained
        "96.3% (iGPT-L, linear probe, CIFAR-10)", // the paper's
        "<p class=\"value\">0.916</p>",           // validation loss: 0.893 + 1.15 e^-6 + 0.02
        "1.321 bits/pixel",                       // the same over ln 2
        "20,480 tokens a second",                 // 1200 steps × 2048 tokens in 120 s
        "<dt>train PSNR (dB)</dt><dd>28.41</dd>", // a stage's own headline number
        "igpt 0.1.0, commit 0123456789ab, with uncommitted changes",
        "features-untrained", // no input of the report, found in the store
    ];
    for text in shown {
        assert!(html.contains(text), "{text}");
    }
    // Neither few labels nor layers side by side are taken for a layer.
    assert!(!html.contains("93.0%"));
    // Layer 4 takes every 6th image for the class before its own; of 1000 images from 100 on,
    // multiples of 6 are even, so circles (label 0) lose 33 or 34 of 100.
    assert!(html.contains("<th scope=\"row\">circle</th><td class=\"number\">100</td>"), "class table");
    assert!(
        html.contains(
            "<th scope=\"row\">square</th><td class=\"number\">100</td><td class=\"number\">100.0%"
        )
    );
}

#[test]
fn the_page_stands_alone_and_is_well_formed() {
    let (html, _) = World::full(&CLASSES).report("Shapes").unwrap();
    assert!(html.len() < 5_000_000);
    assert!(html.starts_with("<!DOCTYPE html><html lang=\"en\">"));
    for outside in ["<script", "http://", "https://", "url(", "@import", "<link", "<iframe"] {
        assert!(!html.contains(outside), "{outside}");
    }
    assert!(html.contains("prefers-color-scheme: dark"));
    // Every picture is inside the page and has its size and a text.
    let pictures: Vec<&str> =
        html.split("<img ").skip(1).map(|rest| rest.split('>').next().unwrap()).collect();
    assert_eq!(pictures.len(), 3 + 2 * 20);
    for picture in pictures {
        assert!(picture.contains("src=\"data:image/png;base64,"));
        assert!(
            picture.contains(" width=\"") && picture.contains(" height=\"") && !picture.contains("alt=\"\"")
        );
    }
    // Anchors are unique, and every link inside the page has one.
    let ids = attributes(&html, "id");
    let unique: BTreeSet<_> = ids.iter().copied().collect();
    assert_eq!(ids.len(), unique.len());
    for reference in ["href", "aria-labelledby", "aria-describedby"] {
        for target in attributes(&html, reference) {
            assert!(unique.contains(target.trim_start_matches('#')), "{reference}={target}");
        }
    }
    // No heading skips a level.
    let levels = html.match_indices("<h").filter_map(|(at, _)| html[at + 2..at + 3].parse::<u32>().ok());
    let levels: Vec<u32> = levels.collect();
    assert_eq!(levels[0], 1);
    assert!(levels.windows(2).all(|pair| pair[1] <= pair[0] + 1), "{levels:?}");
}

#[test]
fn the_same_artifacts_give_the_same_bytes() {
    let world = World::full(&CLASSES);
    assert_eq!(world.report("Shapes").unwrap(), world.report("Shapes").unwrap());
}

#[test]
fn names_from_data_cannot_become_markup() {
    let hostile = ["<script>alert(1)</script>", "\"><img src=x onerror=alert(2)>", "a & b' onload='c"];
    let (html, _) = World::full(&hostile).report("<b>Mine</b> & \"yours\"").unwrap();
    assert!(!html.contains("<script") && !html.contains("<img src=x") && !html.contains("<b>"));
    assert!(html.contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
    assert!(html.contains("&quot;&gt;&lt;img src=x onerror=alert(2)&gt;"));
    assert!(html.contains("<title>&lt;b&gt;Mine&lt;/b&gt; &amp; &quot;yours&quot;</title>"));
    assert!(html.contains("/data/&lt;pictures&gt; &amp; more"));
}

#[test]
fn only_what_is_there_is_shown() {
    let mut world = World::full(&CLASSES);
    world.keep(&[Kind::Palette]);
    let (html, summary) = world.report("Palette").unwrap();
    assert_eq!(summary.results[0], ("sections".into(), 2.into()));
    assert!(html.contains("All 8 colours.") && !html.contains("id=\"training\""));
    // The images that the palette was made from are still part of how it was made.
    assert!(html.contains("/data/&lt;pictures&gt; &amp; more"));

    let error = World::empty().report("Nothing").unwrap_err();
    assert!(matches!(error, Error::NothingToShow));
    assert!(error.hint().unwrap().contains("`probe`"));
}

#[test]
fn an_ancestor_that_is_gone_is_named() {
    let mut world = World::full(&CLASSES);
    world.keep(&[Kind::Palette]);
    std::fs::remove_dir_all(world.dir.path().join("artifacts/.store/images-v1")).unwrap();
    let (html, _) = world.report("Palette").unwrap();
    assert!(html.contains("no longer in the store"));
}

#[test]
fn a_damaged_table_is_named() {
    let world = World::full(&CLASSES);
    let path = world.inputs["model"].dir.join("metrics.parquet");
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    let error = world.report("Broken").unwrap_err();
    assert!(error.to_string().ends_with("metrics.parquet: the query failed"), "{error}");
    assert!(error.hint().unwrap().contains("--force"));
}
