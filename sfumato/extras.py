"""Packages that only some commands need, and the extras of ours that bring them along: see pyproject.toml."""

import importlib.util
from typing import Iterable, List, Optional

from .errors import UserError

EXTRAS = {
    "accelerate": "train",
    "tensorboard": "train",
    "transformers": "clip",
    "jinja2": "report",
    "markupsafe": "report",
    "matplotlib": "report",
    "starlette": "studio",
    "uvicorn": "studio",
}
"""Package -> the extra."""
CORE = ("safetensors", "tokenizers", "tqdm", "tyro")
"""Packages that all need, but for the course's environment, where our own scripts do without."""


def missing_line(packages: Iterable[str]) -> Optional[str]:
    """What is said where some of these packages are missing; None where all are there, or are none of ours.

    Args:
        packages: by the names that they are imported by.
    """
    lacking: List[str] = [package for package in packages if package in (*EXTRAS, *CORE) and not is_installed(package)]
    if not lacking:
        return None
    extras = ",".join(dict.fromkeys(EXTRAS[package] for package in lacking if package in EXTRAS))
    *others, last = lacking
    which = f"{', '.join(others)} and {last} are" if others else f"{last} is"
    wanted = f"'sfumato[{extras}]'" if extras else " ".join(lacking)
    return f"{which} not installed: pip install {wanted}"


def is_installed(package: str) -> bool:
    """Whether a package can be found; it is not imported."""
    try:
        return importlib.util.find_spec(package) is not None
    except ValueError:  # something that is no package has its name
        return False


def refuse_missing(*packages: str) -> None:
    """Refuse to begin what would end for want of a package.

    Raises:
        UserError: naming those that are not installed, and the extras that bring them.
    """
    line = missing_line(packages)
    if line is not None:
        raise UserError(line)
