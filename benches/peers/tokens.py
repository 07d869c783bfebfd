"""The nearest of k colours for every pixel: mode=ckdtree is scipy's k-d tree, mode=huggingface ImageGPT's image
processor."""

import time

import numpy as np

import common

s = common.settings()
pixels = np.fromfile(f"{s.dir}/pixels.u8", np.uint8).reshape(-1, s.size, s.size, 3)[:s.images]
centres = np.fromfile(f"{s.dir}/centres.f32", np.float32).reshape(-1, 3)


def ckdtree():
    import scipy
    from scipy.spatial import cKDTree

    def run():
        tree = cKDTree(centres)
        # A thousand images at a time: more of them would only take memory.
        parts = np.array_split(pixels.reshape(-1, 3), max(1, len(pixels) // 1000))
        return np.concatenate([tree.query(part / np.float32(127.5) - 1, workers=s.threads)[1] for part in parts])

    return f"cKDTree (SciPy {scipy.__version__})", run


def huggingface():
    import torch
    import transformers

    torch.set_num_threads(s.threads)
    # From version 5 the processor is one on PyTorch; that on NumPy is the faster of the two on a CPU.
    kind = getattr(transformers, "ImageGPTImageProcessorPil", transformers.ImageGPTImageProcessor)
    processor = kind(clusters=centres.tolist(), do_resize=False)

    def run():
        parts = [processor([image], return_tensors="np")["input_ids"] for image in pixels]
        return np.concatenate(parts)

    return f"Hugging Face {transformers.__version__}", run


name, run = {"ckdtree": ckdtree, "huggingface": huggingface}[s.mode]()
start = time.perf_counter()
tokens = run()
seconds = time.perf_counter() - start
peak = common.peak_bytes()
checked = tokens.reshape(-1)[:s.checked * s.size * s.size].sum(dtype=np.int64)
note = f"tokens of {s.checked} images add up to {checked}"
common.report("tokens", name, pixels.size / 3 / seconds / 1e6, "Mpx/s", note, peak)
