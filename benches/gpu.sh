#!/usr/bin/env bash
# Everything that a GPU should answer, in one script:
#
#   benches/gpu.sh prepare [CIFAR10]   on the build machine: builds with CUDA and packs .carry/
#   benches/gpu.sh run                 on the GPU machine: runs what was packed, writes $OUT/gpu.md
#
# 1. The CUDA build runs, and agrees with the CPU: same seed, same data, losses and features close.
# 2. Speed of a training step beside PyTorch (eager and compiled), same sizes, same card.
# 3. bf16 beside f32, and the paper's S at batch 128 on one card: blocks recomputed, products in bf16.
#    Each side says a line of JSON; what the card's memory came to is the line after it.
# 4. CIFAR-10 at 32×32, pretrained, probed at every layer and fine-tuned.
#
# SECONDS_TRAIN bounds step 4 (default 240). The figures go into docs/results.md by hand, with the card.
set -euo pipefail
cd "$(dirname "$0")/.."
carry=.carry

prepare() {
    local target="${CARGO_TARGET_DIR:-target}"
    cargo build --release --workspace --features igpt/cuda
    mkdir -p "$carry"
    cp "$target/release/igpt" "$target/release/igpt-bench" "$carry/"
    if [ -n "${1:-}" ]; then
        mkdir -p "$carry/cifar10"
        cp "$1"/*.parquet "$carry/cifar10/"
    fi
    echo "packed $(du -sh "$carry" | cut -f1) into $carry/"
}

run() {
    local igpt="$PWD/$carry/igpt" out="${OUT:-$PWD/$carry/out}" work
    work=$(mktemp -d)
    mkdir -p "$out"
    exec > >(tee "$out/gpu.md") 2>&1
    echo "# GPU run"
    nvidia-smi --query-gpu=name,memory.total,driver_version --format=csv,noheader || echo "no nvidia-smi"

    echo; echo "## 1. The CUDA build agrees with the CPU"
    for device in cpu cuda; do
        "$igpt" run features sample -f benches/gpu-agree.yaml --device "$device" --artifacts "$work/$device"
    done
    python3 benches/compare_runs.py "$work/cpu" "$work/cuda"

    echo; echo "## 2. Training step beside PyTorch"
    bench_step n_layer=8 n_embd=256 n_head=8 batch_size=32
    bench_step n_layer=24 n_embd=512 n_head=8 batch_size=32

    echo; echo "## 3. bf16, and S at batch 128"
    for precision in f32 bf16; do
        "$igpt" run pretrain -f benches/gpu-agree.yaml --device cuda --artifacts "$work/$precision" --quiet \
            --set "pretrain.precision=$precision" || true
    done
    python3 benches/compare_runs.py "$work/f32" "$work/bf16" || true
    "$igpt" plan experiments/igpt-s.yaml
    bench_step n_layer=24 n_embd=512 n_head=8 batch_size=128 precision=bf16 recompute=true

    echo; echo "## 4. CIFAR-10"
    if [ -d "$carry/cifar10" ]; then
        IGPT_CIFAR10="$PWD/$carry/cifar10" timeout "${SECONDS_TRAIN:-240}" \
            "$igpt" run -f experiments/cifar10-gpu.yaml --device cuda --artifacts "$work/cifar" ||
            echo "stopped after ${SECONDS_TRAIN:-240} s"
        cp "$work/cifar/cifar10-gpu/report/index.html" "$out/cifar10.html" 2>/dev/null || true
    else
        echo "skipped: $carry/cifar10 is not there (gpu.sh prepare CIFAR10)"
    fi
}

# Sizes of a training step at 32×32 with 512 colours, for igpt and for PyTorch in both modes.
bench_step() {
    local sizes=(n_positions=1024 k=512 warm_up=5 steps=20 device=cuda threads=2 "$@") mode
    echo "${*}"
    watched "$PWD/$carry/igpt-bench" row train "${sizes[@]}" || true
    for mode in eager compile; do
        watched python3 benches/peers/train_step.py "${sizes[@]}" "mode=$mode" || true
    done
}

# Runs a command and says the largest memory in use on the card meanwhile.
watched() {
    local used watcher ended=0
    used=$(mktemp)
    nvidia-smi --query-gpu=memory.used --format=csv,noheader,nounits --loop-ms=200 >"$used" 2>/dev/null &
    watcher=$!
    "$@" || ended=$?
    kill "$watcher" 2>/dev/null || true
    wait "$watcher" 2>/dev/null || true
    echo "card memory at most: $(sort -n "$used" | tail -n 1) MiB"
    rm -f "$used"
    return "$ended"
}

case "${1:-}" in
    prepare) shift; prepare "$@" ;;
    run) run ;;
    *) sed -n '2,13p' "$0"; exit 2 ;;
esac
