"""Loads a classifier's folder with transformers and says what it makes of some tokens.

    python load_classifier.py FOLDER IN.json OUT.json

IN: {"tokens": [[…]]}
OUT: {"logits": flat, "names": of the classes, "problems": names that did not fit}
"""

import json
import sys

import torch
from transformers import ImageGPTForImageClassification

folder, source, target = sys.argv[1:]
with open(source) as file:
    given = json.load(file)
model, info = ImageGPTForImageClassification.from_pretrained(folder, output_loading_info=True)
problems = [str(name) for key in ("missing_keys", "unexpected_keys", "mismatched_keys") for name in info[key]]
tokens = torch.tensor(given["tokens"])
start = torch.full((len(tokens), 1), model.config.vocab_size - 1)
with torch.no_grad():
    logits = model.eval()(torch.cat([start, tokens[:, :-1]], 1)).logits
names = [model.config.id2label[i] for i in range(model.config.num_labels)]
with open(target, "w") as file:
    json.dump({"logits": logits.reshape(-1).tolist(), "names": names, "problems": problems}, file)
