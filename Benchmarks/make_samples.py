"""Writes random samples for any network that takes images, to compare executors on it.

    python make_samples.py MODEL --output FILE.npy [--samples 20] [--shape 3,48,320] [--range=-1,1]

The shape of one sample is the model's own; name it where the model leaves it open. Samples are float32 images of noise whose
spectrum falls like a photo's, with values in the range given.
"""

import argparse
from pathlib import Path

import numpy as np

import support


def main():
    parser = argparse.ArgumentParser(description="Writes random samples for a network that takes images.")
    parser.add_argument("model", type=Path)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--samples", type=int, default=20)
    parser.add_argument("--shape", help="of one sample, such as 3,48,320")
    parser.add_argument("--range", default="-1,1", help="least and largest value")
    arguments = parser.parse_args()

    (value,) = support.session(arguments.model).get_inputs()
    shape = [int(part) for part in arguments.shape.split(",")] if arguments.shape else value.shape[1:]
    if len(shape) != 3 or not all(isinstance(extent, int) for extent in shape):
        parser.error(f"{value.name} is {value.shape}; give --shape with three numbers")
    channels_last = shape[2] in (1, 3)
    if channels_last:
        shape = [shape[2], *shape[:2]]
    low, high = support.numbers(arguments.range)
    images = support.noise_images(np.random.default_rng(2), arguments.samples, shape).astype(np.float32)
    images = images / np.float32(255) * np.float32(high - low) + np.float32(low)
    if channels_last:
        images = np.ascontiguousarray(images.transpose(0, 2, 3, 1))
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    np.save(arguments.output, images)


if __name__ == "__main__":
    main()
