"""Hugging Face's ImageGPT drawing images with its cache: one JSON line. The sizes are those of igpt's own row."""

import json
import resource
import statistics
import time

import torch
from transformers import ImageGPTConfig, ImageGPTForCausalImageModeling

IMAGES, LENGTH, COLOURS = 8, 256, 512
RUNS = 5

torch.set_num_threads(2)
torch.manual_seed(1)
config = ImageGPTConfig(
    vocab_size=COLOURS + 1, n_positions=1024, n_embd=256, n_layer=8, n_head=8, resid_pdrop=0, embd_pdrop=0, attn_pdrop=0
)
model = ImageGPTForCausalImageModeling(config).eval()
start = torch.full((IMAGES, 1), COLOURS)


def seconds():
    begin = time.perf_counter()
    drawn = model.generate(
        start, attention_mask=torch.ones_like(start), max_length=LENGTH + 1, do_sample=True, use_cache=True, pad_token_id=0
    )
    assert drawn.shape == (IMAGES, LENGTH + 1)
    return time.perf_counter() - begin


with torch.no_grad():
    seconds()  # warms up
    median = statistics.median(seconds() for _ in range(RUNS))
print(
    json.dumps(
        {
            "row": "sample",
            "peer": "transformers generate",
            "value": round(IMAGES * LENGTH / median, 1),
            "unit": "tokens/s",
            "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        }
    )
)
