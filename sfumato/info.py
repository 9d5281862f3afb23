"""`sfumato info`: what files and folders are, by what is in them. Nothing in them is run, and nothing is changed."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Mapping, Tuple

from .checkpoints import WhatFile, looks_like_safetensors, read_json, shortened, visible_files, what_file
from .errors import UserError
from .images import begins_as_picture, note_in, open_picture, texts_in
from .runs import NOTE, read_log

_AT_ONCE, _HEAD = 1 << 20, 64
_UNITS = ("bytes", "kB", "MB", "GB", "TB")
_PIPELINE = ("unet", "text_encoder")
_LONGEST = 160


@dataclass
class InfoOptions:
    """Say what files are: checkpoints, LoRAs, learned words, autoencoders, painted pictures, runs, and others'."""

    files: Tuple[Path, ...]
    """Files or folders."""
    sha256: bool = False
    """Also the SHA-256 of each file, by which catalogues know it; of a checkpoint it takes seconds."""


def info(options: InfoOptions) -> Dict[str, WhatFile]:
    """Print and return what each is.

    Raises:
        UserError: for those that are not there, or are nothing that is known; the others were printed.
    """
    if not options.files:
        raise UserError("FILES: give at least one file or folder")
    found: Dict[str, WhatFile] = {}
    faults: List[str] = []
    for path in options.files:
        try:
            found[str(path)] = _told(path, options.sha256)
        except UserError as fault:
            faults.append(str(fault))
            continue
        kind, facts = found[str(path)]
        print(f"{path}: {kind}")
        wide = max(map(len, facts), default=0)
        for name, text in facts.items():
            print(f"  {name:<{wide}}  {text}")
    if faults:
        raise UserError("; ".join(faults))
    return found


def _told(path: Path, with_hash: bool) -> WhatFile:
    if path.is_dir():
        return _folder(path)
    if not path.is_file():
        raise UserError(f"{path}: there is no such file or folder; check the path")
    with open(path, "rb") as file:
        head = file.read(_HEAD)
    if head.lstrip()[:1] == b"{" and not looks_like_safetensors(head):
        kind, facts = _json(path)
    elif begins_as_picture(head):
        kind, facts = _picture(path)
    else:
        kind, facts = what_file(path)
    facts = {**facts, "on disk": _size(path.stat().st_size)}
    return WhatFile(kind, {**facts, **({"SHA-256": _sha256(path)} if with_hash else {})})


def _picture(path: Path) -> WhatFile:
    """A picture; one of ours has a note of its settings in it, A1111's and ComfyUI's have texts."""
    shown = open_picture(path)
    facts, note = {"pixels": f"{shown.width} x {shown.height}"}, note_in(path)
    if note:
        return WhatFile("picture, painted by sfumato", {**facts, **_plain(note)})
    return WhatFile("picture", {**facts, **_plain(texts_in(path))})


def _json(path: Path) -> WhatFile:
    told = read_json(path, "give a file that is whole")
    if isinstance(told, dict) and {"command", "settings"} <= set(told):
        return _run(path, told)
    if isinstance(told, dict) and told and all(isinstance(v, dict) and "token_name" in v for v in told.values()):
        words = ", ".join(shortened(str(one["token_name"])) for one in told.values())
        return WhatFile("the course's input.json", {"words": words})
    inside = list(map(str, told))[:5] if isinstance(told, (dict, list)) else []
    return WhatFile("text in JSON, of no kind that is known", {"its first keys": ", ".join(map(shortened, inside))})


def _run(path: Path, note: Mapping[str, Any]) -> WhatFile:
    facts = _plain({"command": note["command"], "typed": note.get("command_line", "")})
    lines = read_log(path.parent / "log.jsonl")
    if lines:
        facts["steps"] = f"{lines[-1]['step']:g} in its log"
    settings = note["settings"] if isinstance(note["settings"], dict) else {}
    facts.update(_plain(settings))
    versions = note.get("versions")
    if isinstance(versions, dict):
        facts["versions"] = ", ".join(f"{shortened(str(name))} {shortened(str(one))}" for name, one in versions.items())
    return WhatFile("run", {name: text for name, text in facts.items() if text})


def _folder(path: Path) -> WhatFile:
    if (path / NOTE).is_file():
        note = read_json(path / NOTE, "give a folder whose note is whole", ours=True)
        if not isinstance(note, dict) or not {"command", "settings"} <= set(note):
            raise UserError(f"{path / NOTE}: is no note of a run; give another folder")
        kind, facts = _run(path / NOTE, note)
        results = [one.name for one in visible_files(path) if one.suffix == ".safetensors" and "state-" not in one.name]
        return WhatFile(kind, {**facts, **({"wrote": ", ".join(map(shortened, results))} if results else {})})
    if all((path / part).is_dir() for part in _PIPELINE):
        return _pipeline(path)
    names = {one.name for one in visible_files(path)}
    if {"config.json", "preprocessor_config.json"} <= names:
        return WhatFile("CLIP", _config(path / "config.json"))
    if names & {"adapter_config.json", "adapter_model.safetensors", "pytorch_lora_weights.safetensors"}:
        return what_file(path)
    if "diffusion_pytorch_model.safetensors" in names:
        return what_file(path / "diffusion_pytorch_model.safetensors")
    raise UserError(f"{path}: is a folder of nothing that is known as a whole; give files in it")


def _pipeline(path: Path) -> WhatFile:
    facts, named = {}, _config(path / "model_index.json").get(" class name")
    if named is not None:
        facts["class"] = named
    width = _config(path / "unet" / "config.json").get("cross attention dim", "")
    known = {"768": "Stable Diffusion 1", "1024": "Stable Diffusion 2", "2048": "Stable Diffusion XL"}
    parts = sorted(one.name for one in path.iterdir() if one.is_dir() and not one.name.startswith("."))
    facts["parts"] = ", ".join(map(shortened, parts))
    return WhatFile(f"diffusers' folder of {known.get(width, 'a Stable Diffusion')}", facts)


def _config(path: Path) -> Dict[str, str]:
    told = read_json(path, "give another folder") if path.is_file() else {}
    return _plain(told) if isinstance(told, dict) else {}


def _plain(told: Mapping[str, Any]) -> Dict[str, str]:
    """Settings as lines; what is empty is left out."""
    facts = {}
    for name, value in told.items():
        if value in (None, "", [], {}, ()):
            continue
        text = value if isinstance(value, str) else json.dumps(value)
        facts[shortened(str(name).replace("_", " "), 40)] = shortened(" ".join(text.split()), _LONGEST)
    return facts


def _size(count: float) -> str:
    unit = 0
    while count >= 1000 and unit < len(_UNITS) - 1:
        count, unit = count / 1000, unit + 1
    return f"{count:.3g} {_UNITS[unit]}"


def _sha256(path: Path) -> str:
    whole = hashlib.sha256()
    with open(path, "rb") as file:
        for part in iter(lambda: file.read(_AT_ONCE), b""):
            whole.update(part)
    return whole.hexdigest()
