"""Files that the page sends: pictures, zips and safetensors, each looked at before it is kept.

A file is kept under a digest of its bytes, so that the same one sent twice lies there once, and the page's words for
it are never a path of ours but a part of a name, made plain.
"""

import hashlib
import re
import shutil
import unicodedata
from pathlib import Path, PurePosixPath
from typing import Callable, Dict, List

from ..checkpoints import atomic_path, leads_out, looks_like_safetensors, opened_zip, read_safetensors
from ..errors import UserError
from ..images import PICTURE_ENDINGS, begins_as_picture, open_picture
from ..outputs import open_folder

_HEAD = 64
_NAME = 16
"""Hexadecimal digits of the digest in a name."""
_MOST_UNPACKED, _MOST_MEMBERS = 20 << 30, 2_000_000


def keep(kind: str, name: str, received: Path, sent: Path) -> str:
    """Look at a file that was received, and keep it.

    Args:
        kind: that it should be, one of KINDS.
        name: that it has where it comes from.
        received: the whole file; it is moved, or removed where it is refused.
        sent: the folder to keep it in.

    Returns:
        The name of what is kept in that folder.

    Raises:
        UserError: if it is of no kind that is taken, damaged, or unpacks to more than a disk should hold.
    """
    try:
        if kind not in KINDS:
            raise UserError(f"{kind[:40]!r}: no such kind of file is taken; send {', '.join(KINDS)}")
        shown = _plain(name)
        try:
            ending = KINDS[kind](received)
        except UserError as fault:
            # Where it lay for a moment means nothing to who sent it.
            raise UserError(str(fault).replace(str(received), shown or "the file")) from None
        digest = _digest(received)
        own = f"-{shown}" if kind == "weights" and shown else ""
        kept = open_folder(sent) / f"{digest}{own}{ending}"
        if kept.exists():
            received.unlink()
        else:
            received.replace(kept)
        return kept.name
    finally:
        if received.exists():
            received.unlink()


def together(names: List[str], sent: Path) -> Path:
    """A folder of some pictures that were sent, in their order, as commands take photos; of the same ones the same.

    Raises:
        UserError: for none, or one that is no picture that was sent.
    """
    if not names:
        raise UserError("no pictures: drop some, or choose their files")
    for name in names:
        if Path(name).name != name or not (sent / name).is_file() or Path(name).suffix not in PICTURE_ENDINGS:
            raise UserError(f"{name[:80]!r}: is no picture that was sent; send it again")
    folder = sent / f"pictures-{hashlib.sha256(' '.join(names).encode()).hexdigest()[:_NAME]}"
    open_folder(folder)
    for place, name in enumerate(names):
        path = folder / f"{place:03d}{Path(name).suffix}"
        if not path.exists():
            with atomic_path(path, durable=False) as beside:
                shutil.copyfile(sent / name, beside)
    return folder


def _picture(path: Path) -> str:
    head = _head(path)
    if not begins_as_picture(head):
        raise UserError(f"{path}: is no picture; send a PNG, JPEG, WebP, BMP, GIF or TIFF")
    open_picture(path)
    return next(ending for begin, ending in _ENDINGS.items() if head.startswith(begin))


def _zip(path: Path) -> str:
    with opened_zip(path) as archive:
        members = archive.infolist()
        if len(members) > _MOST_MEMBERS or sum(one.file_size for one in members) > _MOST_UNPACKED:
            raise UserError(f"{path}: unpacks to more than {_MOST_UNPACKED >> 30} GB; send fewer pictures")
        for one in members:
            if leads_out(one.filename):
                raise UserError(f"{path}: holds a path that leads out of it ({one.filename[:80]!r}); pack it again")
        if not any(PurePosixPath(one.filename).suffix.lower() in PICTURE_ENDINGS for one in members):
            raise UserError(f"{path}: holds no picture; pack a folder of pictures")
    return ".zip"


def _weights(path: Path) -> str:
    if not looks_like_safetensors(_head(path)):
        raise UserError(f"{path}: is no safetensors file; of weights only such are taken, for nothing in them can act")
    read_safetensors(path)
    return ".safetensors"


KINDS: Dict[str, Callable[[Path], str]] = {"picture": _picture, "zip": _zip, "weights": _weights}
"""What is taken: each looks at a file and answers its ending."""
_ENDINGS = {
    b"\x89PNG": ".png",
    b"\xff\xd8": ".jpg",
    b"RIFF": ".webp",
    b"BM": ".bmp",
    b"GIF8": ".gif",
    b"II": ".tiff",
    b"MM": ".tiff",
}


def _head(path: Path) -> bytes:
    with open(path, "rb") as file:
        return file.read(_HEAD)


def _digest(path: Path) -> str:
    found = hashlib.sha256()
    with open(path, "rb") as file:
        for part in iter(lambda: file.read(1 << 20), b""):
            found.update(part)
    return found.hexdigest()[:_NAME]


def _plain(name: str) -> str:
    """What a file is called, of letters, digits and hyphens."""
    letters = unicodedata.normalize("NFKD", PurePosixPath(name.replace("\\", "/")).stem).encode("ascii", "ignore")
    return re.sub(r"[^A-Za-z0-9]+", "-", letters.decode()).strip("-")[:40]
