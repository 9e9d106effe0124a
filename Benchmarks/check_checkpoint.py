"""Loads a folder that `rankwise quantize` wrote in the libraries it is meant for, and compares weights bit for bit.

    python check_checkpoint.py MODEL OUTPUT [--tokens IDS.npy] [--gptqmodel]

The weights that OUTPUT stands for are computed here from its tensors, by the definition of the format, in NumPy. transformers
(with compressed-tensors, or optimum and GPTQModel for GPTQ) must arrive at the same weights, and its logits must be those of
MODEL with these weights. All other tensors must be MODEL's, byte for byte. With --tokens (sequences x length) the perplexities
of both are printed. --gptqmodel loads a GPTQ folder with GPTQModel itself, too.

Needs torch, transformers and safetensors, and compressed-tensors or optimum and GPTQModel. Exits with 1 if something differs.
"""

import argparse
import json
import os
import sys
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from transformers import AutoModelForCausalLM, CompressedTensorsConfig

failures = []


def check(condition, text):
    print(("ok    " if condition else "FAIL  ") + text)
    if not condition:
        failures.append(text)


def tensors(folder):
    """All tensors of a folder by name."""
    result = {}
    for file in sorted(Path(folder).glob("*.safetensors")):
        with safe_open(file, "pt") as content:
            for name in content.keys():
                result[name] = content.get_tensor(name)
    return result


def codes(words, bits, count):
    """The codes of each row of int32 words: a stream of bits, lowest first."""
    words = words.numpy().view(np.uint32)
    stream = np.unpackbits(words.view(np.uint8), axis=1, bitorder="little")[:, : count * bits]
    places = 1 << np.arange(bits)
    return torch.from_numpy((stream.reshape(len(words), count, bits) * places).sum(axis=2))


def compressed_tensors(stored, configuration):
    """Dequantized weights by module."""
    result = {}
    groups = configuration["config_groups"].values()
    for name in [name for name in stored if name.endswith(".weight_packed")]:
        module = name.removesuffix(".weight_packed")
        scheme = next(g["weights"] for g in groups if module in g["targets"] or g["targets"] == ["Linear"])
        bits = scheme["num_bits"]
        rows, columns = stored[module + ".weight_shape"].tolist()
        scale = stored[module + ".weight_scale"]
        q = codes(stored[name], bits, columns)
        zero = torch.full(scale.shape, 1 << (bits - 1))
        if not scheme["symmetric"]:
            packed = stored[module + ".weight_zero_point"].T.contiguous()
            zero = codes(packed, bits, rows).T
        repeat = columns // scale.shape[1]
        difference = (q - zero.repeat_interleave(repeat, dim=1)).to(scale.dtype)
        result[module] = difference * scale.repeat_interleave(repeat, dim=1)
    return result


def gptq(stored, configuration):
    """Dequantized weights by module, in float16."""
    result = {}
    bits = configuration["bits"]
    for name in [name for name in stored if name.endswith(".qweight")]:
        module = name.removesuffix(".qweight")
        scale = stored[module + ".scales"]
        groups, rows = scale.shape
        columns = stored[name].shape[0] * 32 // bits
        q = codes(stored[name].T.contiguous(), bits, columns)
        zero = codes(stored[module + ".qzeros"], bits, rows).T
        if configuration["checkpoint_format"] == "gptq":
            zero = (zero + 1) & ((1 << bits) - 1)
        index = stored[module + ".g_idx"].long()
        result[module] = ((q - zero[:, index]).half() * scale.T[:, index]).contiguous()
    return result


def perplexity(model, ids):
    total, count = 0.0, 0
    with torch.no_grad():
        for row in ids:
            logits = model(row[None]).logits[0, :-1].float()
            total += torch.nn.functional.cross_entropy(logits, row[1:], reduction="sum").item()
            count += len(row) - 1
    return float(np.exp(total / count))


