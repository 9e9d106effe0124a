"""Writes small tokenizers of the kinds that language models have, and the ids of texts that are hard to cut.

    python make_fixtures.py        # needs `pip install tokenizers`

Each `NAME.json` is a tokenizer file; `NAME.ids.json` holds pairs of text and ids, without and with special tokens, as the
`tokenizers` library gives them.
"""

import json
import random
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

FOLDER = Path(__file__).parent
LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
QWEN2 = LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}")

WORDS = (
    "the of and to in a is that it was for on are with as his they be at one have this from or had by hot word but what "
    "some we can out other were all there when up use your how said an each she which do their time if will way about "
    "many then them write would like so these her long make thing see him two has look more day could go come did number "
    "naïve café façade Ångström über Straße señor jalapeño żółć 東京 日本語 漢字 你好 世界 안녕하세요 мир привет κόσμος "
    "def return import self.value += 1; for (int i = 0; i < n; ++i) {} ==> != <= https://example.org/a?b=c 3.14159 2024 "
    "1000000 0xFF don't I'm we'll they've it's 😀 👩‍👩‍👧 🇩🇪 ❤️ ½ ™ ﬁ").split()

HARD = [
    "", " ", "   ", "\n", "a", " a", "a ", "Hello, world!", "  leading and trailing  ", "tabs\tand\nnew\r\nlines\n\n\n  x",
    "don't I'M we'll THEY'VE it's", "1 12 123 1234 12345 3.14159 1,000,000", "naïve café e\u0301 Å Å \u212b ﬁ ½",
    "東京は日本の首都です。你好,世界!안녕하세요 мир", "😀😀 👩‍👩‍👧 🇩🇪 ❤️", "def f(x):\n    return x**2  # square\n\n\n",
    "x\u00a0y\u2003z\u3000w\u0085v", "null\u0000byte \u0001\u001f\u007f", "<s>inside</s> text <|end|> <|end|>x  <mask> y",
    "▁metaspace ▁ here", "trailing spaces      ", "\u202ertl\u202c \u200bzero\u200b width", "ÀÈÌ àèì ÀÈÌ",
    "a" * 300, " ".join(["word"] * 50), "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𐍈 𠮷", "\ufffd \ufeff bom",
]


def texts():
    random.seed(1)
    return [" ".join(random.choice(WORDS) for _ in range(30)) + random.choice(["\n", ".\n\n", "  "]) for _ in range(400)]


def byte_level(pre, **options):
    tokenizer = Tokenizer(models.BPE(**options))
    tokenizer.pre_tokenizer = pre
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=900, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), special_tokens=["<|end|>", "<s>", "</s>"],
        show_progress=False)
    tokenizer.train_from_iterator(texts(), trainer)
    return tokenizer


def split(pattern):
    return pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(pattern), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])


def fallback(normalizer, pre, template=True):
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.normalizer = normalizer
    if pre:
        tokenizer.pre_tokenizer = pre
    special = ["<unk>", "<s>", "</s>"] + [f"<0x{i:02X}>" for i in range(256)]
    trainer = trainers.BpeTrainer(
        vocab_size=900, special_tokens=special, show_progress=False, limit_alphabet=120)
    tokenizer.train_from_iterator([" ".join(t.split()[:6]) for t in texts()], trainer)
    # Only the first three are added tokens in real files; bytes are ordinary entries of the vocabulary.
    data = json.loads(tokenizer.to_str())
    data["added_tokens"] = [t for t in data["added_tokens"] if t["id"] < 3]
    tokenizer = Tokenizer.from_str(json.dumps(data))
    if template:
        tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    return tokenizer


def save(name, tokenizer):
    (FOLDER / f"{name}.json").write_text(tokenizer.to_str())
    cases = [
        {"text": t, "ids": tokenizer.encode(t, add_special_tokens=False).ids, "special": tokenizer.encode(t).ids}
        for t in HARD + texts()[:20]]
    (FOLDER / f"{name}.ids.json").write_text(json.dumps(cases, ensure_ascii=True))


def main():
    save("gpt2", byte_level(pre_tokenizers.ByteLevel(add_prefix_space=False)))
    prefixed = byte_level(pre_tokenizers.ByteLevel(add_prefix_space=True))
    prefixed.add_tokens([AddedToken("<mask>", lstrip=True, rstrip=True, normalized=False)])
    prefixed.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 1))
    save("roberta", prefixed)
    llama3 = byte_level(split(LLAMA3), ignore_merges=True)
    llama3.post_processor = processors.Sequence([
        processors.ByteLevel(trim_offsets=False),
        processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])])
    save("llama3", llama3)
    qwen2 = byte_level(split(QWEN2))
    qwen2.normalizer = normalizers.NFC()
    save("qwen2", qwen2)
    digits = byte_level(pre_tokenizers.Sequence([
        pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]))
    save("digits", digits)
    llama2 = fallback(normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]), None)
    save("llama2", llama2)
    save("metaspace", fallback(normalizers.NFKC(), pre_tokenizers.Metaspace(prepend_scheme="first", split=True)))
    gemma = fallback(normalizers.Replace(" ", "▁"), pre_tokenizers.Split(" ", "merged_with_previous"))
    gemma.add_tokens([AddedToken("\n\n", normalized=False), AddedToken("  ", normalized=False)])
    save("gemma", gemma)


main()
