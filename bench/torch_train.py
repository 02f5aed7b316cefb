"""The PyTorch peer of `trn bench --train`: a Llama of bench/llama_10m.json (or another config.json) in eager PyTorch on the CPU.

Prints one JSON object: training tokens per second with fp32 weights and with bfloat16 autocast over fp32 weights, and decode tokens per
second at batch 1 with a key-value cache. Medians over steps after a warm-up. Runs as people write it: torch.nn modules, scaled dot
product attention, AdamW, clipping of the gradient's norm.
"""
import argparse
import json
import os
import statistics
import sys
import time

try:
    import torch
    import torch.nn as nn
    import torch.nn.functional as F
except ImportError:
    print(json.dumps({"error": "this Python has no PyTorch"}))
    sys.exit(0)


class Config:
    def __init__(self, fields):
        self.d = fields["hidden_size"]
        self.ff = fields["intermediate_size"]
        self.layers = fields["num_hidden_layers"]
        self.heads = fields["num_attention_heads"]
        self.kv_heads = fields.get("num_key_value_heads", self.heads)
        self.head = fields.get("head_dim") or self.d // self.heads
        self.vocab = fields["vocab_size"]
        self.positions = fields["max_position_embeddings"]
        self.eps = fields.get("rms_norm_eps", 1e-5)
        self.theta = fields.get("rope_theta", 10000.0)
        self.std = fields.get("initializer_range", 0.02)
        self.tied = fields.get("tie_word_embeddings", False)


class RMSNorm(nn.Module):
    def __init__(self, d, eps):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(d))
        self.eps = eps

    def forward(self, x):
        wide = x.float()
        wide = wide * torch.rsqrt(wide.pow(2).mean(-1, keepdim=True) + self.eps)
        return self.weight * wide.to(x.dtype)


def rotary(c):
    """Cosines and sines, [positions, head]."""
    inverse = 1.0 / c.theta ** (torch.arange(0, c.head, 2).float() / c.head)
    angles = torch.outer(torch.arange(c.positions).float(), inverse)
    both = torch.cat((angles, angles), -1)
    return both.cos(), both.sin()


def rotate(x, cos, sin):
    low, high = x.chunk(2, -1)
    return (x * cos + torch.cat((-high, low), -1) * sin).to(x.dtype)


