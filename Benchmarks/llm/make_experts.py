"""Makes a mixture of experts of random bfloat16 parameters, for times and memory: one layer of 128 experts of 768 x 2048 (those of
Qwen3-30B-A3B), 8 of which each token chooses, behind attention; and random token ids to calibrate it on.

    python make_experts.py FOLDER IDS.npy [--experts 128] [--hidden 2048] [--intermediate 768] [--layers 1] [--sequences 16] [--length 256]

Needs numpy only. Nothing but time and memory can be learned from it; the seed is fixed.
"""

import argparse
import json
import struct
from pathlib import Path

import numpy as np


def bfloat16(values):
    """The upper halves of float32, rounded to nearest (ties away from zero: good enough for noise)."""
    return ((values.astype(np.float32).view(np.uint32) + 0x8000) >> 16).astype(np.uint16)


def main():
    parser = argparse.ArgumentParser(description="Makes a mixture of experts of random parameters.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("ids", type=Path)
    for name, value in dict(experts=128, hidden=2048, intermediate=768, layers=1, sequences=16, length=256).items():
        parser.add_argument(f"--{name}", type=int, default=value)
    arguments = parser.parse_args()
    hidden, vocabulary, heads, key_heads, width = arguments.hidden, 1024, 16, 4, 64

    arguments.folder.mkdir(parents=True, exist_ok=True)
    (arguments.folder / "config.json").write_text(json.dumps({
        "architectures": ["Qwen3MoeForCausalLM"], "model_type": "qwen3_moe", "attention_bias": False, "bos_token_id": 1,
        "eos_token_id": 2, "decoder_sparse_step": 1, "dtype": "bfloat16", "head_dim": width, "hidden_act": "silu",
        "hidden_size": hidden, "intermediate_size": 4 * hidden, "max_position_embeddings": 4096, "mlp_only_layers": [],
        "moe_intermediate_size": arguments.intermediate, "norm_topk_prob": True, "num_attention_heads": heads,
        "num_experts_per_tok": 8, "num_hidden_layers": arguments.layers, "num_key_value_heads": key_heads,
        "num_experts": arguments.experts, "rms_norm_eps": 1e-6, "rope_theta": 10000.0, "tie_word_embeddings": False,
        "use_sliding_window": False, "vocab_size": vocabulary}, indent=1))

    shapes = {"model.embed_tokens.weight": (vocabulary, hidden), "lm_head.weight": (vocabulary, hidden),
              "model.norm.weight": (hidden,)}
    for layer in range(arguments.layers):
        prefix = f"model.layers.{layer}."
        attention = prefix + "self_attn."
        shapes |= {prefix + "input_layernorm.weight": (hidden,), prefix + "post_attention_layernorm.weight": (hidden,),
                   attention + "q_proj.weight": (heads * width, hidden),
                   attention + "k_proj.weight": (key_heads * width, hidden),
                   attention + "v_proj.weight": (key_heads * width, hidden),
                   attention + "o_proj.weight": (hidden, heads * width),
                   attention + "q_norm.weight": (width,), attention + "k_norm.weight": (width,),
                   prefix + "mlp.gate.weight": (arguments.experts, hidden)}
        for expert in range(arguments.experts):
            name = f"{prefix}mlp.experts.{expert}."
            shapes |= {name + "gate_proj.weight": (arguments.intermediate, hidden),
                       name + "up_proj.weight": (arguments.intermediate, hidden),
                       name + "down_proj.weight": (hidden, arguments.intermediate)}

    header, end = {}, 0
    for name, shape in shapes.items():
        size = 2 * int(np.prod(shape))
        header[name] = {"dtype": "BF16", "shape": list(shape), "data_offsets": [end, end + size]}
        end += size
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    generator = np.random.default_rng(0)
    with open(arguments.folder / "model.safetensors", "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for name, shape in shapes.items():
            values = generator.standard_normal(shape, np.float32)
            scale = 1 if "embed" in name else shape[-1] ** -0.5
            file.write(bfloat16(np.ones(shape) if len(shape) == 1 else values * scale).tobytes())
    np.save(arguments.ids, generator.integers(0, vocabulary, (arguments.sequences, arguments.length)))
    print(f"{arguments.folder}: {end / 2 / 1e6:.1f} M parameters")


if __name__ == "__main__":
    main()
