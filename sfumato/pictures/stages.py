"""What the same noises become at several steps of a training: side by side, and as a film.

RUN/preview-000400.png   what was painted after 400 steps, with its numbers in it
RUN/NAME.png             the first noise of each prompt: a row a prompt, a column a step
RUN/NAME.webp            all of it, a frame a step
"""

import textwrap
from pathlib import Path
from typing import Any, List, Mapping, NamedTuple, Optional, Sequence

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ..images import labelled_grid, note_in, open_picture, save_film, save_image, save_png, sheet, sheet_cells

_COLUMNS, _ROWS = 9, 8
"""Steps and prompts that a figure shows at most."""
_LARGEST, _LETTERS = 256, 18
"""Pixels a side of a picture in a figure, and letters of a prompt in a line, at most."""
_MILLISECONDS, _HOLD = 600, 2500


class Stage(NamedTuple):
    """What was painted after some step."""

    step: int
    pictures: np.ndarray
    """[prompts, noises, H, W, 3], at most so large as figures show them."""
    prompts: List[str]
    score: Optional[float]


def stage_path(folder: Path, step: int) -> Path:
    """The file of a stage."""
    return folder / f"preview-{step:06d}.png"


def keep_stage(folder: Path, step: int, pixels: Tensor, prompts: Sequence[str], note: Mapping[str, Any]) -> None:
    """Write what was painted after a step.

    Args:
        folder: of the run.
        step: 0 is before the training.
        pixels: uint8 [prompts * noises, H, W, 3], prompt by prompt.
        prompts: that were painted, each once.
        note: numbers by name, of which "score" is shown.
    """
    drawn = np.array(sheet(pixels, len(pixels) // len(prompts), 1))
    told = {**note, "step": step, "prompts": list(prompts), "noises": len(pixels) // len(prompts)}
    save_png(stage_path(folder, step), torch.from_numpy(drawn), told)


def is_kept(folder: Path, step: int) -> bool:
    """Whether a stage was written."""
    return note_in(stage_path(folder, step)).get("step") == step


def stages_in(folder: Path) -> List[Stage]:
    """All stages that were kept, those of an interrupted part of the run included, by step."""
    found = []
    for path in folder.glob("preview-*.png"):
        note = note_in(path)
        if "prompts" in note:
            cells = sheet_cells(open_picture(path), note["noises"], note["noises"] * len(note["prompts"]))
            cells = np.stack([_small(cell) for cell in cells])
            shaped = cells.reshape(len(note["prompts"]), note["noises"], *cells.shape[1:])
            found.append(Stage(note["step"], shaped, note["prompts"], note.get("score")))
    return sorted(found, key=lambda stage: stage.step)


def _small(cell: np.ndarray) -> np.ndarray:
    if max(cell.shape) <= _LARGEST:
        return cell
    shown = Image.fromarray(cell)
    shown.thumbnail((_LARGEST, _LARGEST), Image.Resampling.LANCZOS)
    return np.asarray(shown)


def save_stages(folder: Path, name: str, kept: Optional[int] = None, film: bool = False) -> List[Path]:
    """Draw all stages that a folder holds; nothing where there is none.

    Args:
        folder: of the run.
        name: of the files.
        kept: the step whose weights are kept, which is marked.
        film: whether the film is made too.
    """
    stages = stages_in(folder)
    if not stages:
        return []
    picked, rows = _picked(stages, kept), stages[0].prompts[:_ROWS]
    grid = labelled_grid(
        [stage.pictures[row, 0] for row in range(len(rows)) for stage in picked],
        [textwrap.fill(prompt, _LETTERS) for prompt in rows],
        ["\n".join(["kept" if stage.step == kept else " ", *_told(stage)]) for stage in picked],
    )
    written = [save_image(grid, folder / f"{name}.png")]
    if film:
        frames = [_frame(stage) for stage in stages]
        labels = [", ".join(_told(stage)) for stage in stages]
        written.append(save_film(folder / f"{name}.webp", frames, labels, _MILLISECONDS, _HOLD))
    return written


def _picked(stages: Sequence[Stage], kept: Optional[int]) -> List[Stage]:
    """About as many as a figure shows, at even steps, and the last and the kept one."""
    stride = max(1, -(-(len(stages) - 1) // (_COLUMNS - 1)))
    last = len(stages) - 1
    return [one for place, one in enumerate(stages) if place % stride == 0 or place == last or one.step == kept]


def _told(stage: Stage) -> List[str]:
    score = [] if stage.score is None else [f"score {stage.score:.1f}"]
    return [f"step {stage.step:,}", *score]


def _frame(stage: Stage) -> Image.Image:
    prompts, noises = stage.pictures.shape[:2]
    return labelled_grid(
        list(stage.pictures.reshape(prompts * noises, *stage.pictures.shape[2:])),
        [textwrap.fill(prompt, _LETTERS) for prompt in stage.prompts],
        [f"noise {noise:02d}" for noise in range(noises)],
    )
