"""Loads a model folder with transformers and says what it makes of some tokens and an image.

    python load_export.py FOLDER IN.json OUT.json

IN: {"tokens": [[…]], "image": rows of columns of [r, g, b]}
OUT: {"logits": flat, "image_tokens": flat, "problems": names that did not fit}
"""

import json
import sys

import numpy as np
import torch
from transformers import ImageGPTForCausalImageModeling, ImageGPTImageProcessor

folder, source, target = sys.argv[1:]
with open(source) as file:
    given = json.load(file)
model, info = ImageGPTForCausalImageModeling.from_pretrained(folder, output_loading_info=True)
problems = [str(name) for key in ("missing_keys", "unexpected_keys", "mismatched_keys") for name in info[key]]
tokens = torch.tensor(given["tokens"])
start = torch.full((len(tokens), 1), model.config.vocab_size - 1)
with torch.no_grad():
    logits = model.eval()(torch.cat([start, tokens[:, :-1]], 1)).logits
processor = ImageGPTImageProcessor.from_pretrained(folder)
image = np.array(given["image"], dtype=np.uint8)
pixels = processor(images=image, return_tensors="np")
image_tokens = np.asarray(pixels["input_ids"]).reshape(-1)
with open(target, "w") as file:
    json.dump({"logits": logits.reshape(-1).tolist(), "image_tokens": image_tokens.tolist(), "problems": problems}, file)
