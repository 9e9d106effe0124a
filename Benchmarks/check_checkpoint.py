"""Loads a folder that `rankwise quantize` wrote in the libraries it is meant for, and compares weights bit for bit.

    python check_checkpoint.py MODEL OUTPUT [--tokens IDS.npy] [--gptqmodel]

The weights that OUTPUT stands for are computed here from its tensors, by the definition of the format, in NumPy. transformers
(with compressed-tensors, or optimum and GPTQModel for GPTQ; GPTQModel alone for GPTQ's mixtures of experts) must arrive at the same weights, and its logits must be those of
MODEL with these weights. All other tensors must be MODEL's, byte for byte. With --tokens (sequences x length) the perplexities
of both are printed. --gptqmodel loads a GPTQ folder with GPTQModel itself, too.

Needs torch, transformers and safetensors, and compressed-tensors or optimum and GPTQModel. Exits with 1 if something differs.
"""

import argparse
import json
import os
import re
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM, CompressedTensorsConfig
from transformers.pytorch_utils import Conv1D

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


def fused_expert(modules, name):
    """The part of transformers' fused experts that is the weight of the module `name` of a file; None if it is none."""
    match = re.fullmatch(r"(.*)\.(?:mlp|block_sparse_moe)\.experts\.(\d+)\.(\w+)", name)
    if name in modules or not match:
        return None
    experts, index = modules[match[1] + ".mlp.experts"], int(match[2])
    if match[3] in ("down_proj", "w2"):
        return experts.down_proj.data[index]
    gate, up = experts.gate_up_proj.data[index].chunk(2)
    return gate if match[3] in ("gate_proj", "w1") else up


def weight_of(modules, name):
    """The weight in a model of transformers of the module that the files call `name`."""
    part = fused_expert(modules, name)
    return modules[name].weight.data if part is None else part


def renamed(text):
    """Names of Mixtral's files as transformers has them in memory."""
    text = re.sub(r"block_sparse_moe(\\*\.)", r"mlp\1", text)
    for file, memory in (("w1", "gate_proj"), ("w2", "down_proj"), ("w3", "up_proj")):
        text = re.sub(rf"(experts\.\d+\.){file}\b", rf"\1{memory}", text)
    return text


def renamed_copy(folder):
    """The folder itself, or if names differ a copy with the names that modules have in memory."""
    stored = tensors(folder)
    if all(renamed(name) == name for name in stored):
        return folder
    copy = tempfile.mkdtemp()
    for file in Path(folder).iterdir():
        if file.suffix == ".json" and not file.name.endswith(".index.json"):
            Path(copy, file.name).write_text(renamed(file.read_text()))
    save_file({renamed(name): tensor for name, tensor in stored.items()}, copy + "/model.safetensors", {"format": "pt"})
    return copy


def logits_are_half(model):
    return next(model.parameters()).dtype != torch.float32


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
    # The model with these weights in floating point.
    dtype = torch.float32
    reference = AutoModelForCausalLM.from_pretrained(arguments.model, dtype=dtype)
    modules = dict(reference.named_modules())

    def oriented(name, weight):
        """A Linear module's weight as the module has it: GPT-2's Conv1D holds inputs x outputs."""
        return weight.T.contiguous() if isinstance(modules.get(name), Conv1D) else weight

    def distance(name):
        stored = before[name + ".weight"].float()
        return ((oriented(name, weights[name]).float() - stored).norm() / stored.norm()).item()

    relative = max(map(distance, weights))
    check(relative < 0.9, f"largest relative distance of a weight to the float one: {relative:.3f}")
    if is_gptq:
        beside = json.loads(Path(arguments.output, "quantize_config.json").read_text())
        check(beside == configuration, "quantize_config.json is quantization_config")

    for name, weight in weights.items():
        weight_of(modules, name).copy_(oriented(name, weight).to(dtype))
    has_experts = any(fused_expert(modules, name) is not None for name in weights)
    is_transposed = any(isinstance(modules.get(name), Conv1D) for name in weights)
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
        errors = (logits - expected).abs().amax(dim=-1) / expected.abs().max()
        # Where half precision is all there is, a token near a tie may choose other experts: the median token counts.
        is_median = has_experts and logits_are_half(model)
        error = (errors.median() if is_median else errors.max()).item()
        text = "error of a token's logits, median," if is_median else "largest error of a logit"
        check(error <= tolerance, f"{name}: {text} {error:.2e} of the largest, at most {tolerance:.0e}")

    def compare_weights(found, name):
        differing = [module for module in weights if not equal(found[module].cpu(), weights[module])]
        check(not differing, f"{name}: all weights are bit for bit those of the file" + "".join(f"\n  not {m}" for m in differing))

    if is_gptq:
        # The kernels compute in half precision; the usual one for CPUs does not take every size of groups.
        from transformers import GPTQConfig

        if has_experts:
            # transformers 5.23 makes new, random weights for the experts of any GPTQ folder: it knows no packed fused ones.
            print("transformers does not read GPTQ's experts; GPTQModel does")
        elif is_transposed:
            # transformers 5.23 stops while it makes the modules of any GPT-2 in this format, GPTQModel's own too.
            print("transformers does not read a GPT-2 in GPTQ's format; GPTQModel does")
        else:
            model = AutoModelForCausalLM.from_pretrained(
                arguments.output, quantization_config=GPTQConfig(bits=configuration["bits"], backend="torch"))
            compare_logits(model, "transformers", 2e-2)
            loaded = dict(model.named_modules())
            check(
                not any(isinstance(loaded[m], torch.nn.Linear) for m in weights),
                "transformers: all packed modules stay packed")
        if arguments.gptqmodel or has_experts or is_transposed:
            from gptqmodel import BACKEND, GPTQModel

            if any(renamed(m) != m for m in weights):
                print("GPTQModel reads Mixtral by the names that modules have in memory: a copy with these is loaded")
            model = GPTQModel.load(renamed_copy(arguments.output), device="cpu", backend=BACKEND.TORCH, dtype=torch.float16)
            loaded = {name.removeprefix("model."): module for name, module in model.named_modules()}
            found = {}
            for m in weights:
                names = [renamed(m).removeprefix(p) for p in ("", "model.")]
                module = next(loaded[name] for name in names if name in loaded)
                found[m] = module.dequantize_weight().T.half().contiguous()
            compare_weights(found, "GPTQModel")
            if has_experts:
                compare_logits(model, "GPTQModel", 2e-2)
    else:
        groups = configuration["config_groups"].values()
        is_symmetric = all(g["weights"]["symmetric"] for g in groups)
        if is_symmetric:
            # Asymmetric ones do not load this way in transformers 5.23 with compressed-tensors 0.20, whoever wrote them.
            model = AutoModelForCausalLM.from_pretrained(arguments.output)
            with torch.no_grad():
                model(ids[:1])  # unpacks the weights
            found = {m: weight_of(dict(model.named_modules()), m) for m in weights}
            compare_weights(found, "transformers, packed")
        if len(groups) == 1:
            # With several groups this takes all modules for the first one's.
            model = AutoModelForCausalLM.from_pretrained(
                arguments.output, quantization_config=CompressedTensorsConfig(dequantize=True))
            found = {m: weight_of(dict(model.named_modules()), m) for m in weights}
            compare_weights(found, "transformers, dequantized")
            if is_symmetric and not has_experts:
                model = AutoModelForCausalLM.from_pretrained(arguments.output)
        if has_experts:
            # In half precision tokens near a tie choose other experts. The model's own method refuses.
            model = torch.nn.Module.float(model)
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
