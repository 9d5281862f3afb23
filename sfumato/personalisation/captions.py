"""Captions as people keep them: a file beside each photo, or a table of all.

dog.jpg, dog.txt or dog.caption     what most tools of personalisation read
metadata.jsonl, metadata.csv        the Hugging Face's imagefolder: file_name and text of each photo
"""

import warnings
from pathlib import Path
from typing import Any, Dict, Iterable, List, NamedTuple, Optional, Sequence, Tuple

from ..checkpoints import read_text, some, visible_files
from ..errors import UserError, unwritable
from ..pictures.tables import table_rows
from .folders import TABLES, Group, same_name

WORD = "{}"
"""Where the word goes, in templates and captions."""
_ENDINGS = (".txt", ".caption")
_NAMES, _TEXTS = ("file_name", "image"), ("text", "caption", "prompt")
"""Columns of a table, the first that is there."""
_LONGEST = 1 << 20
"""Bytes of a caption."""


class Told(NamedTuple):
    """A caption, and where it stands."""

    text: str
    where: str


def read_captions(folder: Path, groups: Sequence[Group]) -> Dict[Path, Told]:
    """The captions of those photos that have one; a caption of no photo is named in a warning.

    Args:
        folder: that was given.
        groups: of `photo_groups`.

    Returns:
        Photo -> its caption, white space as one space.

    Raises:
        UserError: naming the file, for a caption that cannot be read or is empty, or two of a photo that differ.
    """
    found: Dict[Path, List[Told]] = {}
    lonely: List[str] = []
    for group in groups:
        by_stem: Dict[str, List[Path]] = {}
        for photo in group.photos:
            by_stem.setdefault(same_name(photo.stem), []).append(photo)
        for path in visible_files(group.folder):
            if path.suffix.lower() in _ENDINGS:
                photos = by_stem.get(same_name(path.stem), [])
                told = [_told(read_text(path, "save it anew as UTF-8", _LONGEST), str(path))] if photos else []
                _add(found, photos, told)
                lonely += [] if photos else [group.before + path.name]
    for table, names in _tables(folder, groups):
        for name, told_there in _rows(table):
            photos = [names[name]] if name in names else []
            _add(found, photos, [told_there] if photos else [])
            lonely += [] if photos else [f"{name} in {table.name}"]
    if lonely:
        warnings.warn(f"{folder}: {_count(lonely, 'caption')} of no photo: {some(lonely)}", stacklevel=2)
    return {photo: _agreed(photo, told) for photo, told in found.items()}


def _add(found: Dict[Path, List[Told]], photos: Iterable[Path], told: List[Told]) -> None:
    for photo in photos:
        found.setdefault(photo, []).extend(told)


def _count(names: Sequence[str], what: str) -> str:
    return f"{len(names)} {what}{'s' if len(names) > 1 else ''}"


def _tables(folder: Path, groups: Sequence[Group]) -> List[Tuple[Path, Dict[str, Path]]]:
    """The tables, each with the photos by the names that it calls them."""
    everywhere = {same_name(group.before + photo.name): photo for group in groups for photo in group.photos}
    found = [(folder / name, everywhere) for name in TABLES]
    for group in groups:
        if group.before:
            own = {same_name(photo.name): photo for photo in group.photos}
            found += [(group.folder / name, own) for name in TABLES]
    return [(table, names) for table, names in found if table.is_file()]


def _rows(table: Path) -> List[Tuple[str, Told]]:
    """(name of the photo, caption) of each row."""
    found = []
    for number, row in table_rows(table, "file_name and text"):
        name, text = (next((one for one in columns if one in row), None) for columns in (_NAMES, _TEXTS))
        if name is None or text is None:
            lacks = _NAMES[0] if name is None else _TEXTS[0]
            raise UserError(f"{table}: line {number} has no {lacks}; give each photo file_name and text")
        called = same_name(str(row[name]).replace("\\", "/"))
        called = called[2:] if called.startswith("./") else called
        found.append((called, _told(_text(table, number, row[text]), f"{table}, line {number}")))
    return found


def _text(table: Path, number: int, value: Any) -> str:
    if value is not None and not isinstance(value, str):
        raise UserError(f"{table}: line {number}: its text is {str(value)[:40]!r}, and no text; give one in quotes")
    return value or ""


def _told(text: str, where: str) -> Told:
    folded = " ".join(text.split())
    if not folded:
        raise UserError(f"{where}: the caption is empty; write what the photo shows, or remove it")
    if unwritable(folded):
        raise UserError(f"{where}: the caption has half a character or a NUL in it; write it anew")
    return Told(folded, where)


def _agreed(photo: Path, told: Sequence[Told]) -> Told:
    other = next((one for one in told if one.text != told[0].text), None)
    if other is not None:
        raise UserError(f"{photo}: has two captions, in {told[0].where} and in {other.where}; keep one")
    return told[0]


def says_word(text: str, word: Optional[str]) -> bool:
    """Whether a caption teaches a word: it stands there, or {} for it. None is no word, and taught by all."""
    return word is None or word in text or WORD in text


def check_word(told: Told, word: Optional[str]) -> None:
    """Refuse a caption that would teach a word nothing, or that has a place for one where there is none.

    Args:
        told: the caption.
        word: None where none is learned.

    Raises:
        UserError: naming its file.
    """
    if word is None and WORD in told.text:
        raise UserError(f"{told.where}: has {WORD}, the place of a word, and no word is learned; write what is meant")
    if not says_word(told.text, word):
        spelled = ", which is spelled otherwise there" if str(word).lower() in told.text.lower() else ""
        raise UserError(
            f"{told.where}: lacks {word}{spelled}, so it would teach it nothing; write {word} or {WORD} where it goes,"
            " or take --captions templates"
        )
