"""How pictures are read, as the commands that learn from them and that measure against them are told."""

from dataclasses import dataclass
from pathlib import Path
from typing import Optional, Tuple

from ..options import choice, number
from .data import Pictures
from .fitting import FITS
from .sources import LABELS


@dataclass
class Reading:
    """How pictures are read; the same for learning and for measuring."""

    labels: str = choice("auto", LABELS)
    """auto, folders, or none."""
    table: Optional[Path] = None
    """A .csv or .jsonl with a row a picture: its name and its label."""
    column: Tuple[str, ...] = ()
    """Of the table that holds the labels, or several, each a condition of its own; the only one beside the names by
    default."""
    fit: str = choice("crop", FITS)
    """crop (the shorter side fits, the rest is cut off), pad (all of it fits, on white), or squeeze."""
    upscale: bool = False
    """Enlarge pictures that are smaller than the size; they are refused without."""
    shift: int = number(0, 0)
    """Move pictures at random by up to so many pixels; they are read larger by as much, so that no border is made
    up."""
    cache: Optional[Path] = None
    """Folder for the decoded pictures; in or beside the source by default."""

    def of(self, source: Path, size: Tuple[int, int], channels: int) -> Pictures:
        """The pictures of a source; see Pictures."""
        labels = (self.labels, self.table, self.column)
        return Pictures(source, size, *labels, self.fit, self.upscale, channels, self.cache, self.shift)
