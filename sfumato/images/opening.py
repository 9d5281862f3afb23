"""Pictures in: the one way by which every picture enters.

Pillow knows some forty formats, of which some start another program and some allocate what a file asks for. Here only
those that cameras and image tools write are tried, whatever the file is called, and the size is looked at before the
picture is decoded.
"""

import contextlib
import io
import threading
import warnings
from pathlib import Path
from typing import Any, Callable, Iterator, List, Optional, Tuple, TypeVar

import numpy as np
from PIL import Image, ImageFile

from ..errors import UserError, first_line
from .colours import ColourError, in_rgb, may_be_transparent, stored_as

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF")
"""Pillow's names of what is read; of a JPEG with several pictures in it (MPO) the first is taken."""
_BEGINNINGS = (b"\x89PNG\r\n", b"\xff\xd8\xff", b"BM", b"GIF8", b"II*\0", b"MM\0*")
"""How files of these formats begin; WebP's second word follows its length."""
MOST_PIXELS = 64_000_000
"""As many have the largest cameras of 35 mm; decoded and made RGB they take 0.8 GB for a moment, of WebP 1.2."""
_MOST_BYTES = 512 << 20
_LONGEST = 1000
"""Times its other side that a side may have: what makes the shorter side larger makes the other as much larger."""
_ORIENTATION = 0x0112
_NOTES = ("exif", "Raw profile type exif", "xmp", "XML:com.adobe.xmp")
"""Where Pillow keeps what may tell how the camera was held."""
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_DESCRIPTION = 0x010E
_MOST_FILMED = 256_000_000
"""Pixels of all frames of a film, which as RGBA take 1 GB."""
_Used = TypeVar("_Used")
_ALONE = threading.Lock()
"""Warnings are caught for the whole process, and digits are decoded in threads: their headers are read one by one."""


def begins_as_picture(head: bytes) -> bool:
    """Whether a file that begins so, with 16 bytes or more, is a picture of a kind that is read."""
    return head.startswith(_BEGINNINGS) or (head.startswith(b"RIFF") and head[8:12] == b"WEBP")


def open_picture(path: Path, raw: Optional[bytes] = None) -> Image.Image:
    """A picture as one should see it: RGB, upright as its camera noted it, of an animation the first.

    Grey of 16 bits is scaled to 8 (65535 is white), and what is transparent is laid on white. Of a PNG all numbers are
    of 16 bits where Pillow says mode I; other pictures of 32 bits or in floating point (TIFF) do not say which of
    their numbers is white, and are refused. An embedded colour profile is not applied.

    Args:
        path: of the file, or whence `raw` came.
        raw: the file's bytes, where they lie in an archive.

    Raises:
        UserError: if the file is missing, no picture of a kind that is read, damaged, or of more than 64 million
            pixels.
    """
    return _decoded(path, raw, lambda image, stored: _turned(path, image, in_rgb(image, stored)))


def open_with_alpha(path: Path) -> Tuple[Image.Image, Optional[Image.Image]]:
    """A picture as `open_picture` gives it, but in the colours that it has before they are laid on anything (white
    where nothing is seen of them), and its opacity: grey of 8 bits, 255 where it is opaque; None where all of it is.

    Raises:
        UserError: as `open_picture`.
    """
    return _decoded(path, None, lambda image, stored: _apart(path, image, stored))


def open_drawing(path: Path) -> Image.Image:
    """A drawing of ours on its own ground: RGBA where parts of it are transparent, which stay so, else as
    `open_picture`.

    Raises:
        UserError: as `open_picture`.
    """
    return _decoded(path, None, lambda image, stored: image.copy() if image.mode == "RGBA" else in_rgb(image, stored))


def graders_picture(path: Path) -> Image.Image:
    """A picture as the course's grader of concepts sees it, for numbers that must be its: Pillow's RGB and no more.

    It is not turned, hidden colours under transparency show, and 16 bits are what the installed Pillow makes of them.

    Raises:
        UserError: as `open_picture`.
    """
    return _decoded(path, None, lambda image, stored: _plain_rgb(image))


def open_frames(path: Path) -> Tuple[List[Tuple[Image.Image, int]], str]:
    """All frames of an animated WebP or GIF as RGBA, each with its milliseconds, and what the file says of itself.

    Raises:
        UserError: as `open_picture`.
    """
    return _decoded(path, None, lambda image, stored: _frames(path, image), formats=("WEBP", "GIF"))


def _decoded(
    path: Path, raw: Optional[bytes], use: Callable[[Any, str], _Used], formats: Tuple[str, ...] = FORMATS
) -> _Used:
    if raw is None:
        _check_file(path)
    elif not raw:
        raise UserError(f"{path}: is empty; get the file again")
    # Other libraries let pictures end early, for the whole process.
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    try:
        with _quiet():
            opened = Image.open(path if raw is None else io.BytesIO(raw), formats=formats)
        with opened as image:
            _check_size(path, image)
            stored = stored_as(image)
            if image.format == "TIFF":
                # Its notes are read with its numbers.
                with _quiet():
                    image.load()
            image.load()
            # A GIF's first picture may be larger than its header says.
            _check_size(path, image)
            return use(image, stored)
    except UserError:
        raise
    except ColourError as error:
        raise UserError(f"{path}: {error}") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise UserError(f"{path}: has far too many pixels; shrink it below {MOST_PIXELS:,}") from None
    except Image.UnidentifiedImageError:
        kinds, wanted = ", ".join(formats), "a PNG or JPEG" if formats is FORMATS else "a film"
        raise UserError(f"{path}: cannot be decoded (its bytes are none of {kinds}); give {wanted}") from None
    except OSError as error:
        if error.errno is None:
            raise UserError(f"{path}: cannot be decoded ({first_line(error)}); get the file again") from None
        raise UserError(f"{path}: cannot be read ({error.strerror}); check the path") from None
    except Exception as error:  # decoders raise of every kind on what is damaged
        raise UserError(f"{path}: cannot be decoded ({first_line(error)}); get the file again") from None


