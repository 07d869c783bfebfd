//! What figures were measured on.

use std::process::Command;

/// Processor, system, threads, what else ran, and the commit.
pub(crate) fn describe(threads: usize, device: &str) -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let model = model.map_or(std::env::consts::ARCH, |(_, model)| model);
    let all = std::thread::available_parallelism().map_or(1, |n| n.get());
    let mut parts = vec![format!("{model}, {}, {threads} of {all} threads", std::env::consts::OS)];
    let gpu = (device != "cpu")
        .then(|| said("nvidia-smi", &["--query-gpu=name,driver_version", "--format=csv,noheader"]));
    parts.extend(gpu.flatten());
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    parts.extend(load.split(' ').next().filter(|l| !l.is_empty()).map(|l| format!("load before {l}")));
    parts.extend(said("git", &["describe", "--always", "--dirty"]).map(|commit| format!("commit {commit}")));
    parts.join("; ")
}

/// The first line that a program prints.
fn said(program: &str, arguments: &[&str]) -> Option<String> {
    let output =
        Command::new(program).args(arguments).output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8_lossy(&output.stdout).lines().next()?.to_owned())
}
