"""A feature pass: mode=sdpa is PyTorch's fused attention, the forward pass alone; mode=huggingface is the published
port, all hidden states averaged over positions."""

import time

import torch

import common
from image_gpt import ImageGpt

s = common.settings(device="cpu")
torch.set_num_threads(s.threads)
if s.mode == "huggingface":
    import transformers

    name = f"Hugging Face {transformers.__version__}"
    model = transformers.ImageGPTModel.from_pretrained(f"{s.dir}/model").to(s.device).eval()

    def run(x):
        states = model(x, output_hidden_states=True, use_cache=False).hidden_states
        return torch.stack([state.mean(1) for state in states]).cpu().numpy()
else:
    name = f"PyTorch {torch.__version__} forward"
    model = ImageGpt(s).to(s.device).eval()

    def run(x):
        return model.stream(x).mean(1).cpu().numpy()

images = torch.randint(0, s.k, (s.images, s.n_positions), device=s.device)
with torch.inference_mode():
    run(images[:s.batch_size])
    start = time.perf_counter()
    for batch in images.split(s.batch_size):
        run(batch)
    seconds = time.perf_counter() - start
common.report("features", name, images.numel() / seconds, "tokens/s")
