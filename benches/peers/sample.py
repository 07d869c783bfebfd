"""Drawing with Hugging Face's `generate`, keys and values kept, from the network that igpt wrote."""

import time

import torch
import transformers

import common

s = common.settings(device="cpu")
torch.set_num_threads(s.threads)
model = transformers.ImageGPTForCausalImageModeling.from_pretrained(f"{s.dir}/model").to(s.device).eval()
start_tokens = torch.full((s.images, 1), s.k, device=s.device)


def draw(tokens):
    drawn = model.generate(start_tokens, do_sample=True, top_k=0, temperature=1.0, use_cache=True,
                           min_new_tokens=tokens, max_new_tokens=tokens, pad_token_id=s.k)
    assert drawn.shape == (s.images, 1 + tokens)


with torch.inference_mode():
    draw(4)
    start = time.perf_counter()
    draw(s.tokens)
    seconds = time.perf_counter() - start
common.report("sample", f"Hugging Face {transformers.__version__}", s.images * s.tokens / seconds, "tokens/s")
