"""A PyTorch training step of the same network: layers width heads tokens batch eager|compile."""

import sys
import time

import torch
from torch import nn
from torch.nn import functional as F

layers, width, heads, tokens, batch = map(int, sys.argv[1:6])
compiled = sys.argv[6] == "compile"
device = "cuda" if torch.cuda.is_available() else "cpu"
if device == "cpu":
    torch.set_num_threads(2)
COLOURS = 16


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.ln_1, self.ln_2 = nn.RMSNorm(width, eps=1e-5), nn.RMSNorm(width, eps=1e-5)
        self.c_attn, self.c_proj = nn.Linear(width, 3 * width, bias=False), nn.Linear(width, width, bias=False)
        self.c_fc, self.mlp_proj = nn.Linear(width, 4 * width, bias=False), nn.Linear(4 * width, width, bias=False)

    def forward(self, x):
        b, t, d = x.shape
        q, k, v = self.c_attn(self.ln_1(x)).view(b, t, 3, heads, d // heads).permute(2, 0, 3, 1, 4)
        a = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.c_proj(a.transpose(1, 2).reshape(b, t, d))
        u = self.c_fc(self.ln_2(x))
        return x + self.mlp_proj(u * torch.sigmoid(1.702 * u))


class Gpt(nn.Module):
    def __init__(self):
        super().__init__()
        self.wte, self.wpe = nn.Embedding(COLOURS + 1, width), nn.Parameter(0.01 * torch.randn(tokens, width))
        self.h = nn.ModuleList(Block() for _ in range(layers))
        self.ln_f, self.lm_head = nn.RMSNorm(width, eps=1e-5), nn.Linear(width, COLOURS, bias=False)

    def forward(self, x, y):
        z = self.wte(x) + self.wpe
        for block in self.h:
            z = block(z)
        return F.cross_entropy(self.lm_head(self.ln_f(z)).flatten(0, 1), y.flatten())


model = Gpt().to(device)
run = torch.compile(model) if compiled else model
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, betas=(0.9, 0.95))
x, y = (torch.randint(0, COLOURS, (batch, tokens), device=device) for _ in range(2))
times = []
for _ in range(20 if device == "cuda" else 6):
    start = time.time()
    optimizer.zero_grad()
    loss = run(x, y)
    loss.backward()
    optimizer.step()
    if device == "cuda":
        torch.cuda.synchronize()
    times.append(time.time() - start)
median = sorted(times[2:])[len(times[2:]) // 2]
name = "compile" if compiled else "eager"
print(f"PyTorch {torch.__version__} {name} f32, L{layers} d{width} T{tokens} B{batch}: {batch * tokens / median:.0f} tokens/s")
