"""Writes a full-size ResNet-50 with random weights, and random images, for measurements of speed and exactness.

    python make_resnet50.py [--images 128] [--output FOLDER]

Writes resnet50.onnx (torchvision's layout and names: 25,557,032 parameters; BatchNormalization not folded, its statistics measured
on 16 of the images; opset 17; free batch size) and images.npy (uint8, N x 3 x 224 x 224). The network takes
(pixel / 255 - mean) / std with ImageNet's means 0.485, 0.456, 0.406 and deviations 0.229, 0.224, 0.225.
"""

import argparse
import math
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

import support

PLAN, CLASSES = (3, 4, 6, 3), 1000
MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
EPSILON = 1e-5
STATISTICS_IMAGES = 16


class Builder:
    """Collects nodes and initializers of the network.

    Without `statistics`, every normalization measures mean and variance of the batch and gives them out; with the values so
    measured, it is a BatchNormalization that has them as running mean and variance.
    """

    def __init__(self, seed, statistics=None):
        self.generator = np.random.default_rng(seed)
        self.nodes, self.initializers, self.measured = [], [], []
        self.statistics = statistics
        self.parameters = 0

    def weight(self, name, array):
        self.initializers.append(numpy_helper.from_array(array.astype(np.float32), name))
        self.parameters += array.size
        return name

    def node(self, kind, inputs, output, **attributes):
        self.nodes.append(helper.make_node(kind, inputs, [output], name=output, **attributes))
        return output

    def convolution(self, name, x, inputs, outputs, kernel, stride=1):
        """Weights as He et al. draw them for ReLU networks: variance 2 / (outputs * kernel * kernel)."""
        deviation = math.sqrt(2 / (outputs * kernel * kernel))
        weight = self.weight(
            f"{name}.weight", self.generator.normal(0, deviation, (outputs, inputs, kernel, kernel)))
        return self.node(
            "Conv", [x, weight], name, kernel_shape=[kernel, kernel], strides=[stride, stride],
            pads=[kernel // 2] * 4, dilations=[1, 1], group=1)

    def normalization(self, name, x, channels):
        scale = self.generator.uniform(0.5, 1.5, channels)
        shift = self.generator.normal(0, 0.2, channels)
        statistics = [f"{name}.running_mean", f"{name}.running_var"]
        if self.statistics:
            for key in statistics:
                self.initializers.append(numpy_helper.from_array(self.statistics[key], key))
            weights = [self.weight(f"{name}.weight", scale), self.weight(f"{name}.bias", shift)]
            return self.node("BatchNormalization", [x, *weights, *statistics], name, epsilon=EPSILON, momentum=0.9)

        def channel(key, values):
            return self.weight(f"{name}.{key}", np.reshape(values, (-1, 1, 1)))

        mean = self.node("ReduceMean", [x], statistics[0], axes=[0, 2, 3])
        centred = self.node("Sub", [x, mean], f"{name}.centred")
        square = self.node("Mul", [centred, centred], f"{name}.square")
        variance = self.node("ReduceMean", [square], statistics[1], axes=[0, 2, 3])
        self.measured += statistics
        shifted = self.node("Add", [variance, channel("epsilon", [EPSILON])], f"{name}.shifted")
        deviation = self.node("Sqrt", [shifted], f"{name}.deviation")
        unit = self.node("Div", [centred, deviation], f"{name}.unit")
        scaled = self.node("Mul", [unit, channel("weight", scale)], f"{name}.scaled")
        return self.node("Add", [scaled, channel("bias", shift)], name)

    def relu(self, name, x):
        return self.node("Relu", [x], name)

    def bottleneck(self, name, x, inputs, planes, stride):
        """torchvision's block: the 3 x 3 convolution has the stride."""
        y, outputs = x, 4 * planes
        for index, (channels, width, kernel) in enumerate(
                ((inputs, planes, 1), (planes, planes, 3), (planes, outputs, 1)), start=1):
            y = self.convolution(f"{name}.conv{index}", y, channels, width, kernel, stride if kernel == 3 else 1)
            y = self.normalization(f"{name}.bn{index}", y, width)
            if index < 3:
                y = self.relu(f"{name}.relu{index}", y)
        if stride > 1 or inputs != outputs:
            x = self.convolution(f"{name}.downsample.0", x, inputs, outputs, 1, stride)
            x = self.normalization(f"{name}.downsample.1", x, outputs)
        total = self.node("Add", [y, x], f"{name}.add")
        return self.relu(f"{name}.relu3", total)


def build(statistics=None, seed=0):
    """Returns the model and its number of parameters; see Builder for `statistics`."""
    builder = Builder(seed, statistics)
    x = builder.convolution("conv1", "input", 3, 64, 7, 2)
    x = builder.relu("relu", builder.normalization("bn1", x, 64))
    x = builder.node("MaxPool", [x], "maxpool", kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    channels = 64
    for stage, count in enumerate(PLAN):
        planes = 64 * 2**stage
        for block in range(count):
            stride = 2 if block == 0 and stage > 0 else 1
            x = builder.bottleneck(f"layer{stage + 1}.{block}", x, channels, planes, stride)
            channels = 4 * planes
    x = builder.node("GlobalAveragePool", [x], "avgpool")
    x = builder.node("Flatten", [x], "flatten", axis=1)
    bound = 1 / math.sqrt(channels)
    weight = builder.weight("fc.weight", builder.generator.uniform(-bound, bound, (CLASSES, channels)))
    bias = builder.weight("fc.bias", builder.generator.uniform(-bound, bound, CLASSES))
    builder.node("Gemm", [x, weight, bias], "output", transB=1)

    outputs = [helper.make_tensor_value_info("output", TensorProto.FLOAT, ["N", CLASSES])]
    outputs += [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, None, 1, 1]) for name in builder.measured]
    graph = helper.make_graph(
        builder.nodes, "resnet50",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["N", 3, 224, 224])], outputs, builder.initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    return model, builder.parameters


def measure(images):
    """Returns mean and variance of the input of every normalization, on images."""
    model, _ = build()
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    outputs = session.run(names, {"input": support.normalize(images, MEAN, STD)})
    return {name: output.ravel() for name, output in zip(names, outputs) if name != "output"}


def main():
    parser = argparse.ArgumentParser(description="Writes a ResNet-50 with random weights, and random images.")
    parser.add_argument("--images", type=int, default=128)
    parser.add_argument("--output", type=Path, default=support.ROOT / ".build/benchmarks/resnet50")
    arguments = parser.parse_args()

    arguments.output.mkdir(parents=True, exist_ok=True)
    images = support.noise_images(np.random.default_rng(1), max(arguments.images, STATISTICS_IMAGES), (3, 224, 224))
    model, parameters = build(measure(images[:STATISTICS_IMAGES]))
    onnx.save(model, arguments.output / "resnet50.onnx")
    images = images[:arguments.images]
    np.save(arguments.output / "images.npy", images)
    print(f"{parameters} parameters, {len(images)} images in {arguments.output}")


if __name__ == "__main__":
    main()
