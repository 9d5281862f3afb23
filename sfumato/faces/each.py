"""The pictures of a sheet one by one, for who shows them in another way, such as a page with a slider."""

from pathlib import Path
from typing import Any, Dict, Mapping

from torch import Tensor

from ..images import save_png
from ..outputs import open_folder
from ..runs import digest, write_note

LIST = "each.json"
"""Beside the pictures: what each of them is."""


def save_each(
    folder: Path,
    pixels: Tensor,
    told: Mapping[str, Mapping[str, Any]],
    command: str,
    settings: Mapping[str, Any],
    made: Mapping[str, Any],
    **numbers: Any,
) -> Path:
    """Write every picture as a PNG with its note, then FOLDER/each.json, which lists them; returns the folder.

    Args:
        folder: made if missing. A file in it that the list does not name is of an earlier run.
        pixels: uint8 [N, H, W, 3].
        told: name of the file -> what is told of the picture, in the list and in its note; one a picture.
        command, settings: for the list; see `write_note`.
        made: what decides all pictures alike, for their notes.
        numbers: of all pictures together, for the list.

    Raises:
        UserError: if the folder cannot be made.
    """
    open_folder(folder)
    shared: Dict[str, Any] = {"command": command, "saving": "fixed", **made}
    for (name, of_it), picture in zip(told.items(), pixels):
        note = {**shared, **of_it}
        save_png(folder / name, picture, {**note, "run": digest(note)})
    listed = [{"file": name, **of_it} for name, of_it in told.items()]
    # Not the command's own note: reports read that one.
    write_note(folder / LIST, f"{command} --each", settings, pictures=listed, **numbers)
    print(f"wrote {len(listed)} pictures and {LIST} to {folder}")
    return folder