def equal(a, b):
    return a.shape == b.shape and torch.equal(a, b)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("output")
    parser.add_argument("--tokens")
    parser.add_argument("--windows", type=int, default=16)
    parser.add_argument("--gptqmodel", action="store_true")
    arguments = parser.parse_args()
    torch.manual_seed(0)

    configuration = json.loads(Path(arguments.output, "config.json").read_text())["quantization_config"]
    is_gptq = configuration["quant_method"] == "gptq"
    before, after = tensors(arguments.model), tensors(arguments.output)
    weights = (gptq if is_gptq else compressed_tensors)(after, configuration)
    kept = [name for name in before if name.removesuffix(".weight") not in weights]
    check(
        all(name in after and before[name].dtype == after[name].dtype and equal(before[name], after[name]) for name in kept),
        f"{len(kept)} tensors are the model's own, {len(weights)} modules are packed")
    relative = max(
        ((weights[m].float() - before[m + ".weight"].float()).norm() / before[m + ".weight"].float().norm()).item()
        for m in weights)
    check(relative < 0.9, f"largest relative distance of a weight to the float one: {relative:.3f}")
    if is_gptq:
        beside = json.loads(Path(arguments.output, "quantize_config.json").read_text())
        check(beside == configuration, "quantize_config.json is quantization_config")

    # The model with these weights in floating point.
    dtype = torch.float32
    reference = AutoModelForCausalLM.from_pretrained(arguments.model, dtype=dtype)
    modules = dict(reference.named_modules())
    for name, weight in weights.items():
        modules[name].weight.data = weight.to(dtype)
    vocabulary = reference.config.vocab_size
    if arguments.tokens:
        ids = torch.from_numpy(np.load(arguments.tokens).astype(np.int64))[: arguments.windows]
    else:
        ids = torch.randint(0, vocabulary, (2, 32))
    with torch.no_grad():
        expected = reference(ids[:2]).logits

    def compare_logits(model, name, tolerance):
        with torch.no_grad():
            logits = model(ids[:2]).logits.float()
        error = (logits - expected).abs().max().item() / expected.abs().max().item()
        check(error <= tolerance, f"{name}: largest error of a logit {error:.2e} of the largest, at most {tolerance:.0e}")

    def compare_weights(found, name):
        differing = [module for module in weights if not equal(found[module].cpu(), weights[module])]
        check(not differing, f"{name}: all weights are bit for bit those of the file" + "".join(f"\n  not {m}" for m in differing))

    if is_gptq:
        # The kernels compute in half precision; the usual one for CPUs does not take every size of groups.
        from transformers import GPTQConfig

        model = AutoModelForCausalLM.from_pretrained(
            arguments.output, quantization_config=GPTQConfig(bits=configuration["bits"], backend="torch"))
        compare_logits(model, "transformers", 2e-2)
        loaded = dict(model.named_modules())
        check(not any(isinstance(loaded[m], torch.nn.Linear) for m in weights), "transformers: all packed modules stay packed")
        if arguments.gptqmodel:
            from gptqmodel import BACKEND, GPTQModel

            model = GPTQModel.load(arguments.output, device="cpu", backend=BACKEND.TORCH, dtype=torch.float16)
            loaded = {name.removeprefix("model."): module for name, module in model.named_modules()}
            found = {}
            for m in weights:
                module = loaded.get(m) or loaded[m.removeprefix("model.")]
                found[m] = module.dequantize_weight().T.half().contiguous()
            compare_weights(found, "GPTQModel")
    else:
        groups = configuration["config_groups"].values()
        is_symmetric = all(g["weights"]["symmetric"] for g in groups)
        if is_symmetric:
            # Asymmetric ones do not load this way in transformers 5.23 with compressed-tensors 0.20, whoever wrote them.
            model = AutoModelForCausalLM.from_pretrained(arguments.output)
            with torch.no_grad():
                model(ids[:1])  # unpacks the weights
            found = {m: dict(model.named_modules())[m].weight.data for m in weights}
            compare_weights(found, "transformers, packed")
        if len(groups) == 1:
            # With several groups this takes all modules for the first one's.
            model = AutoModelForCausalLM.from_pretrained(
                arguments.output, quantization_config=CompressedTensorsConfig(dequantize=True))
            compare_weights({m: dict(model.named_modules())[m].weight.data for m in weights}, "transformers, dequantized")
            if is_symmetric:
                model = AutoModelForCausalLM.from_pretrained(arguments.output)
        tolerance = 1e-5 if model.dtype == torch.float32 else 3e-2
        compare_logits(model, f"transformers, {model.dtype}", tolerance)
    if arguments.tokens:
        original = AutoModelForCausalLM.from_pretrained(arguments.model, dtype=dtype)
        print(
            f"perplexity of {len(ids)} x {ids.shape[1]} tokens: {perplexity(original, ids):.4f} before, "
            f"{perplexity(reference, ids):.4f} with the weights of the file, {perplexity(model, ids):.4f} as loaded")
    sys.stdout.flush()
    os._exit(1 if failures else 0)


main()
