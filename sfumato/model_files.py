"""A Diffusion as a file: its weights in safetensors, and in the metadata all that makes it paint."""

import copy
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any, Callable, Dict, Optional

import torch
from torch import Tensor, nn

from .checkpoints import loaded, read_tensors, refuse_others, write_safetensors
from .checkpoints.stand_ins import shortened
from .diffusion import make_schedule
from .diffusion.schedules import described
from .errors import UserError, first_line
from .models.registry import NETWORKS, name_of

FORMAT = "sfumato diffusion 1"

_DIGITS = {
    "network": "digit-unet",
    "schedule": {"name": "cosine"},
    "predicts": "v",
    "shape": (3, 28, 28),
    "classes": [f"{dataset} {digit}" for dataset in ("mnistm", "svhn") for digit in range(10)],
}
_FACES = {"network": "face-unet", "schedule": {"name": "linear"}, "predicts": "eps", "shape": "config.size"}
_EARLIER: Dict[str, Dict[str, Any]] = {"sfumato digits 1": _DIGITS, "sfumato faces 1": _FACES}
"""What earlier formats left unsaid, because each was of one kind of model."""
_WEAK = "weak."
"""How the names of a weak network's weights begin, in a file that describes one."""


def save(model: Any, path: Path, dtype: torch.dtype = torch.float16, note: str = "") -> None:
    """Write a model, with its weak network if it has one, whole or not at all.

    Args:
        model: whose network is one of NETWORKS, or one of the user's own.
        path: ends in .safetensors.
        dtype: of the stored weights; half precision halves the file and changes no picture visibly.
        note: how the weights came to be.

    Raises:
        OSError: naming the file, as where the disk is full.
        ValueError: for a model with a weak network whose own weights are called as that one's would be.
    """
    state, told = _state(model, dtype), {"format": FORMAT, "model": json.dumps(_described(model)), "note": note}
    if model.weak is not None:
        clash = [name for name in state if name.startswith(_WEAK)]
        if clash:
            raise ValueError(f"a network with weights called {clash[0]} cannot be saved with a weak one; rename them")
        state.update({_WEAK + name: value for name, value in _state(model.weak, dtype).items()})
        told["weak"] = json.dumps(_described(model.weak))
    write_safetensors(path, state, told)


def _state(model: Any, dtype: torch.dtype) -> Dict[str, Tensor]:
    return {key: _in(value, dtype) for key, value in model.network.state_dict().items()}


def _described(model: Any) -> Dict[str, Any]:
    name = name_of(model.network)
    return {
        "network": name,
        "config": asdict(model.network.config) if name else {},
        "schedule": described(model.schedule),
        "predicts": model.predicts,
        "shape": model.shape,
        "classes": model.classes,
        "null": model.null,
        "loss": model.loss,
        "sigma_data": model.sigma_data,
        "clamp": model.clamp,
    }


def load(make: Callable[..., Any], path: Path, network: Optional[nn.Module], what: str) -> Any:
    """Read what `save` wrote, or an earlier version's digits and faces.

    Args:
        make: the class to make.
        path: of the file.
        network: of the user's own, which takes the weights; one of ours is made as the file says.
        what: kind of model wanted, in words, for the error.

    Raises:
        UserError: if the file is none, or says what this version does not know.
    """
    state, metadata = read_tensors(path)
    description = _description(metadata, path, what)
    refuse_others(state, path)
    if metadata["format"] != FORMAT or "weak" not in metadata:
        return _made(make, state, description, path, network, what)
    mine = {key: value for key, value in state.items() if not key.startswith(_WEAK)}
    weaker = {key[len(_WEAK) :]: value for key, value in state.items() if key.startswith(_WEAK)}
    # One's own network is one model; the weak one needs another.
    other = copy.deepcopy(network)
    model = _made(make, mine, description, path, network, what)
    told = _description({**metadata, "model": metadata["weak"]}, path, what)
    try:
        return model.with_weak(_made(make, weaker, told, path, other, f"weak network of the {what}"))
    except ValueError as error:
        raise UserError(f"{path}: {shortened(first_line(error))}") from None


def _made(
    make: Callable[..., Any],
    state: Dict[str, Tensor],
    description: Dict[str, Any],
    path: Path,
    network: Optional[nn.Module],
    what: str,
) -> Any:
    """A model of weights and what a file says of it; see `load`."""
    wide = {key: _in(value, torch.float32) for key, value in state.items()}
    name, config = description.pop("network", ""), description.pop("config", {})
    if network is None and name not in NETWORKS:
        raise UserError(f"{path}: holds weights of a network of one's own; give that network, to take them")

    def made() -> nn.Module:
        return NETWORKS[name].make(NETWORKS[name].config(**config)) if network is None else network

    filled: Any = loaded(made, wide, path, what)
    try:
        if description.get("shape") == "config.size":
            description["shape"] = (3, filled.config.size, filled.config.size)
        schedule = make_schedule(**_named_only(description.pop("schedule")))
        return make(filled, schedule, **description).eval()
    except (TypeError, ValueError, KeyError, AttributeError, OverflowError) as error:
        reason = shortened(first_line(error))
        raise UserError(f"{path}: is of a model that this version does not know ({reason})") from None


def _description(metadata: Dict[str, str], path: Path, what: str) -> Dict[str, Any]:
    """What a file says of its model, lists as tuples inside the config."""
    kind = metadata.get("format", "")
    try:
        if kind == FORMAT:
            description = json.loads(metadata["model"])
        elif kind in _EARLIER:
            description = {**_EARLIER[kind], "config": json.loads(metadata.get("config", "{}"))}
        else:
            found = kind or "weights of an unnamed model"
            raise UserError(f"{path}: holds {shortened(found)}, not a {what}; give a file that a training here wrote")
        config = {
            key: tuple(value) if isinstance(value, list) else value for key, value in description["config"].items()
        }
        if not isinstance(description["network"], str):
            raise TypeError(f"a network called {description['network']!r}")
        return {**description, "config": config}
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError):
        raise UserError(f"{path}: its description of the model is damaged; get the file again") from None


def _named_only(schedule: Dict[str, Any]) -> Dict[str, Any]:
    """A described schedule; a file may not say how long a table is to be made, it holds the table or names it."""
    unknown = set(schedule) - {"name", "alpha_bar", "sigma_min", "sigma_max"}
    if unknown:
        raise ValueError(f"a schedule with {', '.join(sorted(map(repr, unknown)))}")
    return schedule


def _in(value: Tensor, dtype: torch.dtype) -> Tensor:
    return value.to(dtype) if value.is_floating_point() else value
