use igpt_model::device::Cpu;
use igpt_model::{Config, Decoder, ImageGpt, Objective, Sequences};
use igpt_stage::Seed;
use std::time::Instant;
fn main() {
    let arg = |i: usize, d: usize| std::env::args().nth(i).and_then(|a| a.parse().ok()).unwrap_or(d);
    let (images, rounds, length) = (arg(1, 8), arg(2, 10), arg(3, 256));
    let config = Config {
        n_layer: 8,
        n_embd: 256,
        n_head: 8,
        n_positions: 1024,
        k: 512,
        objective: Objective::Autoregressive,
    };
    let network = ImageGpt::<Cpu>::new(config, Seed::new(1), &Default::default());
    let decoder = Decoder::new(&network);
    let mut best = vec![f64::MAX; length];
    let mut totals = vec![];
    rayon::scope(|_| {
        let inputs = Sequences::new(&vec![7; images], 1, &Default::default()).tokens;
        for _ in 0..rounds {
            let mut cache = decoder.cache(length);
            let all = Instant::now();
            for best in &mut best {
                let t = Instant::now();
                std::hint::black_box(decoder.step(inputs.clone(), &mut cache));
                *best = best.min(t.elapsed().as_secs_f64());
            }
            totals.push(all.elapsed().as_secs_f64());
        }
    });
    totals.sort_by(f64::total_cmp);
    let sum: f64 = best.iter().sum();
    let tokens = (images * length) as f64;
    println!(
        "threads {} images {images} length {length}: sum of best steps {:.1} ms = {:.0} tok/s; best run {:.1} ms = {:.0} tok/s; median run {:.0} tok/s; first/mid/last step {:.3} {:.3} {:.3} ms",
        rayon::current_num_threads(),
        sum * 1e3,
        tokens / sum,
        totals[0] * 1e3,
        tokens / totals[0],
        tokens / totals[totals.len() / 2],
        best[1] * 1e3,
        best[length / 2] * 1e3,
        best[length - 1] * 1e3
    );
}
