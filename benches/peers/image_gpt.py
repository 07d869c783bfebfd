"""Image GPT in PyTorch with fused attention, as one would write it today."""

import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.ln_1, self.ln_2 = nn.RMSNorm(width, eps=1e-5), nn.RMSNorm(width, eps=1e-5)
        self.c_attn, self.c_proj = nn.Linear(width, 3 * width, bias=False), nn.Linear(width, width, bias=False)
        self.c_fc, self.mlp_proj = nn.Linear(width, 4 * width, bias=False), nn.Linear(4 * width, width, bias=False)

    def forward(self, x):
        b, t, d = x.shape
        q, k, v = self.c_attn(self.ln_1(x)).view(b, t, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4)
        a = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.c_proj(a.transpose(1, 2).reshape(b, t, d))
        u = self.c_fc(self.ln_2(x))
        return x + self.mlp_proj(u * torch.sigmoid(1.702 * u))


class ImageGpt(nn.Module):
    def __init__(self, s, recompute=False):
        super().__init__()
        self.recompute = recompute
        self.wte, self.wpe = nn.Embedding(s.k + 1, s.n_embd), nn.Parameter(0.01 * torch.randn(s.n_positions, s.n_embd))
        self.h = nn.ModuleList(Block(s.n_embd, s.n_head) for _ in range(s.n_layer))
        self.ln_f, self.lm_head = nn.RMSNorm(s.n_embd, eps=1e-5), nn.Linear(s.n_embd, s.k, bias=False)

    def stream(self, x):
        """[B, T] tokens to what leaves the final norm, [B, T, d]."""
        z = self.wte(x) + self.wpe
        for block in self.h:
            z = checkpoint(block, z, use_reentrant=False) if self.recompute else block(z)
        return self.ln_f(z)

    def forward(self, x, y):
        return F.cross_entropy(self.lm_head(self.stream(x)).flatten(0, 1), y.flatten())
