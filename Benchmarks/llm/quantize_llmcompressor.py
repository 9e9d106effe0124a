"""Quantizes a Hugging Face folder with llm-compressor's GPTQ, on the CPU.

    python quantize_llmcompressor.py FOLDER CALIBRATION.npy OUTPUT --bits B --group-size G [--asymmetric] [--best]

CALIBRATION holds int64 token ids, samples x length. Everything not named is llm-compressor's default (absolute-maximum scales, columns in
order of activation over static groups, damping 0.01), but for the batch: 8 instead of 1, which is faster. --best searches the scales (observer
`mse`), with actorder `static` named. Run it under measure.py for the time and memory of the process.
"""

import argparse
import time
from pathlib import Path

import peer


def main():
    parser = argparse.ArgumentParser(description="Quantizes a Hugging Face folder with llm-compressor's GPTQ.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("calibration", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--bits", type=int, required=True)
    parser.add_argument("--group-size", type=int, required=True)
    parser.add_argument("--asymmetric", action="store_true")
    parser.add_argument("--best", action="store_true", help="observer mse and actorder static")
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()

    peer.use_threads(arguments.threads)
    import torch
    from datasets import Dataset
    from llmcompressor import oneshot
    from llmcompressor.modifiers.gptq import GPTQModifier
    from transformers import AutoModelForCausalLM, AutoTokenizer

    torch.set_num_threads(arguments.threads)
    model = AutoModelForCausalLM.from_pretrained(arguments.folder, dtype="auto")
    tokenizer = AutoTokenizer.from_pretrained(arguments.folder)
    ids = peer.read_calibration(arguments.calibration)
    samples = Dataset.from_dict({"input_ids": ids.tolist(), "attention_mask": [[1] * ids.shape[1]] * len(ids)})
    weights = {
        "num_bits": arguments.bits, "type": "int", "symmetric": not arguments.asymmetric,
        "strategy": "group", "group_size": arguments.group_size}
    options = {}
    if arguments.best:
        weights["observer"] = "mse"
        options["actorder"] = "static"
    recipe = GPTQModifier(
        config_groups={"group_0": {"targets": ["Linear"], "weights": weights}}, ignore=["lm_head"], **options)
    start = time.monotonic()
    oneshot(
        model=model, dataset=samples, recipe=recipe, max_seq_length=ids.shape[1], num_calibration_samples=len(ids),
        processor=tokenizer, batch_size=arguments.batch_size)
    print(f"quantize: {time.monotonic() - start:.1f} s", flush=True)
    model.save_pretrained(arguments.output, save_compressed=True)
    tokenizer.save_pretrained(arguments.output)


if __name__ == "__main__":
    main()
