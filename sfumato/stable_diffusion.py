"""Stable Diffusion v1 whole: U-Net, autoencoder, text encoder, tokenizer, schedule, and learned words."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Sequence, Set, Tuple, TypeVar

import torch
from torch import Tensor, nn

from .checkpoints import Embedding, filled, fingerprint, name_of_weights, read_stable_diffusion
from .devices import DTYPES, refuse_to_compile
from .diffusion import NetworkDenoiser, ScaledLinearSchedule, Schedule
from .errors import UserError, first_line
from .keeping import kept, sharing
from .models.additions import Addition, add
from .models.packing import is_compiled
from .models.shipped import shipped
from .models.stable_diffusion import VAE, TextConfig, TextEncoder, UNet, UNetConfig, VAEConfig
from .models.stable_diffusion.shapes import text_config, unet_config, vae_config
from .models.stable_diffusion.tokenizer import VOCABULARY, Tokenizer, Tokens

SMALL_WORLD = shipped("world.safetensors")
"""The checkpoint that ships with the package: digits on 48x48 pixels."""

SCHEDULE = ScaledLinearSchedule()
"""Of all that are version 1: 1,000 times."""

VAE_OPTION = {
    "help": (
        "The file or folder of an autoencoder in place of the checkpoint's own, such as vae-ft-mse-840000: CompVis' or"
        " diffusers' keys, or a checkpoint that has it. Needed for a checkpoint without one."
    )
}
"""The metadata of an option for it."""

_Network = TypeVar("_Network", bound=nn.Module)
_Config = TypeVar("_Config")


class Amount(NamedTuple):
    """How much of an addition is added to each network."""

    unet: float = 1.0
    text: float = 1.0

    def of(self, layer: str) -> float:
        """To a layer, as `StableDiffusion.networks` calls it."""
        return self.unet if layer.startswith("unet.") else self.text

    def __str__(self) -> str:
        return f"{self.unet:g}" if self.unet == self.text else f"unet={self.unet:g},text={self.text:g}"


class Added(NamedTuple):
    """What was added to a model's weights."""

    called: str
    """What people call it."""
    amount: Amount
    trigger: str = ""
    """What to say in a prompt to have it, where its file tells that."""
    distilled: str = ""
    """What it was distilled for, where its file tells that: lcm, or ddim-4 for four steps of DDIM."""
    checkpoint: str = ""
    """The fingerprint of the model that it was learned for, where its file tells that."""


