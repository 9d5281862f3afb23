"""get_dataset.sh: fetch the course's data into ./hw2_data beside the scripts."""

import shutil
import stat
import zipfile
from pathlib import Path, PurePosixPath
from typing import List

from ..checkpoints import (
    is_hidden,
    leads_out,
    member_bytes,
    opened_zip,
    temporary_folder,
    visible_files,
)
from ..errors import UserError
from .arguments import run

_DRIVE_ID = "1W6Y1OmjzNw2qHoGDCpGOwGpw27wLg1fi"
_ROOT = Path(__file__).resolve().parents[2]
_PARTS = (
    "digits/mnistm/train.csv",
    "digits/svhn/train.csv",
    "face/noise",
    "textual_inversion/input.json",
    "clip_zeroshot",
)
_MOST_BYTES = 1 << 30
"""That one file of the course's may have; the largest has not a million."""


def fetch(root: Path = _ROOT) -> None:
    """Download, check and unpack hw2_data.zip; what is there already is not fetched again.

    Raises:
        UserError: if it cannot be had, saying what is missing and where it belongs.
    """
    data, archive = root / "hw2_data", root / "hw2_data.zip"
    if not _missing(data):
        print(f"{data} is complete; nothing to fetch")
        return
    if not archive.exists() or not zipfile.is_zipfile(archive):
        _download(archive, data)
    advice = "remove it and run get_dataset.sh again"
    # Unpacked elsewhere first, so that data which are there are whole.
    with opened_zip(archive, advice=advice) as file, temporary_folder(data) as part:
        _unpack(file, archive, part)
        whole = part / "hw2_data" if (part / "hw2_data").is_dir() else part
        if _missing(whole):
            raise UserError(f"{archive}: lacks {', '.join(_missing(whole))}; see docs/course.md for what it needs")
        _put(whole, data)
    print(f"unpacked {archive.name} into {data}")


def _unpack(file: zipfile.ZipFile, archive: Path, folder: Path) -> None:
    files = [info for info in file.infolist() if not info.is_dir() and not is_hidden(PurePosixPath(info.filename))]
    for info in files:
        if leads_out(info.filename) or stat.S_ISLNK(info.external_attr >> 16):
            raise UserError(f"{archive}: {info.filename!r} in it leads out of its folder; get it from the course again")
    needed, free = sum(info.file_size for info in files), shutil.disk_usage(folder).free
    if needed > free:
        raise UserError(
            f"{folder.parent}: has {free / 2**30:.1f} GiB free and unpacked {archive.name} takes {needed / 2**30:.1f};"
            " free some space, then run get_dataset.sh again"
        )
    for info in files:
        content = member_bytes(file, info, _MOST_BYTES)
        target = folder / info.filename
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)


def _put(whole: Path, data: Path) -> None:
    """Move what data lacks there; what a user put there stays."""
    if not data.exists():
        whole.replace(data)
        return
    for source in visible_files(whole, deep=True):
        target = data / source.relative_to(whole)
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            source.replace(target)


def _missing(data: Path) -> List[str]:
    return [part for part in _PARTS if not (data / part).exists()]


def _download(archive: Path, data: Path) -> None:
    advice = f"download hw2_data.zip (Google Drive id {_DRIVE_ID}) by hand to {archive} and run get_dataset.sh again"
    try:
        import gdown
    except ImportError:
        raise UserError(f"{data} is missing and gdown is not installed; `pip install gdown`, or {advice}") from None
    try:
        # resume goes on with what an interrupted download left beside the archive.
        got = gdown.download(id=_DRIVE_ID, output=str(archive), resume=True)
    except Exception as error:  # gdown raises what its HTTP library raises; offline is the usual cause
        raise UserError(f"{data} is missing and cannot be fetched ({type(error).__name__}); {advice}") from None
    if got is None:
        raise UserError(f"{data} is missing and cannot be fetched; {advice}")


def main() -> int:
    """What the script calls."""
    return run("get_dataset.sh", [], fetch)
