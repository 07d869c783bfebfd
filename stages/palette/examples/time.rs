//! Temporary.
#![allow(clippy::print_stdout, clippy::unwrap_used)]
use igpt_artifact::{Split, table::images::Images};
use igpt_palette::*;
use igpt_stage::{Progress, Seed};
struct P;
impl Progress for P {
    fn begin(&self, t: &str, n: u64, u: &'static str) { println!("{t} {n} {u}") }
    fn at(&self, _: u64) {}
    fn note(&self, _: &str) {}
    fn log(&self, l: &str) { println!("{l}") }
}
fn main() {
    let a: Vec<String> = std::env::args().collect();
    let t = std::time::Instant::now();
    let images = Images::open(a[1].as_ref()).unwrap();
    let mut h = Histogram::default();
    for b in images.read(Split::Train, 1024).unwrap() { h.add(&b.unwrap().values) }
    let c = h.colours();
    println!("{} unique of {} in {:?}", c.len(), c.pixels(), t.elapsed());
    let p = PaletteParams { k: a[2].parse().unwrap(), restarts: a[3].parse().unwrap(), ..Default::default() };
    let f = kmeans::fit(&c, &p, Seed::new(0), &P).unwrap();
    println!("{} {} {} {:?}", f.inertia, f.iterations, f.restart, t.elapsed());
}
