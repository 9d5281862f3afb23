"""One step of learning from a photo at full size, ours against what diffusers' training scripts do: time and memory.

    pip install diffusers peft
    python benchmarks/learning_step.py                           all, each in a process of its own, by turns
    python benchmarks/learning_step.py WHOSE METHOD PRECISION    one: ours, ours-saving or theirs; word, custom or lora

A step is one 512x512 photo, its text, the gradient, and the optimizer. Their scripts (textual_inversion.py,
train_custom_diffusion.py, train_dreambooth_lora.py of rank 8) encode the photo in every step, and the first two have
the whole vocabulary as parameters; ours encodes it once and has one row. "ours-saving" computes the U-Net's insides
twice (--save-memory). Weights are random and the same for both U-Nets; the loss is not compared.
"""

import subprocess
import sys
import time
from typing import Any, Callable, List

import torch
import torch.nn.functional as F
from stable_diffusion_speed import FILE, ours, peak_memory, write_weights

from sfumato.checkpoints import PREFIXES, Embedding, read_safetensors
from sfumato.checkpoints.diffusers_layout import unet_keys
from sfumato.devices import DTYPES, choose_precision
from sfumato.diffusion import ScaledLinearSchedule
from sfumato.models.stable_diffusion import VAE, TextEncoder
from sfumato.personalisation.crops import Crops
from sfumato.personalisation.learned import Learned, LearnedLoss
from sfumato.personalisation.learning_set import LearningSet, Pool
from sfumato.personalisation.methods import METHODS, first_additions
from sfumato.stable_diffusion import SCHEDULE, StableDiffusion

STEPS = 3
TURNS = 2
RANK = 8


def our_step(method: str, dtype: torch.dtype, saving: bool) -> Callable[[int], None]:
    """Ours, as `concepts learn` takes it; a LoRA without a word, as theirs."""
    text: Any
    vae: Any
    text, vae = (network.to(dtype).eval().requires_grad_(False) for network in (TextEncoder(), VAE()))
    model = StableDiffusion(ours(dtype), vae, text, ScaledLinearSchedule(), "", 512, {})  # type: ignore[arg-type]
    model.unet.checkpointing = saving
    words = {} if method == "lora" else {"<new1>": text.token_embedding.weight[:1].float()}
    model.learn_words([Embedding(token, first, {}) for token, first in words.items()])
    learned = Learned(words, first_additions(model, METHODS[method], RANK, float(RANK), False, 0))
    optimizer = torch.optim.AdamW(learned.parameters(), lr=5e-3, weight_decay=0.0)
    photo = Crops(torch.zeros(1, 3, 512, 512, dtype=torch.uint8), torch.ones(1, 1, 64, 64), *torch.tensor([[0], [1]]))
    draw = LearningSet(model, [Pool(photo, [(f"a photo of a {next(iter(words), 'dog')}",)], 1.0)]).batches(
        1, SCHEDULE, 0
    )
    del model.vae.encoder
    loss = LearnedLoss(model, learned.layers)

    def step(number: int) -> None:
        optimizer.zero_grad()
        loss(learned, draw(number, slice(None))).mean().backward()
        optimizer.step()

    return step


def their_unet(dtype: torch.dtype) -> Any:
    """Their network with the weights of the file."""
    from diffusers import UNet2DConditionModel

    with torch.device("meta"):
        unet: Any = UNet2DConditionModel(cross_attention_dim=768, attention_head_dim=8)
    names = unet_keys(unet.state_dict())
    stored = read_safetensors(FILE)[0]
    unet.load_state_dict({k: stored[PREFIXES["unet"] + name].to(dtype) for k, name in names.items()}, assign=True)
    return unet.requires_grad_(False)


