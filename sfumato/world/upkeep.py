"""What the small world's trainings have in common."""

from dataclasses import dataclass
from pathlib import Path
from typing import Optional


@dataclass
class Upkeep:
    """How a training runs, apart from what it learns."""

    precision: str = "auto"
    """auto, fp32, bf16 or fp16."""
    cache: Optional[Path] = None
    """Folder for the decoded pictures; beside the data by default."""
    save_every: int = 250
    """Steps between saved states."""
    look_every: int = 500
    """Steps between sheets or measurements; 0 for never."""
