"""Compares a run on the CPU with one on a GPU: losses step by step, features value by value."""

import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

cpu, gpu = (Path(arg) / "gpu-agree" for arg in sys.argv[1:3])
losses = [pq.read_table(run / "pretrain/metrics.parquet").to_pandas() for run in (cpu, gpu)]
print(losses[0].assign(gpu=losses[1].loss, difference=losses[1].loss - losses[0].loss).to_string())
worst = 0.0
for path in sorted((cpu / "features").glob("split=*/layer=*/part-*.parquet")):
    other = gpu / path.relative_to(cpu)
    a, b = (np.stack(pq.ParquetFile(p).read().column("features").to_numpy(zero_copy_only=False)) for p in (path, other))
    worst = max(worst, float(np.abs(a - b).max()))
print(f"largest difference of a feature: {worst:.2e}")
print(f"largest difference of a loss: {np.abs(losses[0].loss - losses[1].loss).max():.2e} nats/token")
