"""One step of textual inversion at full size, ours against what diffusers' training script does: time and memory.

    pip install diffusers
    python benchmarks/learning_step.py                    both, each in a process of its own, by turns
    python benchmarks/learning_step.py WHOSE PRECISION    one of them: ours, ours-saving or theirs; fp32 or bf16

A step is one 512x512 photo, its text, the gradient, and the optimizer. Their script encodes the photo in every step and
has the whole vocabulary as parameters; ours encodes it once and has one row. "ours-saving" computes the U-Net's insides
twice (--save-memory). Weights are random and the same for both U-Nets; the loss is not compared.
"""

import subprocess
import sys
import time
from typing import Any, Callable

import torch
import torch.nn.functional as F
from PIL import Image
from stable_diffusion_speed import FILE, ours, peak_memory, write_weights

from sfumato.checkpoints import PREFIXES, Embedding, read_safetensors
from sfumato.checkpoints.diffusers_layout import unet_keys
from sfumato.personalisation.learn import Word, encode_photos, one_of, word_loss
from sfumato.devices import DTYPES, choose_precision
from sfumato.diffusion import ScaledLinearSchedule
from sfumato.models.stable_diffusion import VAE, TextEncoder
from sfumato.pictures.latents import LatentBatches
from sfumato.stable_diffusion import SCHEDULE, StableDiffusion

STEPS = 3
TURNS = 2


def our_step(dtype: torch.dtype, saving: bool) -> Callable[[int], None]:
    """Ours, as `concepts learn` takes it."""
    text: Any
    vae: Any
    text, vae = (network.to(dtype).eval().requires_grad_(False) for network in (TextEncoder(), VAE()))
    model = StableDiffusion(ours(dtype), vae, text, ScaledLinearSchedule(), "", 512, {})  # type: ignore[arg-type]
    model.unet.checkpointing = saving
    first = text.token_embedding.weight[:1].float()
    model.learn_words([Embedding("<new1>", first, {})])
    word = Word(first)
    optimizer = torch.optim.AdamW(word.parameters(), lr=5e-3, weight_decay=0.0)
    moments = encode_photos(model, [Image.new("RGB", (512, 512))], False, 1, 0)
    del model.vae.encoder
    ids = torch.tensor([model.tokenizer()("a photo of a <new1>").ids])
    draw = LatentBatches(moments, one_of(ids), 1, SCHEDULE, 0)
    loss = word_loss(model, "<new1>")

    def step(number: int) -> None:
        optimizer.zero_grad()
        loss(word, draw(number, slice(None))).mean().backward()
        optimizer.step()

    return step


def their_step(dtype: torch.dtype) -> Callable[[int], None]:
    """What diffusers' textual_inversion.py does in its loop, in the same precision."""
    from diffusers import AutoencoderKL, DDPMScheduler, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel

    with torch.device("meta"):
        unet: Any = UNet2DConditionModel(cross_attention_dim=768, attention_head_dim=8)
    names = unet_keys(unet.state_dict())
    stored = read_safetensors(FILE)[0]
    unet.load_state_dict({k: stored[PREFIXES["unet"] + name].to(dtype) for k, name in names.items()}, assign=True)
    unet = unet.requires_grad_(False)
    wide: Any = {"block_out_channels": (128, 256, 512, 512), "layers_per_block": 2, "latent_channels": 4}
    kinds: Any = {"down_block_types": ("DownEncoderBlock2D",) * 4, "up_block_types": ("UpDecoderBlock2D",) * 4}
    vae: Any = AutoencoderKL(**wide, **kinds)
    vae = vae.to(dtype).requires_grad_(False)
    shape: Any = {"hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 12}
    text: Any = CLIPTextModel(CLIPTextConfig(vocab_size=49409, **shape)).requires_grad_(False)
    table: torch.Tensor = text.get_input_embeddings().requires_grad_(True).weight
    scheduler: Any = DDPMScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear")
    optimizer = torch.optim.AdamW([table], lr=5e-3, weight_decay=1e-2)
    original = table.detach().clone()
    photo = torch.zeros(1, 3, 512, 512, dtype=dtype)
    ids = torch.tensor([[49406, 320, 1125, 539, 320, 49408, *[49407] * 71]])

    def step(number: int) -> None:
        latents = vae.encode(photo).latent_dist.sample().detach() * 0.18215
        noise, t = torch.randn_like(latents), torch.randint(1000, (1,))
        states = text(ids)[0].to(dtype)
        predicted = unet(scheduler.add_noise(latents, noise, t), t, states).sample
        F.mse_loss(predicted.float(), noise.float()).backward()
        optimizer.step()
        optimizer.zero_grad()
        with torch.no_grad():
            table[:49408] = original[:49408]

    return step


def one(whose: str, precision: str) -> None:
    """Time some steps and tell this process's peak."""
    torch.manual_seed(0)
    dtype = DTYPES[precision]
    step = their_step(dtype) if whose == "theirs" else our_step(dtype, whose == "ours-saving")
    seconds = []
    for number in range(STEPS + 1):
        began = time.perf_counter()
        step(number)
        seconds.append(time.perf_counter() - began)
    print(f"{whose} {precision}: {min(seconds[1:]):.2f} s a step, peak {peak_memory():.2f} GiB", flush=True)


def main() -> None:
    """Run what the module's docstring says."""
    write_weights()
    if len(sys.argv) > 1:
        one(*sys.argv[1:3])
        return
    precisions = ["fp32"] + (["bf16"] if choose_precision(torch.device("cpu")) == "bf16" else [])
    for precision in precisions:
        for whose in ("ours", "ours-saving", "theirs") * TURNS:
            subprocess.run([sys.executable, __file__, whose, precision], check=True)


if __name__ == "__main__":
    main()
