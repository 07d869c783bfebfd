//! What ran, with which parameters, on what, and how long it took.

use std::collections::BTreeSet;

use igpt_artifact::Manifest;
use igpt_artifact::manifest::FileEntry;
use maud::{Markup, html};
use serde_json::Value;

use super::lineage::graph;
use crate::lineage::{Lineage, Node};
use crate::view::{bytes, count, facts, scroll, seconds, utc};

/// Files listed by name.
const MAX_FILES: usize = 40;

pub(crate) fn body(lineage: &Lineage) -> Markup {
    html! {
        (made_by(lineage))
        (scroll("Lineage", &graph(lineage, anchor)))
        (scroll("Stages", &table(lineage)))
        h3 { "Stage by stage" }
        @for (i, node) in lineage.nodes.iter().enumerate() {
            details id=(anchor(i)) {
                summary { (node.name) }
                @match &node.manifest {
                    Some(manifest) => (particulars(manifest)),
                    None => p { "This artifact is no longer in the store; only its key is known: " code { (node.key) } },
                }
            }
        }
    }
}

fn anchor(node: usize) -> String {
    format!("stage-{node}")
}

/// Programs, machines and seeds; usually one of each.
fn made_by(lineage: &Lineage) -> Markup {
    let manifests = || lineage.nodes.iter().filter_map(|node| node.manifest.as_ref());
    let programs: BTreeSet<_> = manifests().map(program).collect();
    let machines: BTreeSet<_> = manifests().map(|m| &m.made_by.machine).filter(|m| !m.is_empty()).collect();
    let seeds: BTreeSet<_> = manifests().map(|m| m.made_from.seed).collect();
    let time: f64 = manifests().map(|m| m.seconds).sum();
    let memory = manifests().map(|m| m.peak_memory).max().unwrap_or(0);
    html! {
        dl.facts {
            div.wide { dt { "program" } dd { @for program in &programs { (program) br; } } }
            @if !machines.is_empty() { div.wide { dt { "machine" } dd { @for machine in &machines { (machine) br; } } } }
            div { dt { "seed" } dd { @for seed in &seeds { (seed) br; } } }
            div { dt { "time, all stages" } dd { (seconds(time)) } }
            @if memory > 0 { div { dt { "peak memory" } dd { (bytes(memory)) } } }
        }
    }
}

fn program(manifest: &Manifest) -> String {
    let by = &manifest.made_by;
    let commit: String = by.commit.chars().take(12).collect();
    let commit = if commit.is_empty() { "commit unknown".into() } else { format!("commit {commit}") };
    let dirty = if by.dirty { ", with uncommitted changes" } else { "" };
    format!("igpt {}, {commit}{dirty}", by.version)
}

fn table(lineage: &Lineage) -> Markup {
    html! {
        table {
            caption { "Every stage behind this page" }
            thead {
                tr {
                    th scope="col" { "Stage" }
                    th scope="col" { "Started (UTC)" }
                    th.number scope="col" { "Time" }
                    th.number scope="col" { "Peak memory" }
                    th scope="col" { "Device" }
                    th scope="col" { "Key" }
                    th scope="col" { "Content" }
                }
            }
            tbody {
                @for (i, node) in lineage.nodes.iter().enumerate() { (row(i, node)) }
            }
        }
    }
}

fn row(i: usize, node: &Node) -> Markup {
    html! {
        tr {
            th scope="row" {
                a href=(format!("#{}", anchor(i))) { (node.name) }
                @if let Some(manifest) = node.manifest.as_ref().filter(|m| m.made_from.stage != node.name) {
                    " " span.muted { "(" (manifest.made_from.stage) ")" }
                }
            }
            @match &node.manifest {
                Some(manifest) => {
                    td.nowrap { (utc(manifest.started)) }
                    td.number { (seconds(manifest.seconds)) }
                    td.number { @if manifest.peak_memory > 0 { (bytes(manifest.peak_memory)) } @else { "–" } }
                    td { @if manifest.made_by.device.is_empty() { "–" } @else { (manifest.made_by.device) } }
                    td { code { (manifest.key.0.short()) } }
                    td { code { (manifest.content.short()) } }
                }
                None => {
                    td colspan="4" { "no longer in the store" }
                    td { code { (node.key.0.short()) } }
                    td { "–" }
                }
            }
        }
    }
}

fn particulars(manifest: &Manifest) -> Markup {
    let parts = &manifest.made_from;
    html! {
        @if !manifest.results.is_empty() { h4 { "Results" } (facts(&manifest.results)) }
        @if !parts.params.is_empty() {
            h4 { "Parameters" }
            (pairs(parts.params.iter().map(|(name, value)| (name.as_str(), setting(value)))))
        }
        @if !manifest.sources.is_empty() {
            h4 { "Read from" }
            (pairs(manifest.sources.iter().map(|(param, path)| (param.as_str(), path.clone()))))
        }
        @if !manifest.inputs.is_empty() {
            h4 { "Inputs" }
            (pairs(manifest.inputs.iter().map(|(role, origin)| {
                (role.as_str(), format!("{} (key {}, content {})", origin.name, origin.key.0.short(), origin.content.short()))
            })))
        }
        h4 { "Identity" }
        (pairs([
            ("stage", parts.stage.clone()),
            ("key", manifest.key.to_string()),
            ("content", manifest.content.to_string()),
            ("code", parts.code.to_string()),
            ("seed", parts.seed.to_string()),
            ("format", format!("{} {}", parts.kind, parts.format)),
            ("program", program(manifest)),
            ("machine", manifest.made_by.machine.clone()),
        ].into_iter()))
        h4 { "Files" }
        (files(&manifest.files))
    }
}

/// A parameter as it would be written in a pipeline file.
fn setting(value: &Value) -> String {
    match value {
        Value::Null => "not set".into(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn pairs<'a>(pairs: impl Iterator<Item = (&'a str, String)>) -> Markup {
    html! {
        table.pairs {
            tbody { @for (name, value) in pairs { tr { th scope="row" { (name) } td { (value) } } } }
        }
    }
}

fn files(files: &[FileEntry]) -> Markup {
    html! {
        table.pairs.files {
            tbody {
                @for file in files.iter().take(MAX_FILES) {
                    tr { th scope="row" { (file.path) } td { (bytes(file.size)) } }
                }
            }
        }
        @if files.len() > MAX_FILES {
            p.note { "and " (count((files.len() - MAX_FILES) as u64)) " more" }
        }
    }
}
