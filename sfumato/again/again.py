"""A picture painted anew from its own text: the same picture, where the files that it was painted from are there.

The text is ours, or AUTOMATIC1111's, which names less. What it says is held to what options allow, and what it names is
looked for by name and contents: nothing of it acts, and no path in it is followed.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, Dict, Optional, Tuple

import numpy as np
import torch
from torch import Tensor

from ..errors import UserError
from ..images import PARAMETERS, note_in, open_picture, read_parameters, save_png, texts_in
from ..options import check_options
from ..outputs import open_for_file, refuse_file
from .concepts import paint_prompt
from .found import Files
from .jobs import Painted, paint_digit, paint_face, paint_of_own
from .others import note_of_parameters
from .told import Told


@dataclass
class AgainOptions:
    """Paint a picture anew from the text that it carries, ours or AUTOMATIC1111's."""

    picture: Path
    """A PNG that one of our `generate` commands painted, or AUTOMATIC1111."""
    out: Optional[Path] = field(default=None, metadata={"place": True})
    """The PNG to write; PICTURE-again.png beside it by default."""
    models: Tuple[Path, ...] = ()
    """Folders in which the files that it was painted from are looked for, in all of them: weights, words, LoRAs,
    noises. Those that ship and those of the run that painted it are found without."""


DRAWN = ("run_seed", "count")
"""By which options the command reached it."""
PAINTERS: Dict[str, Callable[[Told, Files], Painted]] = {
    "digits generate": paint_digit,
    "faces generate": paint_face,
    "pictures generate": paint_of_own,
    "concepts generate": paint_prompt,
}
"""The commands whose pictures can be painted again."""


def again(options: AgainOptions) -> Path:
    """Paint a picture anew; see AgainOptions.

    Returns:
        The new picture.

    Raises:
        UserError: for a picture without a text that is known, a text that cannot be used, files that are missing, or a
            path that cannot be written.
    """
    check_options(options)
    picture = options.picture
    old = _pixels(picture)
    note, ours = _note(picture)
    told = Told(picture, note)
    out = options.out or picture.with_name(f"{picture.stem}-again.png")
    _refuse_another(out, picture, note if ours else None)
    paint = PAINTERS[told.one_of("command", PAINTERS)]
    files = Files(picture, options.models)
    pixels, made, texts = paint(told, files)
    made = {**made, **{name: note[name] for name in ("command", "batch", "run", *DRAWN) if name in note}}
    if any(note.get(name) != value for name, value in made.items()):
        made.pop("run", None)  # other weights made it: it is none of that run's pictures
    save_png(open_for_file(out), pixels, made, texts=texts)
    print(f"wrote {out}: {_compared(old, _pixels(out), ours)}")
    return out


def _pixels(path: Path) -> Tensor:
    return torch.from_numpy(np.array(open_picture(path)))


def _note(picture: Path) -> Tuple[Dict[str, Any], bool]:
    """Our note in a picture, or what another's text comes to in ours; and whether it is ours."""
    note, texts = note_in(picture), texts_in(picture)
    if note:
        return note, True
    parameters = read_parameters(texts[PARAMETERS]) if PARAMETERS in texts else None
    if parameters is None:
        raise UserError(
            f"{picture}: carries no text of how it was painted; give a PNG as a `generate` command or AUTOMATIC1111"
            " wrote it (whoever edits or sends pictures may have removed the text)"
        )
    return note_of_parameters(parameters, picture), False


def _refuse_another(out: Path, picture: Path, note: Optional[Dict[str, Any]]) -> None:
    """Refuse to write over the picture itself, or over one that is not the same again.

    Raises:
        UserError: naming it.
    """
    if out.suffix.lower() != ".png":
        raise UserError(f"{out}: a picture is written as a PNG, for its text; give a name that ends in .png")
    if out.is_dir():
        raise UserError(f"{out}: is a folder; give the name of a file")
    refuse_file(out.parent)
    if not out.is_file():
        return
    if out.resolve() == picture.resolve():
        raise UserError(f"{out}: is the picture itself; give another name to write to")
    there = note_in(out)
    if note is None or {**there, "run": None} != {**note, "run": None}:
        raise UserError(f"{out}: is there and is another picture; give another name, or remove it")


def _compared(old: Tensor, new: Tensor, ours: bool) -> str:
    if old.shape != new.shape:
        return "of another size than the picture it is from"
    difference = int((old.int() - new.int()).abs().max())
    if not difference:
        return "the same picture, pixel for pixel"
    if not ours:
        return "another program's picture painted here"
    why = "another machine, number of threads, PyTorch or file"
    return f"differs from the picture it is from by up to {difference} grey levels: {why}"
