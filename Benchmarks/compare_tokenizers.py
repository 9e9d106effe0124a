"""Token ids of `rankwise tokenize` against those of the `tokenizers` library, on about 1 MB of mixed text.

    python compare_tokenizers.py TOKENIZER... [--text FILE]      # needs `pip install tokenizers numpy`

TOKENIZER is a `tokenizer.json` or a folder with one. Without `--text` the text is made: English prose (Python's own
licence and documentation), code (the standard library), accents, CJK, emoji and random characters of all planes. Fails
when an id differs. `RANKWISE` may name another program.
"""

import argparse
import inspect
import pathlib
import random
import subprocess
import sys
import tempfile
import time
import tokenize

import numpy as np
from tokenizers import Tokenizer

import support


def mixed_text():
    random.seed(3)
    parts = [str(license), *(module.__doc__ or "" for module in (argparse, inspect, pathlib, random, subprocess))]
    for module in (argparse, inspect, pathlib, random, subprocess, tempfile, tokenize):
        parts.append(inspect.getsource(module))
    words = "naïve façade Ångström Straße señor żółć 東京 日本語 漢字 你好世界 안녕하세요 привет κόσμος שלום مرحبا नमस्ते สวัสดี 😀 👩‍👩‍👧 🇩🇪 ❤️ ½ ™ ﬁ e\u0301".split()
    while sum(len(p.encode()) for p in parts) < 1 << 20:
        parts.append(" ".join(random.choice(words) for _ in range(2000)))
        planes = [(32, 126), (160, 591), (880, 1279), (0x4E00, 0x9FFF), (0xAC00, 0xD7A3), (0x1F300, 0x1FAFF)]
        parts.append("".join(chr(random.randint(*random.choice(planes))) for _ in range(5000)))
        parts.append("".join(random.choice(" \n\t\r\u00a0\u3000xyz019.,") for _ in range(3000)))
    return "\n".join(parts)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tokenizers", nargs="+", type=pathlib.Path)
    parser.add_argument("--text", type=pathlib.Path)
    arguments = parser.parse_args()
    text = arguments.text.read_bytes().decode() if arguments.text else mixed_text()
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        source, ids = pathlib.Path(folder) / "text.txt", pathlib.Path(folder) / "ids.npy"
        source.write_bytes(text.encode())
        for path in arguments.tokenizers:
            file = path / "tokenizer.json" if path.is_dir() else path
            start = time.time()
            expected = np.array(Tokenizer.from_file(str(file)).encode(text, add_special_tokens=False).ids)
            library = time.time() - start
            start = time.time()
            support.run_rankwise("tokenize", path, "--text", source, "--output", ids, ranks=1)
            ours = time.time() - start
            found = np.load(ids)
            same = len(found) == len(expected) and bool((found == expected).all())
            failed |= not same
            print(f"{path}: {len(expected)} ids of {len(text.encode())} bytes, {'identical' if same else 'DIFFERENT'}; "
                  f"tokenizers {library:.2f} s, rankwise {ours:.2f} s (whole process)")
    sys.exit(failed)


main()