@dataclass
class StableDiffusion:
    """The networks of a checkpoint, frozen, and the words that were learned for it."""

    unet: UNet
    vae: VAE
    text: TextEncoder
    schedule: Schedule
    name: str
    """The checkpoint's fingerprint."""
    size: int
    """Height and width of the pictures that it was trained on."""
    words: Dict[str, Tensor]
    """Learned word -> its vectors [n, width]."""
    any_case: Set[str] = field(default_factory=set)
    """Those of the words that prompts may spell in any letter case; see `Embedding`."""
    also: Dict[str, str] = field(default_factory=dict)
    """Another spelling -> the word that it stands for."""
    autoencoder: str = ""
    """A name of its weights, which the fingerprint says nothing of."""
    added: Dict[str, Added] = field(default_factory=dict)
    """What was added to its weights, by a name of what it holds."""

    @classmethod
    def load(cls, path: Path, dtype: torch.dtype = torch.float32, vae: Optional[Path] = None) -> "StableDiffusion":
        """Read a checkpoint of any layout; see `read_stable_diffusion`.

        Args:
            path: of the checkpoint.
            dtype: of the weights in memory. The autoencoder is never in float16, whose range its insides leave.
            vae: an autoencoder in place of the checkpoint's own; see `read_vae`.

        Raises:
            UserError: if it cannot be used.
        """
        return kept((cls, str(path), dtype, str(vae)), lambda: cls._read(path, dtype, vae), cls._sharing)

    @classmethod
    def _read(cls, path: Path, dtype: torch.dtype, vae: Optional[Path]) -> "StableDiffusion":
        parts = read_stable_diffusion(path, vae)
        name, autoencoder = fingerprint(parts), name_of_weights(parts.vae)  # before the networks take the weights
        wide = torch.float32 if dtype == torch.float16 else dtype
        unet = _network(unet_config, UNet, parts.unet, dtype, path, "U-Net")
        encoder = _network(vae_config, VAE, parts.vae, wide, vae or path, "autoencoder")
        made, taken = encoder.config.latent, unet.config.channels
        if made != taken:
            raise UserError(f"{vae or path}: its latents have {made} channels, the U-Net's {taken}; give its own")
        return cls(
            unet=unet,
            vae=encoder,
            text=_network(text_config, TextEncoder, parts.text, dtype, path, "text encoder"),
            schedule=SCHEDULE,
            name=name,
            size=parts.size,
            words={},
            autoencoder=autoencoder,
        )

    def _sharing(self) -> "StableDiffusion":
        """The same checkpoint once more, its weights in the same memory, for words and additions of its own."""
        unet, vae, text = sharing(self.unet), sharing(self.vae), sharing(self.text)
        once_more = replace(self, unet=unet, vae=vae, text=text, words=dict(self.words), any_case=set(self.any_case))
        return replace(once_more, also=dict(self.also), added=dict(self.added))

    @property
    def precision(self) -> str:
        """Of the U-Net's weights, in which it computes."""
        return next(name for name, dtype in DTYPES.items() if dtype == next(self.unet.parameters()).dtype)

    def identity(self) -> Dict[str, str]:
        """What of the checkpoint decides a result: names of the networks' weights, and the precision that they are in.

        Words are learned for the U-Net and the text encoder, which `checkpoint` names; pictures need the autoencoder.
        """
        told = {"checkpoint": self.name, "autoencoder": self.autoencoder, "precision": self.precision}
        told.update({f"added {name}": str(one.amount) for name, one in self.added.items()})
        return {**told, "compiled": "U-Net"} if is_compiled(self.unet) else told

    def compile(self) -> "StableDiffusion":
        """Have the U-Net compiled when it is first called for a batch of another shape; returns itself.

        What is painted is then no longer the same to the bit in every batch.

        Raises:
            UserError: where that cannot be.
        """
        refuse_to_compile(next(self.unet.parameters()).device)
        # Frozen weights are laid out once, as `packed` does where nothing is compiled.
        self.unet.compile(options={"freezing": True})
        return self

    def to(self, device: torch.device) -> "StableDiffusion":
        """Move all networks; returns itself."""
        for network in (self.unet, self.vae, self.text):
            network.to(device)
        return self

    def networks(self) -> nn.ModuleDict:
        """The U-Net and the text encoder together; their layers are called unet.… and text.…"""
        return nn.ModuleDict({"unet": self.unet, "text": self.text})

    def add(self, additions: Mapping[str, Addition], name: str, added: Added) -> None:
        """Add to the weights in memory; the checkpoint's file stays as it is.

        Args:
            additions: by layer, see `networks`.
            name: of what they hold.
            added: what people call them, and how much of each is added.

        Raises:
            UserError: for a layer that this checkpoint lacks, or of another shape; nothing was added then.
        """
        try:
            add(
                self.networks(),
                {layer: one._replace(scale=added.amount.of(layer) * one.scale) for layer, one in additions.items()},
            )
        except KeyError as missing:
            raise UserError(f"{added.called}: is for a layer {missing} that this checkpoint does not have") from None
        except ValueError as fault:
            raise UserError(f"{added.called}: was learned for another model: {fault}") from None
        self.added[name] = added

    def learn_words(self, embeddings: Sequence[Embedding]) -> None:
        """Make words known; a later one takes the place of an earlier one of the same token.

        Raises:
            UserError: if one was learned for another width of text encoder, or is in the vocabulary already.
        """
        width = self.text.config.width
        for embedding in embeddings:
            token, wide = embedding.token, embedding.vectors.shape[1]
            if wide != width:
                raise UserError(
                    f"{token}: its vectors are {wide} wide, the checkpoint's {width}; it was learned for another model"
                )
            # A1111 lets its words be any, and whoever calls a file so wants them.
            if not embedding.any_case and Tokenizer().known(token):
                raise UserError(f"{token}: is in the vocabulary already; learned words look like <new1>")
            for spelling in (token, *embedding.also):
                self.words.pop(spelling, None)
                self.any_case.discard(spelling)
                self.also = {one: word for one, word in self.also.items() if spelling not in (one, word)}
            self.words[token] = embedding.vectors
            self.also.update(dict.fromkeys(embedding.also, token))
            if embedding.any_case:
                self.any_case.add(token)

    def tokenizer(self) -> Tokenizer:
        """The encoding of prompts with the words known so far."""
        counts = {word: len(vectors) for word, vectors in self.words.items()}
        return Tokenizer(counts, self.text.config.tokens, self.any_case, self.also)

    def said(self, text: str) -> List[Any]:
        """What the text encoder is told of a text, as JSON can hold it: ids, and the vectors of learned words."""
        ids = self.tokenizer()(text).ids
        rows = [row for vectors in self.words.values() for row in vectors.tolist()]
        return [rows[one - VOCABULARY] if one >= VOCABULARY else one for one in ids]

    @torch.no_grad()
    def encode(self, prompts: Sequence[Tokens]) -> Tensor:
        """The text states [B, tokens, width] of encoded prompts."""
        device = self.text.token_embedding.weight.device
        return self.states(torch.tensor([prompt.ids for prompt in prompts], device=device))

    def states(self, ids: Tensor) -> Tensor:
        """The text states [B, tokens, width] of ids [B, tokens], through which gradients reach learned words."""
        return self.text(ids.clamp(max=VOCABULARY - 1), self.embedded(ids))

    def denoiser(self, states: Tensor) -> NetworkDenoiser:
        """What the U-Net knows of latents whose texts' hidden states [B, 77, 768] are these; it predicts eps."""
        return NetworkDenoiser(self.unet, self.schedule, "eps", (states,))

    def embedded(self, ids: Tensor) -> Tensor:
        """The embeddings [B, n, width] of ids, learned words' from their vectors."""
        table = self.text.token_embedding
        looked_up = table(ids.clamp(max=VOCABULARY - 1))
        learned = ids >= VOCABULARY
        if not bool(learned.any()):
            return looked_up
        vectors = torch.cat([self.words[word] for word in self.words]).to(looked_up)
        rows = vectors[(ids - VOCABULARY).clamp(min=0)]
        return torch.where(learned[..., None], rows, looked_up)

    def latent_shape(self, height: Optional[int], width: Optional[int]) -> Tuple[int, int, int]:
        """(channels, h, w) of the latents of a picture; the trained size where none is given.

        Raises:
            UserError: if the size does not divide.
        """
        unit = self.vae.factor * self.unet.side_unit
        sides = []
        for name, given in (("height", height), ("width", width)):
            side = self.size if given is None else given
            if side < unit or side % unit:
                raise UserError(f"{name} must be a multiple of {unit} for this checkpoint, got {side}")
            sides.append(side // self.vae.factor)
        return self.vae.config.latent, sides[0], sides[1]


def refuse_shapes(
    size: int, vae: VAEConfig, unet: Optional[UNetConfig] = None, text: Optional[TextConfig] = None
) -> None:
    """Refuse shapes of networks that do not fit each other, or pictures of a size.

    Raises:
        UserError: naming the setting.
    """
    if unet is not None and text is not None and unet.context != text.width:
        raise UserError(f"--context must be {text.width}, the width of the text's states, got {unet.context}")
    if unet is not None and unet.channels != vae.latent:
        raise UserError(f"--channels must be {vae.latent}, those of the autoencoder's latents, got {unet.channels}")
    halvings = len(vae.multipliers) - 1 + (0 if unet is None else len(unet.multipliers) - 1)
    if size % 2**halvings:
        raise UserError(f"--multipliers: pictures of {size} cannot be halved {halvings} times; give fewer levels")


def _network(
    read_config: Callable[[Mapping[str, List[int]]], _Config],
    network: Callable[[_Config], _Network],
    state: Dict[str, Tensor],
    dtype: torch.dtype,
    path: Path,
    what: str,
) -> _Network:
    # What has no numbers in it says nothing of a shape.
    shapes = {key: list(value.shape) for key, value in state.items() if value.numel()}
    try:
        config = read_config(shapes)
    except LookupError as missing:
        reason = str(missing).strip("'")
        raise UserError(f"{path}: is no Stable Diffusion v1: its {what} lacks {reason}") from None
    except (ValueError, ArithmeticError, TypeError) as error:
        raise UserError(f"{path}: is no Stable Diffusion v1: its {what} cannot be: {first_line(error)}") from None
    return filled(lambda: network(config), state, path, what, dtype)
