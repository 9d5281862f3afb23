"""The alpha of a LoRA's layers where no tensor holds it: in peft's and diffusers' notes on their adapters.

| note | where |
|---|---|
| adapter_config.json | peft's, beside the file |
| lora_adapter_metadata | diffusers' (0.34 on), in the metadata; keys begin with "unet.", "text_encoder." or neither |

Where there is no note either, alpha is the rank.
"""

import math
import re
from pathlib import Path
from typing import Any, Dict, Mapping, Optional

from ..errors import UserError
from .lora_keys import LoraKey
from .stand_ins import described, shortened
from .texts import parsed_json, read_json

_KEY = "lora_adapter_metadata"
_NETWORKS = {"unet": "unet.", "text": "text_encoder."}
_ADVICE = "get the adapter again, or take the file into another folder"
_OTHER_BASE = ("pissa", "olora", "corda", "loftq", "lora_ga")
"""Ways to begin that change the weights which the LoRA is added to; their files fit no others."""


class Alphas:
    """What notes say of alphas; they are read when a layer is asked for that they can be of.

    Args:
        path: of the LoRA.
        metadata: its own.
    """

    def __init__(self, path: Path, metadata: Mapping[str, str]) -> None:
        self.path = path
        self._metadata = metadata
        self._notes: Optional[Dict[str, Dict[str, Any]]] = None

    def of(self, key: LoraKey, rank: int) -> float:
        """The alpha of a layer that has no tensor for it.

        Raises:
            UserError: if a note cannot be read or says that the file is no plain LoRA, or its alpha is no number or is
                given by a rule that is not understood.
        """
        if key.naming not in ("peft", "diffusers"):
            return float(rank)
        self._notes = self._notes or self._read()
        note = self._notes[key.network]
        alpha = note.get("lora_alpha", rank)
        patterns = note.get("alpha_pattern") or {}
        if not isinstance(patterns, dict):
            raise UserError(f"{self.path}: alpha_pattern is {described(patterns)} and no table; {_ADVICE}")
        alpha = next((value for pattern, value in patterns.items() if self._is_for(pattern, key.module)), alpha)
        if isinstance(alpha, bool) or not isinstance(alpha, (int, float)) or not math.isfinite(alpha):
            raise UserError(f"{self.path}: lora_alpha is {shortened(str(alpha))}, which is no number; {_ADVICE}")
        # Kalajdzievski 2023: divided by the root of the rank.
        return float(alpha) * (math.sqrt(rank) if note.get("use_rslora") is True else 1)

    def _read(self) -> Dict[str, Dict[str, Any]]:
        """Network -> its note."""
        beside, note = self.path.parent / "adapter_config.json", {}
        if _KEY in self._metadata:
            try:
                note = parsed_json(self._metadata[_KEY], False, {})
            except ValueError as fault:
                raise UserError(f"{self.path}: its note on the adapter is no JSON ({fault}); get it again") from None
        elif beside.is_file():
            note = read_json(beside, _ADVICE)
        if not isinstance(note, dict):
            raise UserError(f"{self.path}: its note on the adapter is {described(note)} and no table; {_ADVICE}")
        notes = {
            network: {key[len(begin) :]: value for key, value in note.items() if key.startswith(begin)} or note
            for network, begin in _NETWORKS.items()
        }
        for one in notes.values():
            self._refuse_others(one)
        return notes

    def _is_for(self, pattern: str, module: str) -> bool:
        """Whether a pattern means a module: the end of its name, or the whole after a ^.

        peft takes patterns for regular expressions. A file's can run for ever, and what is written are names.
        """
        name = pattern.replace("\\.", ".")
        if not re.fullmatch(r"\^?[\w.]+", name):
            raise UserError(
                f"{self.path}: its alpha_pattern has the rule {shortened(pattern)}; only names of layers are read"
            )
        whole, plain = module.replace("text_model.", "", 1), name.lstrip("^").replace("text_model.", "", 1)
        return whole == plain or (not name.startswith("^") and whole.endswith(f".{plain}"))

    def _refuse_others(self, note: Mapping[str, Any]) -> None:
        kind, begin = note.get("peft_type", "LORA"), note.get("init_lora_weights")
        if kind != "LORA":
            raise UserError(f"{self.path}: is an adapter of the kind {shortened(str(kind))}; only plain LoRAs are read")
        if note.get("use_dora") is True:
            raise UserError(f"{self.path}: is a DoRA; only plain LoRAs are read")
        if isinstance(begin, str) and begin.lower().startswith(_OTHER_BASE):
            raise UserError(
                f"{self.path}: began by changing the checkpoint's own weights ({shortened(begin)}) and fits no other;"
                " save it as a plain LoRA"
            )
