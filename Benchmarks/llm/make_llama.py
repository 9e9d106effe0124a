"""Makes a Llama of 20.2 M random parameters, for timing: hidden size 512, 4 layers, 8 heads (4 for keys and values), bfloat16.

    python make_llama.py TEXT FOLDER

TEXT trains the tokenizer (byte-pair encoding, 8,192 tokens); a few hundred kilobytes are enough. FOLDER gets config.json, model.safetensors and
the tokenizer's files. Nothing but time and memory can be learned from it: the weights are random, with a fixed seed.
"""

import argparse
from pathlib import Path

import peer


def main():
    parser = argparse.ArgumentParser(description="Makes a Llama of 20.2 M random parameters.")
    parser.add_argument("text", type=Path)
    parser.add_argument("folder", type=Path)
    arguments = parser.parse_args()

    peer.use_threads(1)
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    vocabulary, special = 8192, ["<s>", "</s>", "<pad>"]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train([str(arguments.text)], trainers.BpeTrainer(
        vocab_size=vocabulary, special_tokens=special, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False))
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", pad_token="<pad>").save_pretrained(arguments.folder)

    torch.manual_seed(0)
    model = LlamaForCausalLM(LlamaConfig(
        vocab_size=vocabulary, hidden_size=512, intermediate_size=1408, num_hidden_layers=4, num_attention_heads=8,
        num_key_value_heads=4, max_position_embeddings=2048, bos_token_id=0, eos_token_id=1, pad_token_id=2,
        tie_word_embeddings=False))
    model.to(torch.bfloat16).save_pretrained(arguments.folder)
    print(f"{arguments.folder}: {sum(p.numel() for p in model.parameters()):,} parameters, "
          f"{tokenizer.get_vocab_size()} tokens")


if __name__ == "__main__":
    main()
