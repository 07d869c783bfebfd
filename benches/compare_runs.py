"""Compares two runs of gpu-agree.yaml, such as one on the CPU and one on a GPU: losses step by step, features value
by value."""

import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

one, other = (Path(arg) / "gpu-agree" for arg in sys.argv[1:3])
curves = [pq.read_table(run / "pretrain/metrics.parquet").to_pydict() for run in (one, other)]
losses = [np.array(curve["loss"]) for curve in curves]
print(f"{'step':>6} {'split':10} {'loss':>10} {'other':>10} {'difference':>10}")
for step, split, a, b in zip(curves[0]["step"], curves[0]["split"], *losses, strict=True):
    print(f"{step:6} {split:10} {a:10.5f} {b:10.5f} {b - a:10.2e}")
print(f"largest difference of a loss: {np.abs(losses[1] - losses[0]).max():.2e} nats/token")


def features(path):
    column = pq.ParquetFile(path).read(columns=["features"]).column("features").combine_chunks()
    return column.flatten().to_numpy()


parts = sorted((one / "features").glob("split=*/layer=*/part-*.parquet"))
differences = [np.abs(features(part) - features(other / part.relative_to(one))).max() for part in parts]
if differences:
    print(f"largest difference of a feature: {max(differences):.2e}")
