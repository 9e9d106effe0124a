"""Makes tiny random language models of every architecture that is read, with the logits that transformers computes.

    python make_language_models.py

Made with torch 2.13.0 and transformers 5.23.0. Each folder of `language-models` gets `config.json`, the weights, and
`expected.safetensors`: `input_ids` (2 x 24) and `logits` in float32. Folders without weights use those of `llama`.
"""

import json
import pathlib
import shutil

import torch
import transformers
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM

FOLDER = pathlib.Path(__file__).parent / "language-models"
LLAMA = dict(
    vocab_size=96, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
    num_key_value_heads=2, max_position_embeddings=64, pad_token_id=None, bos_token_id=1, eos_token_id=2,
)
SLIDING = dict(sliding_window=7)
EXPERTS = dict(num_experts=4, num_experts_per_tok=2, moe_intermediate_size=24, norm_topk_prob=True)

# name: (configuration class, its arguments, element type of the weights, size of a file)
CASES = {
    "llama": ("LlamaConfig", {}, torch.bfloat16, "5GB"),
    "llama-biases": (
        "LlamaConfig", dict(attention_bias=True, mlp_bias=True, tie_word_embeddings=True, head_dim=12), torch.float16,
        "5GB"),
    "mistral": ("MistralConfig", dict(SLIDING, hidden_act="gelu"), torch.bfloat16, "5GB"),
    "qwen2": (
        "Qwen2Config", dict(SLIDING, use_sliding_window=True, max_window_layers=1, rope_theta=1e6), torch.bfloat16,
        "5GB"),
    "qwen3": ("Qwen3Config", dict(head_dim=16, tie_word_embeddings=True), torch.float32, "24KB"),
    "gemma2": (
        "Gemma2Config",
        dict(SLIDING, head_dim=16, query_pre_attn_scalar=20, attn_logit_softcapping=2.0, final_logit_softcapping=20.0),
        torch.bfloat16, "5GB"),
    "gemma3": (
        "Gemma3TextConfig",
        dict(SLIDING, head_dim=16, query_pre_attn_scalar=20, layer_types=["sliding_attention", "full_attention"],
             rope_parameters={
                 "sliding_attention": {"rope_type": "default", "rope_theta": 100.0},
                 "full_attention": {"rope_type": "linear", "factor": 4.0, "rope_theta": 10000.0}}),
        torch.bfloat16, "5GB"),
    "phi3": (
        "Phi3Config",
        dict(rope_parameters={"rope_type": "default", "rope_theta": 10000.0, "partial_rotary_factor": 0.5}),
        torch.bfloat16, "5GB"),
    "gpt2": (
        "GPT2Config",
        dict(vocab_size=96, n_embd=32, n_layer=2, n_head=4, n_positions=64, bos_token_id=1, eos_token_id=2),
        torch.bfloat16, "5GB"),
    "opt": (
        "OPTConfig",
        dict(vocab_size=96, hidden_size=32, word_embed_proj_dim=32, ffn_dim=48, num_hidden_layers=2,
             num_attention_heads=4, max_position_embeddings=64),
        torch.float16, "5GB"),
    "mixtral": (
        "MixtralConfig", dict(num_local_experts=4, num_experts_per_tok=2, intermediate_size=24), torch.bfloat16,
        "5GB"),
    "qwen2-moe": (
        "Qwen2MoeConfig",
        dict(EXPERTS, norm_topk_prob=False, shared_expert_intermediate_size=20, mlp_only_layers=[0]), torch.bfloat16,
        "5GB"),
    "qwen3-moe": ("Qwen3MoeConfig", dict(EXPERTS, head_dim=8), torch.bfloat16, "5GB"),
}
# Configurations of other rotations with the weights of `llama`.
ROTATIONS = {
    "rope-linear": {"rope_type": "linear", "factor": 4.0},
    "rope-dynamic": {"rope_type": "dynamic", "factor": 4.0},
    "rope-llama3": {
        "rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
        "original_max_position_embeddings": 16},
    "rope-yarn": {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 16},
    "rope-yarn-scales": {
        "rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 16, "beta_fast": 4.0, "beta_slow": 2.0,
        "mscale": 1.5, "mscale_all_dim": 0.5, "truncate": False},
    "rope-longrope": {
        "rope_type": "longrope", "original_max_position_embeddings": 32, "short_factor": [1.0, 1.5, 2.0, 3.0],
        "long_factor": [1.0, 2.0, 4.0, 8.0]},
}


def config(kind, arguments):
    own = {} if kind in ("GPT2Config", "OPTConfig") else LLAMA
    return getattr(transformers, kind)(**{**own, **arguments})


def randomize(model, from_one):
    """Gives every parameter values that matter: norms scale, biases shift."""
    for name, parameter in model.named_parameters():
        values = torch.randn(parameter.shape)
        if "norm" in name or "ln_" in name:
            values = 0.3 * values + (0 if from_one or name.endswith("bias") else 1)
        elif parameter.dim() >= 2 and "embed" not in name and "wte" not in name:
            values = values / parameter.shape[-1] ** 0.5
        parameter.data = values


def expect(folder):
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    ids = torch.randint(0, 96, (2, 24))
    with torch.no_grad():
        logits = model(ids, use_cache=False).logits
    save_file({"input_ids": ids, "logits": logits.contiguous()}, folder / "expected.safetensors")
    print(folder.name, tuple(logits.shape), float(logits.abs().max()))


def main():
    for number, (name, (kind, arguments, dtype, size)) in enumerate(CASES.items()):
        torch.manual_seed(number)
        model = AutoModelForCausalLM.from_config(config(kind, arguments))
        randomize(model, "Gemma" in kind)
        folder = FOLDER / name
        shutil.rmtree(folder, ignore_errors=True)
        model.to(dtype).save_pretrained(folder, max_shard_size=size)
        (folder / "generation_config.json").unlink(missing_ok=True)
        expect(folder)
    for number, (name, rotation) in enumerate(ROTATIONS.items()):
        torch.manual_seed(100 + number)
        folder = FOLDER / name
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(FOLDER / "llama", folder)
        path = folder / "config.json"
        values = json.loads(path.read_text())
        values["rope_parameters"] = {"rope_theta": 10000.0, **rotation}
        path.write_text(json.dumps(values, indent=2) + "\n")
        expect(folder)
        (folder / "model.safetensors").unlink()


main()