class Attention(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.c = c
        self.q = nn.Linear(c.d, c.heads * c.head, bias=False)
        self.k = nn.Linear(c.d, c.kv_heads * c.head, bias=False)
        self.v = nn.Linear(c.d, c.kv_heads * c.head, bias=False)
        self.o = nn.Linear(c.heads * c.head, c.d, bias=False)

    def forward(self, x, cos, sin, cache=None, at=0):
        b, n, _ = x.shape
        c = self.c
        q = rotate(self.q(x).view(b, n, c.heads, c.head).transpose(1, 2), cos, sin)
        k = rotate(self.k(x).view(b, n, c.kv_heads, c.head).transpose(1, 2), cos, sin)
        v = self.v(x).view(b, n, c.kv_heads, c.head).transpose(1, 2)
        if cache is not None:
            cache[0][:, :, at : at + n] = k
            cache[1][:, :, at : at + n] = v
            k, v = cache[0][:, :, : at + n], cache[1][:, :, : at + n]
        y = F.scaled_dot_product_attention(q, k, v, is_causal=n > 1, enable_gqa=c.heads != c.kv_heads)
        return self.o(y.transpose(1, 2).reshape(b, n, -1))


class Layer(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.input_norm = RMSNorm(c.d, c.eps)
        self.attention = Attention(c)
        self.post_norm = RMSNorm(c.d, c.eps)
        self.gate = nn.Linear(c.d, c.ff, bias=False)
        self.up = nn.Linear(c.d, c.ff, bias=False)
        self.down = nn.Linear(c.ff, c.d, bias=False)

    def forward(self, x, cos, sin, cache=None, at=0):
        x = x + self.attention(self.input_norm(x), cos, sin, cache, at)
        h = self.post_norm(x)
        return x + self.down(F.silu(self.gate(h)) * self.up(h))


class Llama(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.c = c
        self.embed = nn.Embedding(c.vocab, c.d)
        self.layers = nn.ModuleList(Layer(c) for _ in range(c.layers))
        self.norm = RMSNorm(c.d, c.eps)
        self.head = nn.Linear(c.d, c.vocab, bias=False)
        for p in self.parameters():
            if p.dim() > 1:
                nn.init.normal_(p, std=c.std)
        if c.tied:
            self.head.weight = self.embed.weight
        cos, sin = rotary(c)
        self.register_buffer("cos", cos)
        self.register_buffer("sin", sin)

    def forward(self, tokens, caches=None, at=0):
        n = tokens.shape[1]
        x = self.embed(tokens)
        cos, sin = self.cos[at : at + n], self.sin[at : at + n]
        for i, layer in enumerate(self.layers):
            x = layer(x, cos, sin, caches[i] if caches else None, at)
        return self.head(self.norm(x))


def autocast(bf16):
    return torch.autocast("cpu", dtype=torch.bfloat16, enabled=bf16)


def train(c, batch, seq, steps, bf16):
    """Median seconds of a step, the first loss and the last."""
    torch.manual_seed(0)
    model = Llama(c)
    optimiser = torch.optim.AdamW(model.parameters(), lr=3e-4, betas=(0.9, 0.95), weight_decay=0.1)
    seconds, losses = [], []
    for step in range(steps + 3):
        tokens = torch.randint(c.vocab, (batch, seq + 1))
        started = time.perf_counter()
        with autocast(bf16):
            logits = model(tokens[:, :-1])
            loss = F.cross_entropy(logits.float().view(-1, c.vocab), tokens[:, 1:].reshape(-1))
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        losses.append(loss.item())
        if step >= 3:
            seconds.append(time.perf_counter() - started)
    return statistics.median(seconds), losses[0], losses[-1]


def decode(c, tokens, bf16):
    """Median seconds of a token, batch 1, after a prompt of one token; weights are bfloat16 where `bf16`."""
    torch.manual_seed(0)
    dtype = torch.bfloat16 if bf16 else torch.float32
    model = Llama(c).to(dtype)
    shape = (1, c.kv_heads, c.positions, c.head)
    caches = [(torch.zeros(shape, dtype=dtype), torch.zeros(shape, dtype=dtype)) for _ in range(c.layers)]
    token = torch.zeros((1, 1), dtype=torch.long)
    seconds = []
    with torch.inference_mode():
        for at in range(min(tokens, c.positions)):
            started = time.perf_counter()
            logits = model(token, caches, at)
            token = logits[:, -1:].argmax(-1)
            seconds.append(time.perf_counter() - started)
    return statistics.median(seconds[3:])


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    args = argparse.ArgumentParser()
    args.add_argument("--config", default=os.path.join(here, "llama_10m.json"))
    args.add_argument("--batch", type=int, default=8)
    args.add_argument("--seq", type=int, default=256)
    args.add_argument("--steps", type=int, default=10)
    args.add_argument("--threads", type=int, default=2)
    args.add_argument("--tokens", type=int, default=200)
    a = args.parse_args()
    torch.set_num_threads(a.threads)
    with open(a.config, encoding="utf-8") as f:
        c = Config(json.load(f))
    result = {
        "torch": torch.__version__,
        "threads": a.threads,
        "capability": torch.backends.cpu.get_cpu_capability(),
        "parameters": sum(p.numel() for p in Llama(c).parameters()),
        "batch": a.batch,
        "seq": a.seq,
        "train": {},
        "decode": {},
    }
    for name, bf16 in (("float32", False), ("bfloat16", True)):
        seconds, first, last = train(c, a.batch, a.seq, a.steps, bf16)
        result["train"][name] = {
            "seconds": seconds,
            "tokensPerSecond": a.batch * a.seq / seconds,
            "firstLoss": first,
            "lastLoss": last,
        }
        each = decode(c, a.tokens, bf16)
        result["decode"][name] = {"seconds": each, "tokensPerSecond": 1 / each}
    print(json.dumps(result))


if __name__ == "__main__":
    main()
