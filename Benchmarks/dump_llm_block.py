"""Writes the layers of one block of a Llama-like model, with their float inputs on a text, for `rankwise compare`.

    python Benchmarks/dump_llm_block.py MODEL TEXT OUTPUT.npz [--block 10] [--windows 8] [--length 256]

MODEL is a Hugging Face folder (config.json, tokenizer.json, model.safetensors). OUTPUT has for each of the seven linear layers
NAME of the block NAME.weight (rows x columns) and NAME.inputs (tokens x columns). The forward pass is plain numpy in float32, so
that neither torch nor transformers is needed; `--check` runs transformers beside it and prints the largest difference of the
block's output. Needs numpy and tokenizers.
"""

import argparse
import json
import struct
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer


def read_safetensors(path):
    """The tensors of a file in float32, by name; read when asked for."""
    data = np.memmap(path, np.uint8, "r")
    size = struct.unpack("<Q", data[:8].tobytes())[0]
    header = json.loads(data[8 : 8 + size].tobytes())

    def tensor(name):
        entry = header[name]
        begin, end = entry["data_offsets"]
        raw = data[8 + size + begin : 8 + size + end]
        if entry["dtype"] == "BF16":
            return (raw.view(np.uint16).astype(np.uint32) << 16).view(np.float32).reshape(entry["shape"])
        kind = {"F32": np.float32, "F16": np.float16}[entry["dtype"]]
        return raw.view(kind).astype(np.float32).reshape(entry["shape"])

    return tensor


def normalized(x, weight, epsilon):
    return x / np.sqrt(np.mean(x * x, axis=-1, keepdims=True) + epsilon) * weight


def rotated(x, theta):
    """Rotary position embedding of (windows, heads, length, dimension), halves as in Llama."""
    length, size = x.shape[2:]
    frequencies = theta ** (-np.arange(0, size, 2, dtype=np.float64) / size)
    angles = np.concatenate([np.arange(length)[:, None] * frequencies] * 2, axis=1)
    half = np.concatenate([-x[..., size // 2 :], x[..., : size // 2]], axis=-1)
    return (x * np.cos(angles) + half * np.sin(angles)).astype(np.float32)


def block(x, index, tensor, config, record=None):
    """One decoder block on (windows, length, hidden); `record` gets (name, weight, inputs) of each linear layer."""

    def linear(name, inputs):
        weight = tensor(f"model.layers.{index}.{name}.weight")
        if record is not None:
            record(name.split(".")[-1].removesuffix("_proj"), weight, inputs.reshape(-1, inputs.shape[-1]))
        return inputs @ weight.T

    windows, length, hidden = x.shape
    heads, groups = config["num_attention_heads"], config["num_key_value_heads"]
    size = config.get("head_dim") or hidden // heads
    epsilon = config["rms_norm_eps"]
    theta = config.get("rope_theta") or config.get("rope_parameters", {}).get("rope_theta", 10000.0)

    def split(y, count):
        return y.reshape(windows, length, count, size).transpose(0, 2, 1, 3)

    h = normalized(x, tensor(f"model.layers.{index}.input_layernorm.weight"), epsilon)
    q = rotated(split(linear("self_attn.q_proj", h), heads), theta)
    k = rotated(split(linear("self_attn.k_proj", h), groups), theta).repeat(heads // groups, axis=1)
    v = split(linear("self_attn.v_proj", h), groups).repeat(heads // groups, axis=1)
    scores = q @ k.transpose(0, 1, 3, 2) / np.sqrt(np.float32(size))
    scores = np.where(np.tril(np.ones((length, length), bool)), scores, -np.inf)
    scores = np.exp(scores - scores.max(axis=-1, keepdims=True))
    mixed = (scores / scores.sum(axis=-1, keepdims=True)) @ v
    x = x + linear("self_attn.o_proj", mixed.transpose(0, 2, 1, 3).reshape(windows, length, heads * size))
    h = normalized(x, tensor(f"model.layers.{index}.post_attention_layernorm.weight"), epsilon)
    gate, up = linear("mlp.gate_proj", h), linear("mlp.up_proj", h)
    return x + linear("mlp.down_proj", gate / (1 + np.exp(-gate)) * up)


def check(folder, tokens, index, output):
    import torch
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    with torch.no_grad():
        states = model(torch.tensor(tokens.astype(np.int64)), output_hidden_states=True).hidden_states
    # The last state of transformers is normalized, so the last block has none to compare with.
    expected = states[index + 1].numpy()
    print(f"largest difference to transformers: {np.abs(output - expected).max():.2e} of {np.abs(expected).max():.2e}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("text", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--block", type=int, default=10)
    parser.add_argument("--windows", type=int, default=8)
    parser.add_argument("--length", type=int, default=256)
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()

    config = json.loads((options.model / "config.json").read_text())
    tensor = read_safetensors(options.model / "model.safetensors")
    ids = Tokenizer.from_file(str(options.model / "tokenizer.json")).encode(options.text.read_text()).ids
    count = options.windows * options.length
    if len(ids) < count:
        raise SystemExit(f"{options.text}: {len(ids)} tokens, {count} are needed")
    tokens = np.array(ids[:count]).reshape(options.windows, options.length)
    x = tensor("model.embed_tokens.weight")[tokens]
    for index in range(options.block):
        x = block(x, index, tensor, config)
    arrays = {}

    def record(name, weight, inputs):
        arrays[f"{name}.weight"] = np.ascontiguousarray(weight)
        arrays[f"{name}.inputs"] = np.ascontiguousarray(inputs.astype(np.float32))

    output = block(x, options.block, tensor, config, record)
    if options.check:
        check(options.model, tokens, options.block, output)
    np.savez(options.output, **arrays)
    print(f"{options.output}: {len(arrays) // 2} layers of block {options.block}, {count} tokens")


if __name__ == "__main__":
    main()
