"""Writes weights and Hessians of a network's convolutions, for obq-benchmark and compare_obc.py.

    layer_problems.py MODEL DATA --shapes 64x576,128x1152 [--samples N] [--mean LIST --std LIST] [--output FOLDER]

For each shape (rows x columns of the unfolded weight) the first ungrouped convolution that has it becomes
FOLDER/ROWSxCOLUMNS.safetensors with `weight` (float32) and `hessian` (float64), 2/N times the sum of x x^T over all
unfolded inputs x, which onnxruntime computes.
"""

import argparse
import json
import struct
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

import support


def write_safetensors(path, tensors):
    """Writes float32 and float64 arrays by name."""
    header, position = {}, 0
    for name, array in tensors.items():
        kind = {np.dtype(np.float32): "F32", np.dtype(np.float64): "F64"}[array.dtype]
        header[name] = {
            "dtype": kind, "shape": list(array.shape), "data_offsets": [position, position + array.nbytes]}
        position += array.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for array in tensors.values():
            file.write(np.ascontiguousarray(array).tobytes())


def unfold(inputs, kernel, strides, pads, dilations):
    """Returns columns x positions: what each output position of a convolution reads."""
    top, left, bottom, right = pads
    padded = np.pad(inputs, ((0, 0), (0, 0), (top, bottom), (left, right)))
    span = [dilation * (size - 1) + 1 for dilation, size in zip(dilations, kernel)]
    windows = np.lib.stride_tricks.sliding_window_view(padded, span, (2, 3))
    windows = windows[:, :, ::strides[0], ::strides[1], ::dilations[0], ::dilations[1]]
    return windows.transpose(1, 4, 5, 0, 2, 3).reshape(inputs.shape[1] * kernel[0] * kernel[1], -1)


def attributes(node):
    """The attributes of a convolution, with its defaults."""
    values = {"strides": [1, 1], "pads": [0, 0, 0, 0], "dilations": [1, 1], "group": 1}
    values.update({attribute.name: onnx.helper.get_attribute_value(attribute) for attribute in node.attribute})
    return values


def main():
    parser = argparse.ArgumentParser(description="Writes weights and Hessians of a network's convolutions.")
    parser.add_argument("model", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("--shapes", required=True)
    parser.add_argument("--samples", type=int)
    parser.add_argument("--mean", type=support.numbers)
    parser.add_argument("--std", type=support.numbers)
    parser.add_argument("--output", type=Path, default=support.ROOT / ".build/benchmarks/layers")
    arguments = parser.parse_args()
    model = onnx.load(arguments.model)
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    names = [value.name for value in model.graph.input if value.name not in constants]
    wanted = {}
    for shape in arguments.shapes.split(","):
        for node in model.graph.node:
            weight = constants.get(node.input[1]) if node.op_type == "Conv" else None
            if weight is None or attributes(node)["group"] != 1 or len(weight.dims) != 4:
                continue
            if shape == f"{weight.dims[0]}x{np.prod(weight.dims[1:])}":
                wanted[shape] = node
                break
        else:
            raise SystemExit(f"{arguments.model}: no ungrouped two-dimensional convolution is {shape}")
    probed = {node.input[0] for node in wanted.values()}
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in sorted(probed - set(names)))
    arguments.output.mkdir(parents=True, exist_ok=True)
    probe = arguments.output / "probe.onnx"
    onnx.save(model, probe)
    samples = support.read_samples(arguments.data, names, arguments.samples, arguments.mean, arguments.std)
    session = support.session(probe)
    hessians, positions = {}, {}
    for start in range(0, len(samples[names[0]]), 16):
        feed = {name: array[start:start + 16] for name, array in samples.items()}
        values = dict(feed, **dict(zip(sorted(probed), session.run(sorted(probed - set(names)), feed))))
        for shape, node in wanted.items():
            options = attributes(node)
            kernel = list(constants[node.input[1]].dims[2:])
            x = unfold(values[node.input[0]], kernel, options["strides"], options["pads"], options["dilations"])
            # Products of a batch in float32, sums over batches in float64.
            hessians[shape] = hessians.get(shape, 0) + (x @ x.T).astype(np.float64)
            positions[shape] = positions.get(shape, 0) + x.shape[1]
    probe.unlink()
    for shape, node in wanted.items():
        weight = numpy_helper.to_array(constants[node.input[1]]).astype(np.float32)
        hessian = hessians[shape] * (2 / positions[shape])
        write_safetensors(
            arguments.output / f"{shape}.safetensors",
            {"weight": weight.reshape(len(weight), -1), "hessian": (hessian + hessian.T) / 2})
        print(f"{shape}: {node.name or node.input[1]}, {positions[shape]} positions")


if __name__ == "__main__":
    main()
