"""The median speed of a pretraining, from its timing.parquet (the first rows warm up); with --loss its loss too."""

import sys
from pathlib import Path

import pyarrow.parquet as pq

run = Path(sys.argv[1])
speeds = sorted(pq.read_table(run / "timing.parquet").column("tokens_per_second").to_pylist()[2:])
print(f"igpt: {speeds[len(speeds) // 2]:.0f} tokens/s")
if "--loss" in sys.argv:
    metrics = pq.read_table(run / "metrics.parquet", columns=["split", "loss"]).to_pydict()
    losses = [loss for split, loss in zip(metrics["split"], metrics["loss"]) if split == "train"]
    print(f"last training loss: {losses[-1]:.5f}")
