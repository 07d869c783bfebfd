"""Logistic regression of scikit-learn in f32, with the objective of igpt's probes."""

import time

import numpy as np
import sklearn
from scipy.special import logsumexp
from sklearn.linear_model import LogisticRegression

import common

s = common.settings()
x = np.fromfile(f"{s.dir}/features.f32", np.float32).reshape(-1, s.dims)
y = np.fromfile(f"{s.dir}/classes.u32", np.uint32).astype(np.int64)
fit = LogisticRegression(C=1 / (s.l2 * len(x)), tol=s.tolerance, max_iter=s.max_iterations)
start = time.perf_counter()
fit.fit(x, y)
seconds = time.perf_counter() - start

# What was minimised, in f64: the mean negative log-likelihood and the penalty.
peak = common.peak_bytes()
logits = x @ fit.coef_.T.astype(np.float64) + fit.intercept_
nll = np.mean(logsumexp(logits, axis=1) - logits[np.arange(len(y)), y])
objective = nll + s.l2 / 2 * np.sum(fit.coef_.astype(np.float64) ** 2)
note = f"objective {objective:.7f} after {fit.n_iter_.max()} iterations"
common.report("probe", f"scikit-learn {sklearn.__version__}", seconds, "s", note, peak)
