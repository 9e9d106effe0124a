"""Independent float64 reference of column orders, grids and the row solve, written from the formulas.

Usage: python row_solve.py > row_solve.json   (numpy only)

Weights and calibration inputs come from SplitMix64 with SEED, drawn the same way in ReferenceTests.swift; inputs are
small integers, so that H = X^T X is exact in float64 whatever the order of its sums.
"""

import json

import numpy as np

SEED = 20250911
ROWS, COLUMNS, SAMPLES = 64, 48, 96
DEAD = [5, 30]  # columns whose inputs are all zero
DAMPING = 0.01
MASK = (1 << 64) - 1


class SplitMix64:
    def __init__(self, seed):
        self.state = seed

    def uniform(self):
        self.state = (self.state + 0x9E3779B97F4A7C15) & MASK
        z = self.state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        return ((z ^ (z >> 31)) >> 11) * 2.0**-53


def problem():
    numbers = SplitMix64(SEED)
    weights = np.array([[numbers.uniform() + numbers.uniform() - 1 for _ in range(COLUMNS)] for _ in range(ROWS)])
    weights = weights.astype(np.float32)
    widths = [1 + int(20 * numbers.uniform() ** 3) for _ in range(COLUMNS)]
    inputs = np.zeros((SAMPLES, COLUMNS))
    for s in range(SAMPLES):
        common = int(7 * numbers.uniform()) - 3
        for j in range(COLUMNS):
            inputs[s, j] = widths[j] * (int(9 * numbers.uniform()) - 4 + common)
    inputs[:, DEAD] = 0
    return weights, inputs.T @ inputs


def damped(h):
    """Dead columns get the mean of the other diagonal elements; then DAMPING times the mean joins the diagonal."""
    diagonal = np.diag(h).copy()
    mean = diagonal[diagonal > 0].mean()
    h = h.copy()
    h[diagonal == 0, diagonal == 0] = mean
    return h + DAMPING * mean * np.eye(len(h))


def half_even(x):
    return np.rint(x)


def base_grid(w, bits, symmetric):
    """Min-max range with zero; the scale is rounded to float32 before it is used."""
    low, high = min(0.0, float(w.min())), max(0.0, float(w.max()))
    top = 2**bits - 1
    if symmetric:
        return np.float32(2 * max(-low, high) / top), 2 ** (bits - 1)
    scale = np.float32((high - low) / top)
    return scale, int(np.clip(half_even(np.float32(-low) / scale), 0, top))


def quantize(w, scale, zero, bits):
    """Rounds the quotient, itself rounded to float32: the extreme weight of a symmetric grid is a tie only then."""
    code = np.clip(half_even(np.float32(w / float(scale))) + zero, 0, 2**bits - 1).astype(np.float64)
    return code, (code - zero) * float(scale)


def find_grid(w, curvature, bits, symmetric, search):
    scale, zero = base_grid(w, bits, symmetric)
    if search == "minmax":
        return scale, zero
    best = None
    offsets = [0, -1, 1] if search != "minmax" and not symmetric and bits <= 3 else [0]
    for i in range(80):
        shrunk = np.float32(scale * np.float32(1 - i / 100))
        for offset in offsets:
            z = zero + offset
            if not 0 <= z <= 2**bits - 1:
                continue
            d = np.abs(w.astype(np.float64) - quantize(w.astype(np.float64), shrunk, z, bits)[1])
            error = (d**2.4).sum() if search == "l24" else (curvature * d * d).sum()
            if best is None or error < best[0]:
                best = (error, shrunk, z)
    return best[1], best[2]


def rounding_errors(weights, bits, symmetric, size):
    errors = np.zeros(COLUMNS)
    for row in weights:
        for start in range(0, COLUMNS, size):
            w = row[start : start + size]
            scale, zero = base_grid(w, bits, symmetric)
            errors[start : start + size] += (w - quantize(w.astype(np.float64), scale, zero, bits)[1]) ** 2
    return errors


def descending(values):
    return sorted(range(len(values)), key=lambda j: (-values[j], j))


def column_order(name, h, errors, dead):
    live = np.ones(COLUMNS)
    live[dead] = 0
    if name == "natural":
        return list(range(COLUMNS))
    if name == "curvature":
        return descending(live * np.diag(h))
    if name == "sensitivity":
        return descending(live * errors / np.diag(np.linalg.inv(h)))
    if name == "pivot":
        schur, rest, eliminated = h.copy(), list(range(COLUMNS)), []
        while rest:
            j = min(rest, key=lambda c: (schur[c, c], c))
            rest.remove(j)
            eliminated.append(j)
            schur = schur - np.outer(schur[:, j], schur[j, :]) / schur[j, j]
        return eliminated[::-1]
    orders = [column_order(n, h, errors, dead) for n in ("sensitivity", "curvature", "pivot")]
    return min(orders, key=lambda o: predicted_loss(h, o))


