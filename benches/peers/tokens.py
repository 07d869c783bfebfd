"""Pixels to the nearest of k colours with a k-d tree, and with the image processor of Image GPT's port.

    tokens.py PIXELS [CENTRES] [--peer ckdtree|processor] [--pixels N] [--save tokens.npy]

PIXELS is an .npy of RGB bytes or a Parquet file of images (see pixels.py); CENTRES is a kmeans_centers.npy, [k, 3] in
[-1, 1]; without it 512 colours are drawn. Prints one line of JSON; `value` is million pixels a second.
"""

import argparse
import json
import os
import resource
import time

THREADS = 2
os.environ.update(OMP_NUM_THREADS=str(THREADS), OPENBLAS_NUM_THREADS=str(THREADS))

import numpy as np
from pixels import read

arguments = argparse.ArgumentParser()
arguments.add_argument("pixels")
arguments.add_argument("centres", nargs="?")
arguments.add_argument("--peer", choices=["ckdtree", "processor"], default="ckdtree")
arguments.add_argument("--pixels", dest="limit", type=int)
arguments.add_argument("--save")
options = arguments.parse_args()

rgb = read(options.pixels)
# The processor is so slow that a share of the pixels says enough.
limit = options.limit or (1 << 20 if options.peer == "processor" else len(rgb))
rgb = np.ascontiguousarray(rgb[: limit // 1024 * 1024])
if options.centres:
    centres = np.load(options.centres).astype(np.float32)
else:
    centres = np.random.default_rng(0).uniform(-1, 1, size=(512, 3)).astype(np.float32)


def with_tree():
    import scipy
    from scipy.spatial import cKDTree

    def tokens():
        tree = cKDTree(centres.astype(np.float64))
        # In parts: the tree wants f64, eight times the bytes.
        parts = np.array_split(rgb, max(1, len(rgb) >> 22))
        return np.concatenate([tree.query(part / 127.5 - 1.0, workers=THREADS)[1] for part in parts])

    return f"scipy {scipy.__version__} cKDTree ({THREADS} workers)", tokens


def with_processor():
    import transformers

    kind = getattr(transformers, "ImageGPTImageProcessor")
    processor = kind(clusters=centres.tolist(), do_resize=False)
    images = list(rgb.reshape(-1, 32, 32, 3))

    def tokens():
        parts = (processor(images=images[i : i + 64], return_tensors="np") for i in range(0, len(images), 64))
        return np.concatenate([np.asarray(part["input_ids"]).reshape(-1) for part in parts])

    return f"transformers {transformers.__version__} ImageGPTImageProcessor", tokens


name, tokens = with_tree() if options.peer == "ckdtree" else with_processor()
begin = time.perf_counter()
found = tokens()
seconds = time.perf_counter() - begin
if options.save:
    np.save(options.save, found.astype(np.uint16))
print(
    json.dumps(
        {
            "row": f"tokens: {len(rgb)} pixels, {len(centres)} colours",
            "peer": name,
            "value": len(rgb) / seconds / 1e6,
            "unit": "Mpx/s",
            "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        }
    )
)
