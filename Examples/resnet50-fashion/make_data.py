"""Writes the example's data: Fashion-MNIST images as uint8 arrays, N x 1 x 28 x 28.

    apt-get install dataset-fashion-mnist
    python make_data.py [--dataset FOLDER] [--output FOLDER]

calibration.npy holds 1024 training images, test-images.npy the 10,000 test images, test-labels.npy their classes (int64).
"""

import argparse
import gzip
from pathlib import Path

import numpy as np

# Mean and standard deviation of the training pixels divided by 255; the network takes (pixel / 255 - MEAN) / STD.
MEAN, STD = 0.2860, 0.3530
DATASET = Path("/usr/share/datasets/fashion-mnist")
CALIBRATION_IMAGES = 1024


def read_images(dataset, split):
    """Returns the images of a split ("train" or "t10k") as uint8, N x 1 x 28 x 28."""
    with gzip.open(dataset / f"{split}-images-idx3-ubyte.gz") as file:
        return np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 1, 28, 28)


def read_labels(dataset, split):
    """Returns the classes of a split ("train" or "t10k") as int64."""
    with gzip.open(dataset / f"{split}-labels-idx1-ubyte.gz") as file:
        return np.frombuffer(file.read(), np.uint8, offset=8).astype(np.int64)


def normalize(images):
    """Returns uint8 images as the float32 input of the network."""
    return (images.astype(np.float32) / np.float32(255) - np.float32(MEAN)) / np.float32(STD)


def write_data(dataset, output):
    """Writes the three arrays into the folder `output`."""
    images = read_images(dataset, "train")
    chosen = np.random.default_rng(0).choice(len(images), CALIBRATION_IMAGES, replace=False)
    np.save(output / "calibration.npy", images[chosen])
    np.save(output / "test-images.npy", read_images(dataset, "t10k"))
    np.save(output / "test-labels.npy", read_labels(dataset, "t10k"))


def main():
    parser = argparse.ArgumentParser(description="Writes the example's data as uint8 arrays.")
    parser.add_argument("--dataset", type=Path, default=DATASET, help="folder with the four .gz files")
    parser.add_argument("--output", type=Path, default=Path(__file__).parent)
    arguments = parser.parse_args()
    write_data(arguments.dataset, arguments.output)


if __name__ == "__main__":
    main()
