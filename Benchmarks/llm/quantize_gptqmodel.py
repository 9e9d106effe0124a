"""Quantizes a Hugging Face folder with GPTQModel, on the CPU.

    python quantize_gptqmodel.py FOLDER CALIBRATION.npy OUTPUT --bits B --group-size G [--asymmetric] [--best]

CALIBRATION holds int64 token ids, samples x length. Everything not named is GPTQModel's default (columns in order of activation inside and
among groups, absolute-maximum scales, damping 0.05); --best sets desc_act, and scales searched by the 2.4-norm (mse=2.4).
Run it under measure.py for the time and memory of the process. FOLDER needs its tokenizer files.
"""

import argparse
import os
import time
from pathlib import Path

import peer


def main():
    parser = argparse.ArgumentParser(description="Quantizes a Hugging Face folder with GPTQModel.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("calibration", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--bits", type=int, required=True)
    parser.add_argument("--group-size", type=int, required=True)
    parser.add_argument("--asymmetric", action="store_true")
    parser.add_argument("--best", action="store_true", help="desc_act and mse=2.4 instead of the defaults")
    parser.add_argument("--mse", action="store_true", help="mse=2.4, the rest as by default")
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()

    peer.use_threads(arguments.threads)
    os.environ.setdefault("GPTQMODEL_CPU_WORKERS", "2")  # with fewer cores than it expects, it stops without this
    import torch
    from gptqmodel import GPTQModel, QuantizeConfig

    torch.set_num_threads(arguments.threads)
    options = {}
    if arguments.best:
        options = {"desc_act": True, "act_group_aware": False, "mse": 2.4}
    elif arguments.mse:
        options = {"mse": 2.4}
    configuration = QuantizeConfig(
        bits=arguments.bits, group_size=arguments.group_size, sym=not arguments.asymmetric, device="cpu",
        format="gptq_v2" if arguments.asymmetric else "gptq", **options)
    model = GPTQModel.load(str(arguments.folder), configuration)
    ids = peer.read_calibration(arguments.calibration).tolist()
    samples = [{"input_ids": sample, "attention_mask": [1] * len(sample)} for sample in ids]
    start = time.monotonic()
    model.quantize(samples, batch_size=arguments.batch_size)
    print(f"quantize: {time.monotonic() - start:.1f} s", flush=True)
    model.save(str(arguments.output))


if __name__ == "__main__":
    main()
