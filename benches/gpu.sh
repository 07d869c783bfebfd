#!/usr/bin/env bash
# Everything that a GPU should answer, in one script:
#
#   benches/gpu.sh prepare [CIFAR10]   on the build machine: builds with CUDA and packs .carry/
#   benches/gpu.sh run                 on the GPU machine: runs what was packed, writes $OUT/gpu.md
#
# 1. The CUDA build runs, and agrees with the CPU: same seed, same data, losses and features close.
# 2. Speed of a training step beside PyTorch (eager and compiled), same sizes, same card.
# 3. bf16 beside f32, and the paper's S at batch 128 on one card: blocks recomputed, products in bf16.
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
    cp "$target/release/igpt" "$carry/igpt"
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
    bench_step 8 256 8 32 32
    bench_step 24 512 8 32 32

    echo; echo "## 3. bf16, and S at batch 128"
    for precision in f32 bf16; do
        "$igpt" run pretrain -f benches/gpu-agree.yaml --device cuda --artifacts "$work/$precision" --quiet \
            --set "pretrain.precision=$precision" || true
        python3 benches/step_speed.py "$work/$precision/gpu-agree/pretrain" --loss || true
    done
    "$igpt" plan benches/gpu-step.yaml --set pretrain.preset=igpt-s --set images.size=32 --set palette.k=512 \
        --set pretrain.batch_size=128 --set pretrain.precision=bf16 --set pretrain.recompute=true
    bench_step 24 512 8 32 128 --set pretrain.precision=bf16 --set pretrain.recompute=true --set pretrain.steps=30
    nvidia-smi --query-gpu=memory.used --format=csv,noheader || true

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

# Layers, width, heads, side, batch, further options of igpt: one line for igpt, two for PyTorch.
bench_step() {
    local layers=$1 width=$2 heads=$3 side=$4 batch=$5
    shift 5
    local place="$work/step-$layers-$width-$batch"
    "$igpt" run pretrain -f benches/gpu-step.yaml --device cuda --artifacts "$place" --quiet \
        --set "pretrain.n_layer=$layers" --set "pretrain.n_embd=$width" --set "pretrain.n_head=$heads" \
        --set "images.size=$side" --set "pretrain.batch_size=$batch" "$@" || true
    python3 benches/step_speed.py "$place/gpu-step/pretrain" || true
    for mode in eager compile; do
        python3 benches/peers/train_step.py "$layers" "$width" "$heads" $((side * side)) "$batch" "$mode" || true
    done
}

case "${1:-}" in
    prepare) shift; prepare "$@" ;;
    run) run ;;
    *) sed -n '2,13p' "$0"; exit 2 ;;
esac
