"""What the scripts of this folder share. Imported before torch, whose thread count it sets."""

import os
from pathlib import Path

import numpy as np


def use_threads(count):
    """Lets every library of this process use `count` threads, and keeps it from asking a model hub for anything."""
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = str(count)
    os.environ["HF_HUB_OFFLINE"] = "1"
    os.environ["TOKENIZERS_PARALLELISM"] = "false"


def read_calibration(path):
    """Returns token ids, samples x length, from a .npy file."""
    ids = np.load(path)
    if ids.ndim != 2 or ids.dtype != np.int64:
        raise SystemExit(f"{path}: {ids.dtype} of shape {ids.shape}; expected int64 token ids, samples x length")
    return ids


def text_ids(folder, text):
    """Returns the ids of a whole text file by the folder's tokenizer.json, with no special tokens added."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(Path(folder) / "tokenizer.json"))
    return np.array(tokenizer.encode(Path(text).read_text(encoding="utf-8"), add_special_tokens=False).ids, np.int64)
