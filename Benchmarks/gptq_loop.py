"""The GPTQ loop as the literature has it, in PyTorch, timed on the shapes of rowsolve-benchmark.

    .build/release/rowsolve-benchmark --json solves.json
    python Benchmarks/gptq_loop.py --ours solves.json

Blocks of 128 columns; inside a block, column by column for all rows: round to a static min-max grid, divide the error by
U_jj, subtract it times U_jk from the block's later columns; behind the block, one matrix product. Written from the
formulas (GPTQ, arXiv:2210.17323, algorithm 1); one thread, processor time, the median of the rounds. Timed is what
rowsolve-benchmark times: from the weights, which stay as they are, and U to grids, codes and losses. Making U is not in
the times of either. Needs requirements-torch.txt.
"""

import argparse
import json
import statistics
import time

import torch

BLOCK = 128
SHAPES = ["4096x4096/128", "512x4608", "11008x4096/128", "1024x1024/128", "256x2304", "64x576"]


def grids(weights, group, bits):
    """Asymmetric min-max scales and zero points, rows x groups."""
    groups = weights.split(group, dim=1)
    low = torch.stack([g.amin(1).clamp(max=0) for g in groups], 1)
    high = torch.stack([g.amax(1).clamp(min=0) for g in groups], 1)
    scales = (high - low) / (2**bits - 1)
    scales[scales == 0] = 1
    return scales, torch.round(-low / scales)


def gptq(weights, inverse, group, bits):
    """Codes, scales, zero points and losses per row; `inverse` is U, upper triangular, with H^-1 = U^T U."""
    rows, columns = weights.shape
    scales, zeros = grids(weights, group, bits)
    weights = weights.clone()
    losses = torch.zeros(rows)
    codes = torch.empty((rows, columns), dtype=torch.uint8)
    largest = 2**bits - 1
    for first in range(0, columns, BLOCK):
        last = min(first + BLOCK, columns)
        block = weights[:, first:last].clone()
        errors = torch.zeros_like(block)
        u = inverse[first:last, first:last]
        for j in range(last - first):
            w, g = block[:, j], (first + j) // group
            scale, zero = scales[:, g], zeros[:, g]
            code = torch.clamp(torch.round(w / scale) + zero, 0, largest)
            codes[:, first + j] = code.to(torch.uint8)
            error = (w - scale * (code - zero)) / u[j, j]
            block[:, j:] -= error.unsqueeze(1).matmul(u[j, j:].unsqueeze(0))
            errors[:, j] = error
        losses += errors.square().sum(1)
        weights[:, last:] -= errors.matmul(inverse[first:last, last:])
    return codes, scales, zeros, losses


def factor(columns):
    """U of a random, well conditioned H."""
    h = (torch.rand(columns, columns) - 0.5) * 0.3
    h = h + h.T
    h.diagonal().copy_(columns * (0.5 + (torch.arange(columns) % 97) / 97))
    return torch.linalg.cholesky(torch.cholesky_inverse(torch.linalg.cholesky(h)), upper=True)


def main():
    parser = argparse.ArgumentParser(description="A GPTQ loop in PyTorch, timed.")
    parser.add_argument("--shapes", nargs="+", default=SHAPES, help="ROWSxCOLUMNS/GROUP, or ROWSxCOLUMNS per row")
    parser.add_argument("--bits", type=int, default=4)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--ours", help="what rowsolve-benchmark wrote with --json, to compare with")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(1)

    ours, name = {}, "-"
    if arguments.ours:
        with open(arguments.ours) as file:
            report = json.load(file)
        name = f"{report['kernels']}, {report['bits']} bits"
        for solve in report["solves"]:
            shape = solve["shape"]
            ours[shape["rows"], shape["columns"], shape.get("groupSize")] = solve["solveSeconds"]
    print(f"torch {torch.__version__} ({torch.backends.cpu.get_cpu_capability()}), 1 thread, {arguments.bits} bits, "
          f"medians of {arguments.repeats}; ours: {name}")
    print(f"{'shape':>18} {'torch':>12} {'GFLOP/s':>9} {'ours':>12} {'times faster':>14}")
    for shape in arguments.shapes:
        size, _, group = shape.partition("/")
        rows, columns = map(int, size.split("x"))
        inverse = factor(columns)
        weights = torch.randn(rows, columns) * 0.05
        width = int(group) if group else columns
        seconds = []
        for _ in range(arguments.repeats + 1):  # the first warms up
            start = time.process_time()
            gptq(weights, inverse, width, arguments.bits)
            seconds.append(time.process_time() - start)
        median = statistics.median(seconds[1:])
        mine = ours.get((rows, columns, int(group) if group else None))
        rate = rows * columns**2 / median * 1e-9
        print(f"{shape:>18} {median:10.4f} s {rate:9.1f}"
              + (f" {mine:10.4f} s {median / mine:14.1f}" if mine else ""))


if __name__ == "__main__":
    main()
