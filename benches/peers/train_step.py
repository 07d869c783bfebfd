"""A training step in PyTorch: mode=eager or mode=compile."""

import time

import torch

import common
from image_gpt import ImageGpt

s = common.settings(device="cpu", precision="f32", recompute="false")
torch.set_num_threads(s.threads)
model = ImageGpt(s, s.recompute == "true").to(s.device)
run = torch.compile(model) if s.mode == "compile" else model
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, betas=(0.9, 0.95))
x, y = (torch.randint(0, s.k, (s.batch_size, s.n_positions), device=s.device) for _ in range(2))
seconds = []
for _ in range(s.warm_up + s.steps):
    start = time.perf_counter()
    optimizer.zero_grad()
    with torch.autocast(torch.device(s.device).type, torch.bfloat16, enabled=s.precision == "bf16"):
        loss = run(x, y)
    loss.backward()
    optimizer.step()
    if s.device != "cpu":
        torch.cuda.synchronize()
    seconds.append(time.perf_counter() - start)
speed = s.batch_size * s.n_positions / common.median(seconds[s.warm_up:])
common.report("train", f"PyTorch {torch.__version__} {s.mode}", speed, "tokens/s")
