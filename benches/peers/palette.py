"""k-means of scikit-learn on the distinct colours that igpt counted, weighted with their counts."""

import time

import numpy as np
import sklearn
from sklearn.cluster import KMeans

import common

s = common.settings()
colours = np.fromfile(f"{s.dir}/colours.u32", np.uint32).reshape(-1, 4)
x, counts = colours[:, :3].astype(np.float32) / 127.5 - 1, colours[:, 3].astype(np.float32)
del colours
kmeans = KMeans(s.k, n_init=s.restarts, max_iter=s.iterations, tol=s.tolerance, random_state=0)
start = time.perf_counter()
kmeans.fit(x, sample_weight=counts)
seconds = time.perf_counter() - start
inertia = kmeans.inertia_ / counts.sum(dtype=np.float64)
note = f"{len(x)} colours, inertia {inertia:.7f} a pixel after {kmeans.n_iter_} iterations"
common.report("palette", f"scikit-learn {sklearn.__version__}", seconds, "s", note)