def upper_factor(h, order):
    """U with inverse(H) = U^T U, by inverting and factoring: not the way of the program."""
    inverse = np.linalg.inv(h[np.ix_(order, order)])
    return np.linalg.cholesky(inverse).T


def predicted_loss(h, order):
    return float((1 / np.diag(upper_factor(h, order)) ** 2).sum())


def solve_row(w, h, u, order, grids, size, bits, method):
    work, codes, total = w.astype(np.float64), np.zeros(COLUMNS, int), np.zeros(COLUMNS)
    for k, j in enumerate(order):
        scale, zero = grids[j // size]
        codes[j], total[j] = quantize(work[j], scale, zero, bits)
        if method == "compensate":
            error = (work[j] - total[j]) / u[k, k]
            work[order[k + 1 :]] -= error * u[k, k + 1 :]
    d = w.astype(np.float64) - total
    return codes, float(d @ h @ d)


def solve_row_obq(w, h, grids, size, bits, dead):
    """OBQ: an inverse that is inverted anew, from the free rows and columns of H, for every single step."""
    work, codes, total = w.astype(np.float64), np.zeros(COLUMNS, int), np.zeros(COLUMNS)
    for j in dead:
        codes[j] = grids[j // size][1]
    free = [j for j in range(COLUMNS) if j not in dead]
    while free:
        inverse = np.linalg.inv(h[np.ix_(free, free)])
        rounded = [quantize(work[j], *grids[j // size], bits) for j in free]
        errors = np.array([work[j] - q for j, (_, q) in zip(free, rounded)])
        # float32, as in `quantize`: the extreme weight of a symmetric min-max grid is half a step outside it.
        steps = np.array([np.float32(work[j] / float(grids[j // size][0])) for j in free])
        lows = np.array([-grids[j // size][1] for j in free])
        pick = int(np.argmin(errors**2 / np.diag(inverse)))
        clipped = (steps < lows - 0.5) | (steps > lows + 2**bits - 0.5)
        if clipped.any() and work[free[pick]] != 0:
            pick = int(np.argmax(np.where(clipped, errors**2, -1)))
        j = free[pick]
        codes[j], total[j] = rounded[pick]
        work[free] -= errors[pick] / inverse[pick, pick] * inverse[pick]
        free.remove(j)
    d = w.astype(np.float64) - total
    return codes, float(d @ h @ d)


def main():
    weights, raw = problem()
    h = damped(raw)
    live = weights.copy()
    live[:, DEAD] = 0
    curvature = np.diag(h).copy()
    curvature[DEAD] = 0
    cases = []
    for bits, symmetric, size, order_name, method, search in [
        (4, False, COLUMNS, "pivot", "compensate", "minmax"),
        (3, True, 16, "sensitivity", "compensate", "minmax"),
        (2, False, 20, "curvature", "compensate", "curvature"),
        (8, True, COLUMNS, "natural", "compensate", "minmax"),
        (4, True, COLUMNS, "auto", "compensate", "curvature"),
        (4, False, 16, "auto", "round", "minmax"),
        (3, False, COLUMNS, "pivot", "compensate", "l24"),
        (4, False, COLUMNS, "natural", "obq", "minmax"),
        (2, False, COLUMNS, "natural", "obq", "curvature"),
        (3, True, 16, "pivot", "obq", "curvature"),
    ]:
        errors = rounding_errors(weights, bits, symmetric, size)
        order = column_order(order_name, h, errors, DEAD)
        u = upper_factor(h, order)
        codes, scales, zeros, losses = [], [], [], []
        for w in live:
            grids = [
                find_grid(w[s : s + size], curvature[s : s + size], bits, symmetric, search)
                for s in range(0, COLUMNS, size)
            ]
            if method == "obq":
                row, loss = solve_row_obq(w, h, grids, size, bits, DEAD)
            else:
                row, loss = solve_row(w, h, u, order, grids, size, bits, method)
            codes.append("".join(f"{c:02x}" for c in row))
            scales += [float(s) for s, _ in grids]
            zeros += [int(z) for _, z in grids]
            losses.append(float(f"{loss:.9g}"))
        cases.append(
            dict(
                bits=bits, symmetric=symmetric, groupSize=size, order=order_name, method=method, search=search,
                roundingErrors=[float(f"{e:.12g}") for e in errors], columns=order,
                predictedLoss=predicted_loss(h, order), codes=codes, scales=scales, zeroPoints=zeros, losses=losses,
            )
        )
    energies = [float(f"{float(w @ h @ w):.9g}") for w in live.astype(np.float64)]
    print(json.dumps(dict(seed=SEED, rows=ROWS, columns=COLUMNS, energies=energies, cases=cases)))


main()
