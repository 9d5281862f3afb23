"""What is learned from a few photos, beside a word: nothing, or which layers of a frozen model get an addition.

word      the vectors of a word alone                                  Gal et al. 2022, "Textual inversion"
custom    and the keys and values that the U-Net makes of a text       Kumari et al. 2022, "Custom Diffusion"
lora      and two thin matrices for each layer of its attentions       Hu et al. 2021, "LoRA"
"""

import math
from dataclasses import dataclass
from typing import Dict, Tuple

import torch
from torch import Tensor

from ..diffusion import seed_of
from ..errors import UserError
from ..models.additions import Addition, layer_names
from ..stable_diffusion import StableDiffusion

ATTENTIONS = tuple(f"attn{n}.{layer}" for n in (1, 2) for layer in ("to_q", "to_k", "to_v", "to_out.0"))
_OF_TEXT = ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.out_proj")


@dataclass(frozen=True)
class Method:
    """Which layers get an addition, by how their names end."""

    unet: Tuple[str, ...] = ()
    text: Tuple[str, ...] = ()
    """Where the text encoder learns too."""
    thin: bool = False
    """Whether an addition is the product of two thin matrices."""
    lr: float = 0.0
    """Peak learning rate of the additions (AdamW)."""
    small_lr: float = 0.0
    """The same with the small world's presets, whose batches are larger, for layers that are thin."""
    small_steps: int = 0
    """With those presets, for each concept: weights come to the likeness sooner than a word, and then unlearn to
    obey."""
    prior_share: float = 0.0
    """Of pictures that the model painted before, among those that are not composed."""
    mix_share: float = 0.0
    """Of composed pictures, where several concepts are learned."""


METHODS: Dict[str, Method] = {
    "word": Method(),
    "custom": Method(
        unet=("attn2.to_k", "attn2.to_v"), lr=4e-5, small_lr=5e-4, small_steps=200, prior_share=0.5, mix_share=0.5
    ),
    "lora": Method(
        ATTENTIONS, _OF_TEXT, thin=True, lr=1e-4, small_lr=2e-4, small_steps=200, prior_share=0.5, mix_share=0.42
    ),
}
"""By the names that the command takes."""


def first_additions(
    model: StableDiffusion, method: Method, rank: int, alpha: float, text: bool, seed: int
) -> Dict[str, Addition]:
    """What the learning begins with, by layer as `StableDiffusion.networks` calls them: all of them add nothing.

    Args:
        model: that learns.
        method: see METHODS.
        rank: of thin additions.
        alpha: of thin additions, which are scaled by alpha / rank, so that another rank needs no other learning rate.
        text: whether the text encoder's layers are among them.
        seed: of the matrices that meet the input first.

    Raises:
        UserError: for a rank above what some layer has.
    """
    endings = {"unet": method.unet, "text": method.text if text else ()}
    networks, additions = model.networks(), {}
    for name in (f"{part}.{one}" for part in endings for one in layer_names(getattr(model, part), endings[part])):
        weight = networks.get_parameter(f"{name}.weight")
        additions[name] = _thin(name, weight, rank, alpha, seed) if method.thin else _whole(weight)
    return additions


def _whole(weight: Tensor) -> Addition:
    return Addition((torch.zeros(weight.shape),))


def _thin(name: str, weight: Tensor, rank: int, alpha: float, seed: int) -> Addition:
    outputs, inputs = weight.shape[0], weight[0].numel()
    if rank > min(outputs, inputs):
        raise UserError(f"--rank must be at most {min(outputs, inputs)}, which {name} has, got {rank}")
    source = torch.Generator().manual_seed(seed_of(seed, "lora", name))
    # Inputs of size 1 become D x of size 1, whatever the rank; U begins as nothing.
    down = torch.randn(rank, *weight.shape[1:], generator=source) / math.sqrt(inputs)
    return Addition((down, torch.zeros(outputs, rank, *[1] * (weight.dim() - 2))), alpha / rank)
