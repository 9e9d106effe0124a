"""Bytes of every link of a quantization on 4 hosts, against the least that has to be sent; called by `run`.

    traffic.py FOLDER     with the tables of `netns-cluster traffic` and the reports that `run` has put there

The least: factors go once to each other host that holds rows of the layer (the report's factorTraffic counts them); each host but
the owner sends its sums once; each host gets the other hosts' rows.
"""

import json
import sys
from pathlib import Path

folder = Path(sys.argv[1])


def table(name):
    """(received, sent) of each host."""
    lines = (folder / name).read_text().splitlines()[1:]
    return {fields[0]: (int(fields[1]), int(fields[3])) for fields in map(str.split, lines)}


def between(first, last):
    """What came between two tables, by host."""
    first, last = table(first), table(last)
    return {host: tuple(b - a for a, b in zip(first[host], last[host])) for host in last}


def sent(links):
    return sum(s for _, s in links.values())


idle = between("before", "idle")
factors = between("idle", "factors")
run = between("factors", "after")
hosts = len(run)

triangles = sum(4 * c * (c + 1) // 2 for c in (1024, 2048)) * 5
print(f"broadcasts of packed triangles (comm-bench), bytes into each host; payload {triangles}:")
print("| host | received | times the payload |\n|---|---|---|")
for host, (received, _) in list(factors.items())[1:]:
    print(f"| {host} | {received} | {(received - idle[host][0]) / triangles:.4f} |")

report = json.loads((folder / "report.json").read_text())
inspection = json.loads((folder / "inspect.json").read_text())
layers = {layer["name"]: layer for layer in report["layers"]}
quantized = [layer for layer in inspection["layers"] if layer["name"] in layers]
# Layers of one stage and width read the same inputs in the Llamas that this is for.
groups = sorted({(layer["stage"], layer["columns"]) for layer in quantized})
first = min(stage for stage, _ in groups)
sums = 0
for stage, columns in groups:
    sums += 8 * (columns * (columns + 1) // 2 + columns)
    if report.get("driftCorrection") and stage > first:
        sums += 8 * (columns * columns + columns)
rows = 0
for layer in quantized:
    size = layers[layer["name"]].get("groupSize") or 128
    per_row = -(-layer["columns"] // size)
    rows += layer["rows"] * (layer["columns"] + 5 * per_row + 16)
traffic = report["factorTraffic"]
parts = [
    ("U, a packed triangle once per host", traffic["triangleBytesSent"]),
    ("orders, curvatures and drift corrections with it", traffic["bytesSent"] - traffic["triangleBytesSent"]),
    ("sums to their owners", (hosts - 1) * sums),
    ("rows to all hosts", (hosts - 1) * rows),
]
print("\nquantize:\n| what | least bytes over all links |\n|---|---|")
for name, count in parts:
    print(f"| {name} | {count} |")
least = sum(count for _, count in parts)
print(f"| together | {least} |")
print(f"| measured | {sent(run)}, {sent(run) / least:.4f} times |")
print(f"| without what an empty job sends ({sent(idle)}) | {sent(run) - sent(idle)}, {(sent(run) - sent(idle)) / least:.4f} times |")
print("\n| host | received | sent |\n|---|---|---|")
for host, (received, out) in run.items():
    print(f"| {host} | {received} | {out} |")
