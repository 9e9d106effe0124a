"""Writes token ids of a text as calibration samples, the same for every quantizer.

    python calibration_ids.py FOLDER TEXT OUTPUT.npy [--samples 128] [--length 256]

FOLDER is a Hugging Face folder with tokenizer.json. OUTPUT gets int64 ids, samples x length. The text is tokenized whole and cut into as many
equal parts as there are samples; each sample is the beginning of its part, so that the samples do not overlap and cover the text.
"""

import argparse
from pathlib import Path

import numpy as np

import peer


def main():
    parser = argparse.ArgumentParser(description="Writes token ids of a text as calibration samples.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("text", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--samples", type=int, default=128)
    parser.add_argument("--length", type=int, default=256)
    arguments = parser.parse_args()

    ids = peer.text_ids(arguments.folder, arguments.text)
    part = len(ids) // arguments.samples
    if part < arguments.length:
        parser.error(f"{arguments.text} has {len(ids)} tokens; {arguments.samples} x {arguments.length} are needed")
    samples = np.stack([ids[i * part:i * part + arguments.length] for i in range(arguments.samples)])
    np.save(arguments.output, samples)
    print(f"{arguments.output}: {samples.shape[0]} x {samples.shape[1]} of {len(ids)} tokens")


if __name__ == "__main__":
    main()
