"""Compares the outputs of `rankwise evaluate` with onnxruntime's, on the same model and samples.

    python compare_onnxruntime.py MODEL DATA [--outputs FILE.safetensors] [--samples N] [--mean LIST] [--std LIST]

Without --outputs, runs `rankwise evaluate` itself. Prints for every output the relative L2 error |a - b| / |b| and the
largest error as a share of the largest value; ends with status 1 when one of the two is above --tolerance (1e-4).
"""

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np

import support


def errors(ours, theirs):
    """Returns the relative L2 error and the largest error as a share of the largest value."""
    ours, theirs = (array.astype(np.float64).ravel() for array in (ours, theirs))
    if not (np.isfinite(ours).all() and np.isfinite(theirs).all()):
        return np.inf, np.inf
    difference, size = ours - theirs, np.linalg.norm(theirs)
    if size == 0:
        return np.linalg.norm(difference), np.abs(difference).max(initial=0)
    return np.linalg.norm(difference) / size, np.abs(difference).max() / np.abs(theirs).max()


def evaluate(arguments):
    """Returns the outputs that `rankwise evaluate` writes."""
    if arguments.outputs:
        return support.read_safetensors(arguments.outputs)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "outputs.safetensors"
        options = []
        for name in ("samples", "mean", "std"):
            if getattr(arguments, name) is not None:
                options += [f"--{name}", getattr(arguments, name)]
        support.run_rankwise("evaluate", arguments.model, "--data", arguments.data, "--outputs", file, *options)
        return support.read_safetensors(file)


def main():
    parser = argparse.ArgumentParser(description="Compares rankwise's outputs with onnxruntime's.")
    parser.add_argument("model", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("--outputs", type=Path, help="what `rankwise evaluate --outputs` wrote")
    parser.add_argument("--samples", type=int, help="use the first N samples only")
    parser.add_argument("--mean", help="per channel, such as 0.485,0.456,0.406")
    parser.add_argument("--std", help="per channel")
    parser.add_argument("--tolerance", type=float, default=1e-4)
    arguments = parser.parse_args()

    mean, std = (support.numbers(text) if text else None for text in (arguments.mean, arguments.std))
    samples = support.read_samples(
        arguments.data, support.input_names(arguments.model), arguments.samples, mean, std)
    theirs = support.run_onnxruntime(arguments.model, samples)
    ours = evaluate(arguments)

    worst = 0.0
    print("| output | shape | relative L2 | largest error |\n|---|---|---|---|")
    for name, expected in theirs.items():
        shape = " x ".join(map(str, expected.shape))
        if name not in ours or ours[name].size != expected.size:
            found = f"{ours[name].shape}" if name in ours else "missing"
            print(f"| {name} | {shape} | rankwise: {found} | |")
            worst = np.inf
            continue
        relative, largest = errors(ours[name], expected)
        worst = max(worst, relative, largest)
        print(f"| {name} | {shape} | {relative:.2e} | {largest:.2e} |")
    if not worst <= arguments.tolerance:
        print(f"{arguments.model}: above {arguments.tolerance:g}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
