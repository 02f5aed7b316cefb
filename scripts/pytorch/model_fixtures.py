"""Writes packages/models/fixtures/pytorch: what PyTorch and Hugging Face's own classes compute for very small models.

    pip install torch transformers safetensors tokenizers
    python scripts/pytorch/model_fixtures.py

For every architecture a checkpoint as `save_pretrained` writes it, and `expected.json` with logits, loss, gradients and greedy tokens; rotary
frequencies; activations; token numbers; and a loss curve of 200 steps. Tests compare against the files, so that only whoever changes them needs PyTorch.
"""

import json
import math
import pathlib
import platform

import tokenizers
import torch
import transformers
from safetensors.torch import save_file
from transformers.activations import ACT2FN
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

root = pathlib.Path(__file__).resolve().parents[2] / "packages/models/fixtures"
out = root / "pytorch"
versions = {
    "torch": torch.__version__,
    "transformers": transformers.__version__,
    "tokenizers": tokenizers.__version__,
    "python": platform.python_version(),
}
torch.set_num_threads(1)
torch.use_deterministic_algorithms(True)


def rounded(x, digits=9):
    """Nested lists of numbers with as many digits as fp32 has."""
    if isinstance(x, torch.Tensor):
        x = x.detach().float().tolist()
    if isinstance(x, list):
        return [rounded(y, digits) for y in x]
    return float(f"{x:.{digits}g}")


def write(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value) + "\n")


def llama_style(**more):
    return {
        "vocab_size": 48,
        "hidden_size": 24,
        "intermediate_size": 40,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 32,
        "initializer_range": 0.3,
        "bos_token_id": 0,
        "eos_token_id": None,
        "pad_token_id": None,
        **more,
    }


stretch = {
    "rope_type": "llama3",
    "rope_theta": 10000.0,
    "factor": 4.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 8,
}
models = {
    "llama": (
        transformers.LlamaConfig(**llama_style(rope_parameters=stretch, tie_word_embeddings=True)),
        transformers.LlamaForCausalLM,
    ),
    "mistral": (
        transformers.MistralConfig(**llama_style(head_dim=8, sliding_window=None)),
        transformers.MistralForCausalLM,
    ),
    "qwen2": (transformers.Qwen2Config(**llama_style()), transformers.Qwen2ForCausalLM),
    "qwen3": (transformers.Qwen3Config(**llama_style(head_dim=8)), transformers.Qwen3ForCausalLM),
    "gpt2": (
        transformers.GPT2Config(
            vocab_size=48, n_positions=32, n_embd=24, n_layer=2, n_head=4, initializer_range=0.3,
            resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0, bos_token_id=0, eos_token_id=None,
        ),
        transformers.GPT2LMHeadModel,
    ),
}


def liven(model, generator):
    """Moves norms and biases away from one and zero, so that a missing one shows."""
    with torch.no_grad():
        for p in model.parameters():
            if p.dim() == 1:
                p.add_(torch.randn(p.shape, generator=generator) * 0.2)


def loss_of(logits, labels):
    return torch.nn.functional.cross_entropy(logits.flatten(0, 1).float(), labels.flatten(), ignore_index=-100)


def model_fixture(name, config, kind):
    torch.manual_seed(7)
    generator = torch.Generator().manual_seed(11)
    config._attn_implementation = "eager"
    model = kind(config).eval()
    liven(model, generator)
    folder = out / name
    model.save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)
    tokens = torch.randint(0, 48, (2, 7), generator=generator)
    labels = torch.randint(0, 48, (2, 7), generator=generator)
    labels[0, 2] = -100
    logits = model(tokens).logits
    loss = loss_of(logits, labels)
    loss.backward()
    gradients = {n: p.grad.clone() for n, p in model.named_parameters()}
    save_file(gradients, folder / "gradients.safetensors")
    prompt = tokens[:, :4]
    with torch.no_grad():
        mask = torch.ones_like(prompt)
        greedy = model.generate(prompt, attention_mask=mask, max_new_tokens=8, do_sample=False)[:, 4:]
        half = kind.from_pretrained(folder, dtype=torch.bfloat16, attn_implementation="eager").eval()
        narrow = half(tokens).logits
    write(
        folder / "expected.json",
        {
            "versions": versions,
            "tokens": tokens.tolist(),
            "labels": labels.tolist(),
            "logits": rounded(logits),
            "bfloat16_logits": rounded(narrow, 4),
            "loss": rounded(loss.item()),
            "prompt": prompt.tolist(),
            "greedy": greedy.tolist(),
        },
    )


ropes = {
    "default": {"rope_type": "default"},
    "linear": {"rope_type": "linear", "factor": 2.5},
    "dynamic": {"rope_type": "dynamic", "factor": 3.0},
    "llama3": {**stretch, "factor": 8.0, "original_max_position_embeddings": 64},
    "yarn": {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 64},
    "yarn, given betas": {
        "rope_type": "yarn", "factor": 16.0, "beta_fast": 8.0, "beta_slow": 2.0,
        "original_max_position_embeddings": 128, "truncate": False,
    },
    "yarn, deepseek weights": {
        "rope_type": "yarn", "factor": 40.0, "mscale": 1.0, "mscale_all_dim": 0.707,
        "original_max_position_embeddings": 128,
    },
}


