"""The parameters of a personalisation: the vectors of words, and what is added to a frozen model's layers."""

import collections
import contextlib
from typing import Deque, Dict, Iterator, List, Mapping, Sequence, Tuple

from torch import Tensor, nn

from ..models.additions import Addition, Attachment
from ..stable_diffusion import StableDiffusion
from .losses import masked_loss

Values = Tuple[Dict[str, Tensor], Dict[str, Addition]]
"""Vectors [n, width] by word, and additions by layer."""

_RECENT, _EXPLODED = 50, 2.0


class Learned(nn.Module):
    """What a model learns.

    Args:
        words: the first vectors of each [n, width].
        additions: the first ones, by layer as `StableDiffusion.networks` calls them.
    """

    def __init__(self, words: Mapping[str, Tensor], additions: Mapping[str, Addition]) -> None:
        super().__init__()
        self._tokens, self._layers = list(words), {name: one.scale for name, one in additions.items()}
        self.vectors = nn.ParameterList([nn.Parameter(one.clone().float()) for one in words.values()])
        self.parts = nn.ParameterList(
            [nn.Parameter(part.clone().float()) for one in additions.values() for part in one.parts]
        )

    @property
    def layers(self) -> List[str]:
        """That have an addition."""
        return list(self._layers)

    def forward(self) -> Values:
        """What they are at this moment, as parts of the graph: processes that learn together share what passes here."""
        parts = [part.view_as(part) for part in self.parts]
        each = len(parts) // max(1, len(self._layers))
        additions = {
            name: Addition(tuple(parts[place * each : (place + 1) * each]), scale)
            for place, (name, scale) in enumerate(self._layers.items())
        }
        return {token: one.view_as(one) for token, one in zip(self._tokens, self.vectors)}, additions


class LearnedLoss:
    """(what is learned, batch) -> the loss of each row [n]; its gradients reach what is learned alone.

        argmin  E_{photo, text, t, eps} | eps - eps_theta(z_t, t, tau(text)) |^2           (Gal et al. 2022, eq. 2)

    where the word is in the text, and the additions are in theta and tau.

    Args:
        model: frozen, on its device; while this is called, its words become those that are learned.
        layers: that have additions.
    """

    def __init__(self, model: StableDiffusion, layers: Sequence[str]) -> None:
        self._model, self._attachment = model, Attachment(model.networks(), layers)

    def __call__(self, network: nn.Module, batch: Sequence[Tensor]) -> Tensor:
        """The batch: x0 [n, latent, h, w], t [n], eps like x0, ids [n, tokens], and how much counts [n, 1, h, w]."""
        x0, t, eps, ids, weights = batch
        words, additions = network()
        self._model.words.update(words)
        # They stay: what a checkpointed U-Net computes again on the way back must be the same.
        self._attachment.values = additions
        return masked_loss(self._model.denoiser(self._model.states(ids)), x0, t, eps, weights)

    @contextlib.contextmanager
    def resting(self) -> Iterator[None]:
        """The model is the checkpoint's, with its words as they were, until the block ends."""
        kept, values = dict(self._model.words), self._attachment.values
        self._attachment.values = {}
        try:
            yield
        finally:
            self._model.words.update(kept)
            self._attachment.values = values


class Watch:
    """Notices a loss that grows: it raises once the mean of the last 50 steps is twice that of the first 50."""

    def __init__(self) -> None:
        self._early: List[float] = []
        self._recent: Deque[float] = collections.deque(maxlen=_RECENT)

    def see(self, loss: float) -> None:
        """A step's loss.

        Raises:
            FloatingPointError: saying what to do.
        """
        self._recent.append(loss)
        if len(self._early) < _RECENT:
            self._early.append(loss)
        elif sum(self._recent) > _EXPLODED * sum(self._early):
            began, now = sum(self._early) / _RECENT, sum(self._recent) / _RECENT
            raise FloatingPointError(
                f"the mean loss of {_RECENT} steps rose from {began:.3g} to {now:.3g}; lower the learning rate, or"
                " raise --batch-size"
            )
