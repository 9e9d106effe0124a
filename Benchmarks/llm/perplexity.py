"""Perplexity of a Hugging Face folder on a text, computed by transformers in float32.

    python perplexity.py FOLDER TEXT --sequence-length N [--windows K] [--reference FLOAT_FOLDER] [--threads 1]

The text is tokenized whole, with no special tokens added, and cut into consecutive windows of N tokens that do not overlap; what is left
over at the end is not used. Each window is N - 1 predictions. Printed: exp of the mean negative log likelihood over all predictions;
with --reference also the mean Kullback-Leibler divergence of the predicted distributions from those of another folder's model. A quantized
network can by luck predict a text better than it should; its divergence from the float network shows that.

FOLDER is a float model, or one quantized as `compressed-tensors` or `gptq`. The libraries that own these formats read the weights
(compressed-tensors, GPTQModel); every quantized layer is then replaced by a float32 one with the same weights, since some of their
CPU kernels compute in 16 bits, which would blur differences.
"""

import argparse
import contextlib
import json
import math
import sys
from pathlib import Path

import peer


def float_model(folder):
    """Returns the folder's model with all weights as float32 values, whatever they are stored as."""
    import torch
    from transformers import AutoModelForCausalLM

    settings = json.loads((folder / "config.json").read_text()).get("quantization_config", {})
    method = settings.get("quant_method")
    if method is None:
        return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    if method == "compressed-tensors":
        from transformers import CompressedTensorsConfig

        return AutoModelForCausalLM.from_pretrained(
            folder, dtype=torch.float32, quantization_config=CompressedTensorsConfig(dequantize=True)).float()
    if method == "gptq":
        return dequantized_gptq(folder)
    raise SystemExit(f"{folder}: unknown quant_method {method}")


def dequantized_gptq(folder):
    """Returns a float32 model with the weights of a folder written as `gptq`, unpacked by GPTQModel.

    GPTQModel holds scales in 16 bits and, unless told otherwise, rounds them to bfloat16 on a CPU: it is told float16, as they are stored, and
    everything that is not quantized comes from the files.
    """
    import torch
    from safetensors.torch import load_file
    from transformers import AutoConfig, AutoModelForCausalLM
    from transformers.pytorch_utils import Conv1D

    with contextlib.redirect_stdout(sys.stderr):  # GPTQModel logs to standard output
        from gptqmodel import BACKEND, GPTQModel

        quantized = GPTQModel.load(str(folder), backend=BACKEND.TORCH, device="cpu", dtype=torch.float16).model
    weights = {}
    for name, module in quantized.named_modules():
        if hasattr(module, "dequantize_weight"):
            module.scales = module.scales.float()  # code * scale is exact in float32
            weights[name + ".weight"] = module.dequantize_weight().T.contiguous()
    packed = (".qweight", ".qzeros", ".scales", ".g_idx")
    stored = set()
    for file in folder.glob("*.safetensors"):
        tensors = load_file(file)
        stored |= tensors.keys()
        weights |= {name: tensor.float() for name, tensor in tensors.items() if not name.endswith(packed)}
    configuration = AutoConfig.from_pretrained(folder)
    del configuration.quantization_config
    model = AutoModelForCausalLM.from_config(configuration, dtype=torch.float32)
    for name, module in model.named_modules():
        if isinstance(module, Conv1D) and name + ".qweight" in stored:  # GPT-2 holds inputs x outputs
            weights[name + ".weight"] = weights[name + ".weight"].T.contiguous()
    missing, unexpected = model.load_state_dict(weights, strict=False)
    if unexpected or set(missing) - set(getattr(model, "_tied_weights_keys", None) or {}):
        raise SystemExit(f"{folder}: tensors missing: {missing}; not expected: {unexpected}")
    model.tie_weights()
    return model


def main():
    parser = argparse.ArgumentParser(description="Perplexity of a Hugging Face folder on a text, in float32.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("text", type=Path)
    parser.add_argument("--sequence-length", type=int, required=True, metavar="N")
    parser.add_argument("--windows", type=int, help="use the first K windows only", metavar="K")
    parser.add_argument("--reference", type=Path, help="also print the divergence from this float model")
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()

    peer.use_threads(arguments.threads)
    import torch

    torch.set_num_threads(arguments.threads)
    length = arguments.sequence_length
    ids = peer.text_ids(arguments.folder, arguments.text)
    windows = torch.from_numpy(ids[:len(ids) // length * length].reshape(-1, length))[:arguments.windows]
    if len(windows) == 0:
        parser.error(f"{arguments.text} has {len(ids)} tokens, less than one window of {length}")

    model = float_model(arguments.folder).eval()
    reference = float_model(arguments.reference).eval() if arguments.reference else None
    loss = divergence = 0.0
    with torch.no_grad():
        for window in windows:
            logits = model(input_ids=window[None]).logits[0, :-1].log_softmax(-1)
            loss += torch.nn.functional.nll_loss(logits, window[1:], reduction="sum").item()
            if reference is not None:
                expected = reference(input_ids=window[None]).logits[0, :-1].log_softmax(-1)
                divergence += torch.nn.functional.kl_div(logits, expected, reduction="sum", log_target=True).item()
    count = len(windows) * (length - 1)
    text = f"perplexity {math.exp(loss / count):.4f}, mean loss {loss / count:.6f}, {len(windows)} windows of {length}"
    if reference is not None:
        text += f", divergence {divergence / count:.6f}"
    print(f"{arguments.folder.name}: {text}")


if __name__ == "__main__":
    main()
