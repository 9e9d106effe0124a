"""Makes a Llama of random bfloat16 weights for measurements of memory, and token ids to calibrate it on.

    python make_model.py FOLDER [--blocks 32] [--hidden 2048] [--intermediate 5632] [--sequences 8] [--length 128]

FOLDER gets config.json, model.safetensors and calibration.npy. The default has 1.48 billion parameters and 2.95 GB. Tensors are made
and written one by one, so the script needs no more memory than the largest takes. Nothing but time and memory can be learned from it.
"""

import argparse
import json
import struct
from pathlib import Path

import numpy


def shapes(settings):
    hidden, intermediate, vocabulary = settings.hidden, settings.intermediate, settings.vocabulary
    keys = hidden // 4
    yield "lm_head.weight", (vocabulary, hidden)
    yield "model.embed_tokens.weight", (vocabulary, hidden)
    for block in range(settings.blocks):
        name = f"model.layers.{block}."
        yield name + "input_layernorm.weight", (hidden,)
        yield name + "mlp.down_proj.weight", (hidden, intermediate)
        yield name + "mlp.gate_proj.weight", (intermediate, hidden)
        yield name + "mlp.up_proj.weight", (intermediate, hidden)
        yield name + "post_attention_layernorm.weight", (hidden,)
        yield name + "self_attn.k_proj.weight", (keys, hidden)
        yield name + "self_attn.o_proj.weight", (hidden, hidden)
        yield name + "self_attn.q_proj.weight", (hidden, hidden)
        yield name + "self_attn.v_proj.weight", (keys, hidden)
    yield "model.norm.weight", (hidden,)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--blocks", type=int, default=32)
    parser.add_argument("--hidden", type=int, default=2048)
    parser.add_argument("--intermediate", type=int, default=5632)
    parser.add_argument("--vocabulary", type=int, default=8192)
    parser.add_argument("--sequences", type=int, default=8)
    parser.add_argument("--length", type=int, default=128)
    settings = parser.parse_args()

    settings.folder.mkdir(parents=True, exist_ok=True)
    heads = settings.hidden // 64
    (settings.folder / "config.json").write_text(json.dumps({
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "dtype": "bfloat16",
        "hidden_size": settings.hidden, "intermediate_size": settings.intermediate,
        "num_hidden_layers": settings.blocks, "num_attention_heads": heads, "num_key_value_heads": heads // 4,
        "vocab_size": settings.vocabulary, "max_position_embeddings": 2048, "rms_norm_eps": 1e-5,
        "rope_theta": 10000.0, "hidden_act": "silu", "tie_word_embeddings": False}, indent=1))

    header, offset = {}, 0
    for name, shape in shapes(settings):
        size = 2 * int(numpy.prod(shape))
        header[name] = {"dtype": "BF16", "shape": list(shape), "data_offsets": [offset, offset + size]}
        offset += size
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    generator = numpy.random.default_rng(0)
    with open(settings.folder / "model.safetensors", "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for name, shape in shapes(settings):
            values = generator.standard_normal(shape, dtype=numpy.float32)
            values = 1 + 0.1 * values if len(shape) == 1 else 0.02 * values
            # The upper half of a float32 is a bfloat16.
            file.write((values.view(numpy.uint32) >> 16).astype(numpy.uint16).tobytes())
    ids = generator.integers(0, settings.vocabulary, (settings.sequences, settings.length), dtype=numpy.int32)
    numpy.save(settings.folder / "calibration.npy", ids)
    print(f"{settings.folder}: {offset // 2:,} parameters, {offset:,} bytes")


if __name__ == "__main__":
    main()
