"""scikit-learn's k-means on the distinct colours of an image set, each weighted with its count.

    palette.py PIXELS [--k 512] [--iterations 10] [--algorithm lloyd|elkan] [--start centres.npy] [--save centres.npy]

PIXELS is an .npy of RGB bytes, or a Parquet file of images: rows of pixels, or encoded files as on the Hugging Face
hub. Prints one line of JSON; `value` is seconds for all iterations, seeding left out where --start gives the centres.
"""

import argparse
import json
import os
import resource
import time

THREADS = "2"
os.environ.update(OMP_NUM_THREADS=THREADS, OPENBLAS_NUM_THREADS=THREADS)

import numpy as np
import sklearn
from pixels import read
from sklearn.cluster import KMeans

arguments = argparse.ArgumentParser()
arguments.add_argument("pixels")
arguments.add_argument("--k", type=int, default=512)
arguments.add_argument("--iterations", type=int, default=10)
arguments.add_argument("--algorithm", default="lloyd")
arguments.add_argument("--start")
arguments.add_argument("--save")
options = arguments.parse_args()

rgb = read(options.pixels).astype(np.uint32)
codes, counts = np.unique(rgb[:, 0] << 16 | rgb[:, 1] << 8 | rgb[:, 2], return_counts=True)
unique = np.stack([codes >> 16, codes >> 8 & 255, codes & 255], axis=1).astype(np.float32) / np.float32(127.5) - 1
start = np.load(options.start).astype(np.float32) if options.start else "k-means++"
fit = KMeans(
    options.k, init=start, n_init=1, max_iter=options.iterations, tol=0, algorithm=options.algorithm, random_state=0
)
begin = time.perf_counter()
fit.fit(unique, sample_weight=counts.astype(np.float32))
seconds = time.perf_counter() - begin
if options.save:
    np.save(options.save, fit.cluster_centers_.astype(np.float32))
print(
    json.dumps(
        {
            "row": f"palette: k-means, k = {options.k}, {len(unique)} colours, {fit.n_iter_} iterations"
            + ("" if options.start else ", seeding included"),
            "peer": f"scikit-learn {sklearn.__version__} KMeans ({options.algorithm}, {THREADS} threads)",
            "value": seconds,
            "unit": "s",
            "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
            "inertia": float(fit.inertia_ / counts.sum()),
        }
    )
)