def their_additions(method: str, unet: Any) -> List[torch.nn.Parameter]:
    """What their scripts train in the U-Net."""
    if method == "lora":
        from peft import LoraConfig

        config: Any = LoraConfig(r=RANK, lora_alpha=RANK, target_modules=["to_k", "to_q", "to_v", "to_out.0"])
        unet.add_adapter(config)
        learning = [one for one in unet.parameters() if one.requires_grad]
        for one in learning:
            one.data = one.data.float()
        return learning
    if method == "custom":
        from diffusers.models.attention_processor import CustomDiffusionAttnProcessor

        processors: Any = {}
        state = unet.state_dict()
        for name in unet.attn_processors:
            layer = name.split(".processor")[0]
            to_k = state[f"{layer}.to_k.weight"]
            custom: Any = CustomDiffusionAttnProcessor(
                train_kv="attn2" in name,
                train_q_out=False,
                hidden_size=to_k.shape[0],
                cross_attention_dim=to_k.shape[1] if "attn2" in name else None,
            )
            if "attn2" in name:
                custom.to_k_custom_diffusion.weight.data.copy_(to_k)
                custom.to_v_custom_diffusion.weight.data.copy_(state[f"{layer}.to_v.weight"])
            processors[name] = custom
        unet.set_attn_processor(processors)
        return [one for processor in processors.values() for one in processor.parameters()]
    return []


def their_step(method: str, dtype: torch.dtype) -> Callable[[int], None]:
    """What diffusers' script does in its loop, in the same precision."""
    from diffusers import AutoencoderKL, DDPMScheduler
    from transformers import CLIPTextConfig, CLIPTextModel

    unet = their_unet(dtype)
    learning = their_additions(method, unet)
    wide: Any = {"block_out_channels": (128, 256, 512, 512), "layers_per_block": 2, "latent_channels": 4}
    kinds: Any = {"down_block_types": ("DownEncoderBlock2D",) * 4, "up_block_types": ("UpDecoderBlock2D",) * 4}
    vae: Any = AutoencoderKL(**wide, **kinds)
    vae = vae.to(dtype).requires_grad_(False)
    shape: Any = {"hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 12}
    text: Any = CLIPTextModel(CLIPTextConfig(vocab_size=49409, **shape)).requires_grad_(False)
    table: torch.Tensor = text.get_input_embeddings().requires_grad_(method != "lora").weight
    scheduler: Any = DDPMScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear")
    optimizer = torch.optim.AdamW([*([table] if method != "lora" else []), *learning], lr=5e-3)
    original = table.detach().clone()
    photo = torch.zeros(1, 3, 512, 512, dtype=dtype)
    ids = torch.tensor([[49406, 320, 1125, 539, 320, 49408, *[49407] * 71]])

    def step(number: int) -> None:
        latents = vae.encode(photo).latent_dist.sample().detach() * 0.18215
        noise, t = torch.randn_like(latents), torch.randint(1000, (1,))
        # What learns is in float32 there, and met in the precision of the rest.
        with torch.autocast("cpu", dtype, enabled=dtype != torch.float32):
            predicted = unet(scheduler.add_noise(latents, noise, t), t, text(ids)[0].to(dtype)).sample
        F.mse_loss(predicted.float(), noise.float()).backward()
        optimizer.step()
        optimizer.zero_grad()
        if method != "lora":
            with torch.no_grad():
                table[:49408] = original[:49408]

    return step


def one(whose: str, method: str, precision: str) -> None:
    """Time some steps and tell this process's peak."""
    torch.manual_seed(0)
    dtype = DTYPES[precision]
    step = their_step(method, dtype) if whose == "theirs" else our_step(method, dtype, whose == "ours-saving")
    seconds = []
    for number in range(STEPS + 1):
        began = time.perf_counter()
        step(number)
        seconds.append(time.perf_counter() - began)
    print(f"{method} {precision} {whose}: {min(seconds[1:]):.2f} s a step, peak {peak_memory():.2f} GiB", flush=True)


def main() -> None:
    """Run what the module's docstring says."""
    write_weights()
    if len(sys.argv) > 1:
        one(*sys.argv[1:4])
        return
    precisions = ["fp32"] + (["bf16"] if choose_precision(torch.device("cpu")) == "bf16" else [])
    for precision in precisions:
        for method in METHODS:
            for whose in ("ours", "ours-saving", "theirs") * TURNS:
                subprocess.run([sys.executable, __file__, whose, method, precision], check=True)


if __name__ == "__main__":
    main()
