"""The median speed of a pretraining, from its timing.parquet (the first rows warm up)."""

import sys
from pathlib import Path

import pyarrow.parquet as pq

speeds = sorted(pq.read_table(Path(sys.argv[1]) / "timing.parquet").column("tokens_per_second").to_pylist()[2:])
print(f"igpt: {speeds[len(speeds) // 2]:.0f} tokens/s")
