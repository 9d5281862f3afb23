"""What of the course's downloads is there."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, List, Optional

from ..checkpoints import visible_files
from ..errors import UserError
from ..runs import digest

_READ = 1 << 26
"""Bytes up to which a file is known by its contents; larger ones by size and time, for reading them takes long."""


@dataclass(frozen=True)
class Materials:
    """The parts, None where one is missing."""

    folder: Path
    digits: Optional[Path]
    """digits/, with mnistm/ and svhn/."""
    classifier: Optional[Path]
    """Classifier.pth."""
    noise: Optional[Path]
    unet: Optional[Path]
    truth: Optional[Path]
    photos: Optional[Path]
    """textual_inversion/, with a folder of photos for each source."""
    input: Optional[Path]
    """input.json."""
    classes: Optional[Path]
    """clip_zeroshot/val."""
    labels: Optional[Path]
    """id2label.json."""

    def lines(self) -> List[str]:
        """What is there, a line a part."""
        parts = {
            "digits": self.digits,
            "Classifier.pth": self.classifier,
            "face/noise": self.noise,
            "face/UNet.pt": self.unet,
            "face/GT": self.truth,
            "textual_inversion": self.input,
            "clip_zeroshot": self.classes if self.labels else None,
        }
        return [f"{name:<18} {'missing' if path is None else path}" for name, path in parts.items()]


def find_materials(data: Path, classifier: Optional[Path] = None) -> Materials:
    """Look through the course's folder.

    Args:
        data: hw2_data, or the folder that it lies in.
        classifier: where the course's classifier is, if not in there or beside it.

    Raises:
        UserError: if none of the parts is there, or the classifier is not where it was said to be.
    """
    if not data.is_dir():
        raise UserError(f"{data}: there is no such folder; give the course's hw2_data, which get_dataset.sh fetches")
    folder = data / "hw2_data" if (data / "hw2_data").is_dir() else data
    if classifier is not None and not classifier.is_file():
        raise UserError(f"{classifier}: there is no such file; give the course's Classifier.pth, or leave it out")
    beside = (folder / "Classifier.pth", folder.absolute().parent / "Classifier.pth")
    found = Materials(
        folder,
        digits=_folder(folder / "digits", "mnistm/train.csv", "svhn/train.csv"),
        classifier=classifier or next((path for path in beside if path.is_file()), None),
        noise=_folder(folder / "face" / "noise"),
        unet=_file(folder / "face" / "UNet.pt"),
        truth=_folder(folder / "face" / "GT"),
        photos=_folder(folder / "textual_inversion", "input.json"),
        input=_file(folder / "textual_inversion" / "input.json"),
        classes=_folder(folder / "clip_zeroshot" / "val"),
        labels=_file(folder / "clip_zeroshot" / "id2label.json"),
    )
    if not any((found.digits, found.noise, found.unet, found.input, found.classes)):
        raise UserError(
            f"{data}: holds none of digits, face, textual_inversion and clip_zeroshot; give the course's hw2_data,"
            " which get_dataset.sh fetches"
        )
    return found


def _folder(path: Path, *inside: str) -> Optional[Path]:
    whole = path.is_dir() and all((path / name).exists() for name in inside)
    return path if whole and any(path.iterdir()) else None


def _file(path: Path) -> Optional[Path]:
    return path if path.is_file() else None


def known_by(*paths: Optional[Path]) -> str:
    """A short name of what files and folders hold, by which a change is noticed."""
    return digest(json.dumps([_known(path) for path in paths]).encode())


def _known(path: Optional[Path]) -> Any:
    if path is None or not path.exists():
        return None
    if path.is_dir():
        return [(str(one.relative_to(path)), *_stamp(one)) for one in visible_files(path, deep=True)]
    return digest(path.read_bytes()) if path.stat().st_size <= _READ else _stamp(path)


def _stamp(path: Path) -> Any:
    status = path.stat()
    return status.st_size, status.st_mtime_ns