@contextlib.contextmanager
def _quiet() -> Iterator[List[warnings.WarningMessage]]:
    """What Pillow warns of meanwhile: it names no file, and says nothing that the user could do."""
    with _ALONE, warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        yield said


def _check_file(path: Path) -> None:
    if not path.exists():
        raise UserError(f"{path}: there is no such file; check the path")
    if not path.is_file():
        raise UserError(f"{path}: is {'a folder' if path.is_dir() else 'no file'}; give a picture")
    size = path.stat().st_size
    if not size:
        raise UserError(f"{path}: is empty; get the file again")
    if size > _MOST_BYTES:
        raise UserError(f"{path}: has {size / 2**20:.0f} MiB; pictures of at most {_MOST_BYTES >> 20} are read")


def _check_size(path: Path, image: Image.Image) -> None:
    if image.width * image.height > MOST_PIXELS:
        raise UserError(f"{path}: is {image.width}x{image.height}; shrink it below {MOST_PIXELS:,} pixels")
    if max(image.size) > _LONGEST * min(image.size):
        raise UserError(f"{path}: is {image.width}x{image.height}; no side may be over {_LONGEST} times the other")


def _frames(path: Path, image: Any) -> Tuple[List[Tuple[Image.Image, int]], str]:
    count = getattr(image, "n_frames", 1)
    if count * image.width * image.height > _MOST_FILMED:
        raise UserError(f"{path}: has {count} frames of {image.width}x{image.height}; fewer are read, or smaller ones")
    found = []
    for place in range(count):
        image.seek(place)
        shown = image.convert("RGBA")
        found.append((shown, int(image.info.get("duration", 0))))
    comment = image.info.get("comment", b"")
    told = image.getexif().get(_DESCRIPTION, "") or (comment if isinstance(comment, bytes) else b"").decode("ascii")
    return found, str(told)


def _apart(path: Path, image: Any, stored: str) -> Tuple[Image.Image, Optional[Image.Image]]:
    shown, opacity = in_rgb(image, stored), None
    if may_be_transparent(image):
        shown, opacity = _without_ground(np.asarray(shown), np.asarray(in_rgb(image, stored, 0)))
    turn = _TURNS.get(_orientation(path, image))
    if turn is None:
        return shown, opacity
    return shown.transpose(turn), None if opacity is None else opacity.transpose(turn)


def _without_ground(on_white: np.ndarray, on_black: np.ndarray) -> Tuple[Image.Image, Optional[Image.Image]]:
    """Colours and opacity of what was laid on both, uint8 [H, W, 3]: what lets the ground through is lighter on
    white by as much."""
    opacity = 255 - (on_white - on_black)[..., 0]
    if opacity.min() == 255:
        return Image.fromarray(on_white), None
    colours = on_black * (np.float32(255) / np.maximum(opacity, 1))[..., None]
    colours[opacity == 0] = 255
    return Image.fromarray(colours.round().clip(0, 255).astype(np.uint8)), Image.fromarray(opacity)


def _plain_rgb(image: Image.Image) -> Image.Image:
    # Which colour is transparent decides no pixel here, and Pillow would warn of it.
    image.info.pop("transparency", None)
    return image.convert("RGB")


def _turned(path: Path, image: Image.Image, shown: Image.Image) -> Image.Image:
    turn = _TURNS.get(_orientation(path, image))
    return shown if turn is None else shown.transpose(turn)


def _orientation(path: Path, image: Image.Image) -> int:
    """How the camera was held, 1 ... 8; 1 where nothing is noted, or Pillow turned the picture already (TIFF)."""
    if image.format == "TIFF" or not any(name in image.info for name in _NOTES):
        return 1
    with _quiet() as said:
        try:
            # Anew, because Pillow may have read them at the opening, and keeps what it found.
            notes = Image.Exif()
            notes.load(image.info.get("exif", b""))
            found = notes.get(_ORIENTATION, image.getexif().get(_ORIENTATION))
            fault = str(said[0].message).partition("\n")[0] if said else ""
        except Exception as error:  # Pillow raises of every kind on notes that are damaged
            found, fault = None, first_line(error)
    if isinstance(found, int):
        return found
    if found is not None or fault:
        # What is damaged elsewhere in the notes does not matter here.
        reason = fault or f"its orientation is {str(found)[:40]!r}"
        warnings.warn(f"{path}: its EXIF notes are damaged ({reason}); it is taken as it lies", stacklevel=2)
    return 1
