"""What the scripts of this folder share: sample files, onnxruntime, and runs of rankwise."""

import json
import os
import shlex
import struct
import subprocess
from pathlib import Path

import numpy as np
import onnxruntime

ROOT = Path(__file__).resolve().parent.parent
BATCH = 50
DTYPES = {
    "F64": np.float64, "F32": np.float32, "F16": np.float16, "I64": np.int64, "I32": np.int32, "I16": np.int16,
    "I8": np.int8, "U8": np.uint8, "BOOL": np.bool_}


def read_safetensors(path):
    """Returns the tensors of a safetensors file by name."""
    data = Path(path).read_bytes()
    (length,) = struct.unpack_from("<Q", data)
    header = json.loads(data[8:8 + length])
    header.pop("__metadata__", None)
    tensors = {}
    for name, entry in header.items():
        begin, end = (8 + length + offset for offset in entry["data_offsets"])
        tensors[name] = np.frombuffer(data[begin:end], DTYPES[entry["dtype"]]).reshape(entry["shape"])
    return tensors


def read_samples(path, names, samples=None, mean=None, std=None):
    """Returns the samples of a .npy, .npz or .safetensors file by input name, as rankwise reads them.

    Bytes are images: divided by 255. `mean` and `std` hold one value per channel (axis 1), or one for all. A file with one
    array feeds the only input, whatever its name.
    """
    path = Path(path)
    if path.suffix == ".npy":
        arrays = {names[0]: np.load(path, mmap_mode="r")}
    elif path.suffix == ".npz":
        arrays = dict(np.load(path))
    else:
        arrays = read_safetensors(path)
    if len(names) == 1 and len(arrays) == 1:
        arrays = {names[0]: next(iter(arrays.values()))}
    return {name: normalize(arrays[name][:samples], mean, std) for name in names}


def normalize(array, mean=None, std=None):
    """Returns one array of samples as the network takes it."""
    if array.dtype == np.uint8:
        array = array.astype(np.float32) / np.float32(255)
    if mean is None and std is None:
        return np.asarray(array)
    shape = (1, -1) + (1,) * (array.ndim - 2)
    mean, std = (np.reshape(np.asarray(values, np.float32), shape) for values in (mean or [0], std or [1]))
    return (array.astype(np.float32) - mean) / std


def noise_images(generator, count, shape):
    """Returns uint8 images, count x channels x height x width, whose spectrum falls with the frequency like a photo's.

    White noise would give every convolution nearly uncorrelated inputs, which no photo does.
    """
    channels, height, width = shape
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None])
    amplitude = 1 / np.maximum(frequency, 1 / max(height, width))
    images = np.empty((count, channels, height, width), np.uint8)
    for image in images:
        # A part that all channels share, and a smaller one of their own: grey with some colour.
        fields = np.fft.irfft2(np.fft.rfft2(generator.standard_normal((channels + 1, height, width))) * amplitude,
                               s=(height, width))
        fields /= fields.std((1, 2), keepdims=True)
        image[:] = np.clip(128 + 45 * (fields[:1] + 0.5 * fields[1:]), 0, 255).round()
    return images


def numbers(text):
    """Parses `0.485,0.456,0.406`."""
    return [float(part) for part in text.split(",")]


def session(model, threads=None):
    """Opens a model in onnxruntime; weights are dequantized once, not for every batch."""
    options = onnxruntime.SessionOptions()
    options.add_session_config_entry("session.disable_quant_qdq", "1")
    options.log_severity_level = 3  # errors: old models list weights as inputs, which is a warning for each
    if threads:
        options.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])


def run_onnxruntime(model, samples, batch=BATCH, threads=None):
    """Returns the outputs of a model by name. A model with a fixed batch size is run with that."""
    opened = session(model, threads)
    first = opened.get_inputs()[0].shape[0]
    batch = first if isinstance(first, int) and first > 0 else batch
    names = [output.name for output in opened.get_outputs()]
    count = len(next(iter(samples.values())))
    parts = [
        opened.run(names, {name: array[start:start + batch] for name, array in samples.items()})
        for start in range(0, count, batch)]
    return {name: np.concatenate([part[index] for part in parts]) for index, name in enumerate(names)}


def input_names(model):
    """Returns the names of a model's inputs."""
    return [value.name for value in session(model).get_inputs()]


def run_rankwise(*arguments, ranks=2):
    """Runs rankwise under mpirun; stops with its output when it fails.

    The program is `RANKWISE`, or the release build; `MPIRUN` may hold a launcher with options.
    """
    program = os.environ.get("RANKWISE", str(ROOT / ".build/release/rankwise"))
    launcher = shlex.split(os.environ.get("MPIRUN", "mpirun --oversubscribe"))
    environment = dict(os.environ, OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1")
    command = [*launcher, "-np", str(ranks), program, *map(str, arguments)]
    done = subprocess.run(command, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode:
        raise SystemExit(f"{shlex.join(command)}\nended with status {done.returncode}:\n{done.stdout}")
    return done.stdout


def quantize_table(measure, model, calibration, arguments, bits, methods, folder, best):
    """Prints a Markdown table: `measure` of the float model and of its quantized forms, by bits and method.

    `best` is the word for the measure; `arguments` go to `rankwise quantize`. The models are kept in `folder`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    reference = measure(model)
    print(f"{best}, float32: {reference:.4f}\n")
    print("| bits per weight | " + " | ".join(f"`{method}` | below float, points" for method in methods) + " |")
    print("|---|" + "---|---|" * len(methods), flush=True)
    for width in bits:
        cells = []
        for method in methods:
            output = folder / f"{Path(model).stem}-{method}-{width}.onnx"
            run_rankwise("quantize", model, "--calibration", calibration, "--output", output, "--bits", width,
                         "--method", method, *arguments)
            value = measure(output)
            cells.append(f"{value:.4f} | {100 * (reference - value):.2f}")
        print(f"| {width} | " + " | ".join(cells) + " |", flush=True)