def rope_fixture():
    cases = []
    length = 600
    for name, parameters in ropes.items():
        parameters = {"rope_theta": 10000.0, **parameters}
        config = transformers.LlamaConfig(
            hidden_size=64, num_attention_heads=2, max_position_embeddings=256, rope_parameters=parameters
        )
        if parameters["rope_type"] == "default":
            turns = torch.arange(0, 32, 2).float() / 32
            frequencies, factor = 1.0 / (10000.0**turns), 1.0
        else:
            frequencies, factor = ROPE_INIT_FUNCTIONS[parameters["rope_type"]](config, "cpu", seq_len=length)
        cases.append(
            {
                "name": name,
                "config": json.loads(config.to_json_string(use_diff=False)),
                "length": length,
                "frequencies": rounded(frequencies),
                "factor": rounded(factor, 12),
            }
        )
    write(out / "rope.json", {"versions": versions, "cases": cases})


def activation_fixture():
    x = torch.linspace(-6, 6, 97)
    names = ["silu", "gelu", "gelu_new", "gelu_pytorch_tanh", "gelu_fast", "quick_gelu", "relu"]
    made = {name: rounded(ACT2FN[name](x.double())) for name in names}
    write(out / "activations.json", {"versions": versions, "x": rounded(x), "y": made})


def tokenizer_fixture():
    """Numbers of texts by the Rust library, from a tokenizer.json of ours (`trainTokenizer`, 400 tokens of the chapter)."""
    tokenizer = tokenizers.Tokenizer.from_file(str(root / "tokenizer" / "tokenizer.json"))
    chapter = (root / "moby-dick-chapter-1.txt").read_text(encoding="utf-8")
    texts = [
        chapter[:2000], "Call me Ishmael.", "  two spaces,\ttab\n\n\nlines  ", "it's we'll I'd don't", "naïve café — “quotes”",
        "🐋🌊 é", "日本語のテキスト", "1234567 3.14", "<|endoftext|>after", "a\u0000b\x7f", "", " ", "ſ'S ‘tis",
    ]
    cases = [{"text": text, "ids": tokenizer.encode(text).ids} for text in texts]
    write(out / "tokenizer.json", {"versions": versions, "cases": cases})


def curve_fixture():
    """200 steps of AdamW on a text, bytes as tokens; everything a test needs to do the same is in the file."""
    torch.manual_seed(3)
    config = transformers.LlamaConfig(
        vocab_size=256, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=64, initializer_range=0.1, tie_word_embeddings=True,
        bos_token_id=None, eos_token_id=None, pad_token_id=None,
    )
    config._attn_implementation = "eager"
    folder = out / "curve"
    transformers.LlamaForCausalLM(config).save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)
    text = (root / "moby-dick-chapter-1.txt").read_bytes()
    settings = {
        "text": "moby-dick-chapter-1.txt", "steps": 200, "batch": 4, "seq": 16, "lr": 0.003, "minimum_lr": 0.0003,
        "warmup": 20, "clip": 1.0, "beta1": 0.9, "beta2": 0.95, "epsilon": 1e-8, "weight_decay": 0.1,
    }
    batch, seq, steps = settings["batch"], settings["seq"], settings["steps"]

    def windows(step):
        """Row r of step s starts at byte 97 (4 s + r), around the text."""
        starts = [(97 * (batch * step + r)) % (len(text) - seq) for r in range(batch)]
        return torch.tensor([list(text[s : s + seq + 1]) for s in starts])

    def rate(step):
        if step < settings["warmup"]:
            return settings["lr"] * (step + 1) / settings["warmup"]
        done = (step - settings["warmup"]) / (steps - settings["warmup"])
        low, high = settings["minimum_lr"], settings["lr"]
        return low + (high - low) * 0.5 * (1 + math.cos(math.pi * done))

    def train(autocast):
        model = transformers.LlamaForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager")
        decay = [p for p in model.parameters() if p.dim() > 1]
        rest = [p for p in model.parameters() if p.dim() == 1]
        groups = [{"params": decay, "weight_decay": settings["weight_decay"]}, {"params": rest, "weight_decay": 0.0}]
        optimizer = torch.optim.AdamW(
            groups, lr=settings["lr"], betas=(settings["beta1"], settings["beta2"]), eps=settings["epsilon"]
        )
        losses, norms = [], []
        for step in range(steps):
            tokens = windows(step)
            for group in optimizer.param_groups:
                group["lr"] = rate(step)
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=autocast):
                logits = model(tokens[:, :-1]).logits
            loss = loss_of(logits, tokens[:, 1:])
            optimizer.zero_grad()
            loss.backward()
            norms.append(torch.nn.utils.clip_grad_norm_(model.parameters(), settings["clip"]).item())
            optimizer.step()
            losses.append(loss.item())
        return {"loss": rounded(losses), "gradient_norm": rounded(norms)}

    write(
        folder / "expected.json",
        {"versions": versions, "settings": settings, "float32": train(False), "bfloat16_autocast": train(True)},
    )


for model_name, (model_config, model_kind) in models.items():
    model_fixture(model_name, model_config, model_kind)
rope_fixture()
activation_fixture()
tokenizer_fixture()
curve_fixture()
