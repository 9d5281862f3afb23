"""Pictures out, with a note in each of how it was made."""

import json
from pathlib import Path
from typing import Any, Dict, Mapping, Optional

from PIL import Image, PngImagePlugin
from torch import Tensor

from ..checkpoints import atomic_path
from .colours import on_white
from .opening import FORMATS

_OPAQUE = (".jpg", ".jpeg", ".jfif", ".bmp", ".gif")


def save_png(
    path: Path, pixels: Tensor, note: Mapping[str, Any], within: Optional[Path] = None, texts: Mapping[str, str] = {}
) -> None:
    """Write one picture, uint8 [H, W, 3] or grey [H, W, 1], whole or not at all.

    Args:
        path: of the file.
        pixels: of the picture.
        note: goes into its text chunk "sfumato", as JSON.
        within: as in `atomic_path`.
        texts: other chunks, by their names, for other programs.
    """
    info = PngImagePlugin.PngInfo()
    for name, text in {"sfumato": json.dumps(note), **texts}.items():
        info.add_text(name, text)
    grey = pixels.shape[-1] == 1
    save_image(Image.fromarray((pixels[..., 0] if grey else pixels).numpy()), path, within, pnginfo=info)


def note_in(path: Path) -> Dict[str, Any]:
    """The note that `save_png` wrote into a picture; empty where there is no picture, or no such note in it."""
    try:
        note = json.loads(texts_in(path).get("sfumato", "{}"))
    except Exception:  # whatever JSON raises on what is none of ours
        return {}
    return note if isinstance(note, dict) else {}


def texts_in(path: Path) -> Dict[str, str]:
    """The texts that a picture of any kind that is read carries, by name; none where there is no picture."""
    try:
        with Image.open(path, formats=FORMATS) as image:
            return {str(name): text for name, text in image.info.items() if isinstance(text, str)}
    except Exception:  # as above
        return {}


def save_image(image: Image.Image, path: Path, within: Optional[Path] = None, **how: Any) -> Path:
    """Write an image, whole or not at all, in the format of the path's ending; returns the path.

    What is transparent is laid on white where the format knows nothing of it, as JPEG.
    """
    shown = on_white(image) if image.mode == "RGBA" and path.suffix.lower() in _OPAQUE else image
    with atomic_path(path, durable=False, within=within) as beside:
        shown.save(beside, **how)
    return path
