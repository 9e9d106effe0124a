"""Compares --method obq with the published OBQ program (IST-DASLab/OBC, trueobs.py) on the same layers.

    compare_obc.py CHECKOUT LAYER.safetensors... [--bits 4,3,2] [--rows 0] [--parallel 32]

CHECKOUT is a folder with the OBC repository, which is read, not copied. Needs PyTorch (the CPU build will do) and the
release build of obq-benchmark (or OBQ_BENCHMARK). Both get the same damped Hessian and the same grids, those that Rankwise
searched; losses are computed here in float64 from the dequantized weights. Fails where losses differ by more than 1 %.
"""

import argparse
import contextlib
import io
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

import support

DAMPING = 0.01


def damped(hessian):
    """The Hessian that Rankwise solves with: dead columns get the mean diagonal, then all get DAMPING of it."""
    diagonal = np.diag(hessian).copy()
    mean = diagonal[diagonal > 0].mean()
    result = hessian.copy()
    result[diagonal == 0, diagonal == 0] = mean
    return result + DAMPING * mean * np.eye(len(hessian)), diagonal == 0


def run_published(checkout, weight, hessian, scales, zeros, bits, parallel):
    """Returns the weights that the published program makes of `weight`, and its seconds."""
    sys.path.insert(0, str(checkout))
    import trueobs

    torch.cuda.synchronize = lambda: None  # it synchronizes a device that is not there
    layer = torch.nn.Linear(weight.shape[1], weight.shape[0], bias=False)
    layer.weight.data = torch.tensor(weight)

    class FixedGrid:
        """Stands in for its grid search."""

        def find_params(self, weights, weight=False):
            self.maxq = torch.tensor(2**bits - 1)
            self.scale, self.zero = torch.tensor(scales), torch.tensor(zeros)

    solver = trueobs.TrueOBS(layer, rel_damp=0)
    solver.H, solver.nsamples = torch.tensor(hessian), 1
    solver.quantizer = FixedGrid()
    started = time.process_time()
    with contextlib.redirect_stdout(io.StringIO()), torch.no_grad():
        solver.quantize(parallel=parallel)
    return layer.weight.data.numpy(), time.process_time() - started


def main():
    parser = argparse.ArgumentParser(description="Compares --method obq with the published OBQ program.")
    parser.add_argument("checkout", type=Path)
    parser.add_argument("layers", type=Path, nargs="+")
    parser.add_argument("--bits", type=lambda text: [int(part) for part in text.split(",")], default=[4, 3, 2])
    parser.add_argument("--rows", type=int, default=0, help="rows of each layer; 0 for all")
    parser.add_argument("--parallel", type=int, default=32, help="rows that the published program takes at once")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    program = os.environ.get("OBQ_BENCHMARK", str(support.ROOT / ".build/release/obq-benchmark"))
    environment = {key: value for key, value in os.environ.items() if key != "OPENBLAS_CORETYPE"}
    print("| layer | bits | rows | loss, published | loss, Rankwise | ratio | equal weights | seconds, published |")
    print("|---|---|---|---|---|---|---|---|", flush=True)
    worst = 0
    for path in arguments.layers:
        tensors = support.read_safetensors(path)
        hessian, dead = damped(tensors["hessian"])
        for bits in arguments.bits:
            with tempfile.TemporaryDirectory() as folder:
                output = Path(folder) / "obq.safetensors"
                subprocess.run([program, path, str(bits), str(arguments.rows), output], env=environment, check=True,
                               stdout=subprocess.DEVNULL)
                ours = support.read_safetensors(output)
            weight = tensors["weight"][ours["rows"].astype(int)].copy()
            weight[:, dead] = 0
            theirs, seconds = run_published(arguments.checkout, weight, hessian, ours["scales"], ours["zero_points"],
                                            bits, arguments.parallel)
            losses = []
            for quantized in (theirs, ours["dequantized"]):
                error = weight.astype(np.float64) - quantized
                losses.append(float(((error @ hessian) * error).sum()))
            ratio = losses[1] / losses[0]
            worst = max(worst, abs(ratio - 1))
            equal = np.isclose(theirs, ours["dequantized"], rtol=1e-5, atol=0).mean()
            print(f"| {path.stem} | {bits} | {len(weight)} | {losses[0]:.6g} | {losses[1]:.6g} | {ratio:.4f} "
                  f"| {100 * equal:.2f} % | {seconds:.1f} |", flush=True)
    if worst > 0.01:
        raise SystemExit(f"losses differ by {100 * worst:.2f} %")


if __name__ == "__main__":
    main()
