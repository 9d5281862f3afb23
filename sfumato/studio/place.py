"""The studio's folder, and all in it that the page may name.

    FOLDER/jobs/0001.json       a job: what was asked, the command, how it went; see jobs.py
    FOLDER/jobs/0001/           its log, the sheets of its steps, what judges read
    FOLDER/0001-digits/         what its command wrote: an ordinary folder of it
    FOLDER/sent/                pictures, zips and weights that were sent by the page; see sent.py

The page names things by these: "sent/...", "models/..." (below the folder given with --models), the folders of jobs,
and SHIPPED. No other path is read or written for it.
"""

import re
from pathlib import Path, PurePosixPath
from typing import Dict, List, Optional

from ..additions import FEW_PASSES
from ..checkpoints import is_hidden, leads_out, visible_files
from ..errors import UserError
from ..outputs import open_folder

SHIPPED = f"shipped/{FEW_PASSES.name}"
"""The LoRA that comes with the package, which commands call small."""
RECEIVED = ".received-"
"""How files begin that are being sent."""
_JOB = re.compile(r"\d{4,}-[a-z]+")
_MODELS = (".ckpt", ".safetensors")
"""How files of models end; which of them are LoRAs or words their contents say, see found.py."""


class Place:
    """Where the studio's things lie.

    Args:
        folder: of the studio; made if missing.
        models: of checkpoints and LoRAs, with all below it; None for none.

    Raises:
        UserError: if the first cannot be made, or the second is not there.
    """

    def __init__(self, folder: Path, models: Optional[Path] = None) -> None:
        refuse_no_folder(models)
        self.folder, self.models = folder.resolve(), models.resolve() if models is not None else None
        self.jobs, self.sent = open_folder(folder / "jobs").resolve(), open_folder(folder / "sent").resolve()
        for left in self.sent.glob(f"{RECEIVED}*"):  # of a server that was killed
            left.unlink()

    def outputs(self) -> List[Path]:
        """The folders of jobs, the newest first."""
        return sorted((path for path in self.folder.iterdir() if _JOB.fullmatch(path.name)), reverse=True)

    def model_files(self) -> Dict[str, Path]:
        """What lies in the folder of models, by the page's names."""
        if self.models is None:
            return {}
        found = [path for path in visible_files(self.models, deep=True) if path.suffix.lower() in _MODELS]
        return {f"models/{path.relative_to(self.models).as_posix()}": path for path in found}

    def path(self, name: str) -> Path:
        """What the page names, as a path that is there: relative to the folder where it lies in it; of what ships, as
        commands call it.

        Raises:
            UserError: if there is no such thing, or it is none of the studio's.
        """
        first, _, rest = PurePosixPath(name).as_posix().partition("/")
        if not name or leads_out(name) or any(is_hidden(part) for part in Path(name).parts):
            raise UserError(f"{name[:80]!r}: is no file of the studio; choose one that the page lists")
        if name == SHIPPED:
            return Path("small")
        if first == "models" and self.models is not None and rest:
            return _there(name, self.models, self.models / rest)
        if (first == "sent" and rest) or _JOB.fullmatch(first):
            return _there(name, self.folder, self.folder / name).relative_to(self.folder)
        raise UserError(f"{name[:80]!r}: is no file of the studio; choose one that the page lists")


def refuse_no_folder(models: Optional[Path]) -> None:
    """Refuse a folder of models that is not there; None is no folder and passes.

    Raises:
        UserError: naming it.
    """
    if models is not None and not models.is_dir():
        raise UserError(f"{models}: there is no such folder; give --models the one that holds checkpoints and LoRAs")


def _there(name: str, root: Path, path: Path) -> Path:
    # A link in it may lead anywhere; what it leads to must lie in the folder too.
    try:
        there = path.exists() and root in path.resolve().parents
    except OSError:  # no name of a file, such as one that is too long
        there = False
    if not there:
        raise UserError(f"{name[:80]!r}: is not there any more; choose one that the page lists")
    return path
