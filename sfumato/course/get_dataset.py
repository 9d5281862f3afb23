"""get_dataset.sh: fetch the course's data into ./hw2_data beside the scripts."""

import shutil
import zipfile
from pathlib import Path
from typing import List

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
    try:
        with zipfile.ZipFile(archive) as file:
            damaged = file.testzip()
            if damaged is not None:
                raise zipfile.BadZipFile(damaged)
            # Unpacked elsewhere first, so that data which are there are whole.
            part = root / ".hw2_data.part"
            shutil.rmtree(part, ignore_errors=True)
            try:
                file.extractall(part)
                whole = part / "hw2_data" if (part / "hw2_data").is_dir() else part
                if _missing(whole):
                    raise UserError(
                        f"{archive}: lacks {', '.join(_missing(whole))}; see docs/course.md for what it needs"
                    )
                _put(whole, data)
            finally:
                shutil.rmtree(part, ignore_errors=True)
    except zipfile.BadZipFile as error:
        raise UserError(f"{archive}: is damaged ({error}); remove it and run get_dataset.sh again") from None
    print(f"unpacked {archive.name} into {data}")


def _put(whole: Path, data: Path) -> None:
    """Move what data lacks there; what a user put there stays."""
    if not data.exists():
        whole.replace(data)
        return
    for source in sorted(path for path in whole.rglob("*") if path.is_file()):
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


if __name__ == "__main__":
    raise SystemExit(run("get_dataset.sh", [], fetch))
