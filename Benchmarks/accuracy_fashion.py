"""Top-1 accuracy of the example network, quantized with and without error compensation.

    python accuracy_fashion.py [--bits 8,4,3,2] [--methods round,compensate] [ARGUMENT...]

Further arguments go to `rankwise quantize`. The quantized models are run by onnxruntime, on the 10,000 test images.
"""

import argparse
from pathlib import Path

import numpy as np

import support

EXAMPLE = support.ROOT / "Examples/resnet50-fashion"
MEAN, STD = "0.2860", "0.3530"


def main():
    # Abbreviations are off: they would take --keep, which is an option of `rankwise quantize`.
    parser = argparse.ArgumentParser(description="Prints the example's accuracy by bits and method.", allow_abbrev=False)
    parser.add_argument("--bits", default="8,4,3,2")
    parser.add_argument("--methods", default="round,compensate")
    parser.add_argument("--keep-models", type=Path, default=support.ROOT / ".build/benchmarks/accuracy")
    arguments, passed_on = parser.parse_known_args()

    model = EXAMPLE / "resnet50-fashion.onnx"
    labels = np.load(EXAMPLE / "test-labels.npy")
    samples = support.read_samples(
        EXAMPLE / "test-images.npy", support.input_names(model), None, [float(MEAN)], [float(STD)])

    def top1(path):
        (logits,) = support.run_onnxruntime(path, samples).values()
        return float(np.mean(logits.argmax(1) == labels))

    support.quantize_table(
        top1, model, EXAMPLE / "calibration.npy", ["--mean", MEAN, "--std", STD, *passed_on],
        arguments.bits.split(","), arguments.methods.split(","), arguments.keep_models, "Top-1")


if __name__ == "__main__":
    main()
