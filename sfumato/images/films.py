"""Films: frames of one size, each with a line of text beneath it.

    .webp   transparent where nothing is drawn, every pixel as it was given, and read back with its texts
    .gif    256 colours a frame, on a dark ground
    .mp4    H.264 on a dark ground, by ffmpeg

What a film says of its frames (texts, milliseconds, where the frame lies above its text) is kept in it as JSON: in a
WebP's EXIF ImageDescription, in a GIF's comment.
"""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Sequence, Tuple

from PIL import Image, ImageDraw

from ..checkpoints import atomic_path
from ..errors import UserError
from .fonts import INK, text_box, write
from .opening import open_frames

FILM_ENDINGS = (".webp", ".gif", ".mp4")
"""How the names of films end."""
_DARK, _MARGIN = (22, 24, 29), 16
_DESCRIPTION = 0x010E
_LONGEST = 1 << 20
"""Letters of it that are read."""
_TICK = 10
"""Milliseconds; GIFs count in these."""
_WIDTH, _TEXT, _SMALLEST = 760, 17, 15
"""A film as wide as a page has text of so many pixels; narrower ones have no smaller text than the smallest."""


class _Told(NamedTuple):
    """What is kept in a film."""

    labels: List[str]
    milliseconds: List[int]
    size: Tuple[int, int]
    """Width and height of what lies above the text."""
    corner: Tuple[int, int] = (0, 0)
    """Where it begins, from the left and from the top."""


def check_film(path: Path) -> None:
    """Refuse early what `save_film` could not write.

    Raises:
        UserError: for another ending than those of films, a folder, or an .mp4 where ffmpeg is missing.
    """
    if path.suffix.lower() not in FILM_ENDINGS:
        raise UserError(
            f"{path}: a film ends in {', '.join(FILM_ENDINGS[:-1])} or {FILM_ENDINGS[-1]}; give such a name"
        )
    if path.is_dir():
        raise UserError(f"{path}: is a folder; give the name of a film")
    if path.suffix.lower() == ".mp4" and shutil.which("ffmpeg") is None:
        raise UserError(f"{path}: ffmpeg makes .mp4, and is not installed; install it, or give a name in .webp or .gif")


def text_size(width: int) -> int:
    """How large text in a film of this width is, in pixels."""
    return max(_SMALLEST, round(width * _TEXT / _WIDTH))


def save_film(
    path: Path,
    frames: Sequence[Image.Image],
    labels: Sequence[str],
    milliseconds: int = 80,
    hold: int = 2000,
) -> Path:
    """Write a film that begins anew for ever, whole or not at all, in the format of the path's ending.

    Args:
        path: ends in one of `FILM_ENDINGS`.
        frames: RGB, or RGBA where something is transparent; all of one size.
        labels: a line of text for each, drawn beneath it.
        milliseconds: that a frame stays, in whole hundredths of a second.
        hold: that the last frame stays; no less than the others.

    Returns:
        The path.

    Raises:
        UserError: as `check_film`, or if ffmpeg fails.
        ValueError: for no frames, frames of several sizes, or another number of labels.
    """
    check_film(path)
    if not frames or len({frame.size for frame in frames}) > 1 or len(labels) != len(frames):
        raise ValueError(f"a film needs frames of one size and a label for each, got {len(frames)} and {len(labels)}")
    shown = max(2, round(milliseconds / _TICK)) * _TICK
    stays = [shown] * (len(frames) - 1) + [max(shown, round(hold / _TICK) * _TICK)]
    drawn = _with_labels(frames, labels)
    corner = (0, 0) if path.suffix.lower() == ".webp" else (_MARGIN, _MARGIN)
    told = json.dumps(_Told(list(labels), stays, frames[0].size, corner)._asdict())
    with atomic_path(path, durable=False) as beside:
        if path.suffix.lower() == ".mp4":
            _to_ffmpeg(beside, [_on_dark(frame) for frame in drawn], stays)
        elif path.suffix.lower() == ".gif":
            _save(beside, [_on_dark(frame) for frame in drawn], stays, comment=told.encode(), optimize=False)
        else:
            notes = Image.Exif()
            notes[_DESCRIPTION] = told
            _save(beside, drawn, stays, lossless=True, quality=70, method=4, exif=notes)
    return path


def read_film(path: Path) -> Tuple[List[Image.Image], List[str]]:
    """The frames of a .webp or .gif that `save_film` wrote, RGBA and without their labels, and the labels.

    Raises:
        UserError: for what is no such film.
    """
    raw, description = open_frames(path)
    frames: List[Image.Image] = []
    try:
        told = _Told(**json.loads(description[:_LONGEST]))
        left, (width, height) = iter(told.milliseconds), told.size
        x, y = (max(0, one) for one in told.corner)
        for frame, stays in raw:
            shown = frame.crop((x, y, min(x + width, frame.width), min(y + height, frame.height)))
            frames.append(shown)
            passed = next(left, stays)
            # What followed it and was alike has become one with it.
            while passed < stays:
                passed += next(left, stays)
                frames.append(shown)
    except (ValueError, TypeError, AttributeError):
        raise UserError(f"{path}: does not say what its frames are; give a film that sfumato made") from None
    if len(frames) != len(told.labels):
        raise UserError(f"{path}: has {len(frames)} frames and {len(told.labels)} labels; make the film again")
    return frames, [str(label) for label in told.labels]


def _with_labels(frames: Sequence[Image.Image], labels: Sequence[str]) -> List[Image.Image]:
    """RGBA, each with its text beneath; all begin at one place, so that only what differs moves."""
    width, height = frames[0].size
    size = text_size(width)
    strip = round(1.8 * size) if any(labels) else 0
    left = max(0, (width - max(text_box(label, size)[0] for label in labels)) // 2)
    found = []
    for frame, label in zip(frames, labels):
        paper = clear_paper(width, height + strip)
        paper.paste(frame, (0, 0))
        write(ImageDraw.Draw(paper), (left, height + strip // 2), label, size, "lm")
        found.append(paper)
    return found


def clear_paper(width: int, height: int) -> Image.Image:
    """RGBA on which nothing is; of the ink's colour, so that letters have no rim of another one."""
    return Image.new("RGBA", (width, height), (*INK, 0))


def _on_dark(frame: Image.Image) -> Image.Image:
    """On the dark ground and with a margin of it, of even sides, as H.264 has them."""
    width, height = (one + one % 2 + 2 * _MARGIN for one in frame.size)
    ground = Image.new("RGB", (width, height), _DARK)
    ground.paste(frame, (_MARGIN, _MARGIN), frame)
    return ground


def _save(path: Path, frames: Sequence[Image.Image], stays: List[int], **how: Any) -> None:
    first, *others = frames
    told: Dict[str, Any] = {"save_all": True, "append_images": others, "duration": stays, "loop": 0, **how}
    # A single frame takes no list.
    first.save(path, **told if others else {**told, "duration": stays[0]})


def _to_ffmpeg(path: Path, frames: Sequence[Image.Image], stays: List[int]) -> None:
    width, height = frames[0].size
    # Frames of one length: the first one's, of which the last takes as many as it stays.
    rate = f"1000/{stays[0]}"
    command = ["ffmpeg", "-nostdin", "-loglevel", "error", "-y", "-f", "rawvideo", "-pix_fmt", "rgb24"]
    command += ["-s", f"{width}x{height}", "-framerate", rate, "-i", "pipe:0", "-an", "-map_metadata", "-1"]
    command += ["-c:v", "libx264", "-crf", "14", "-preset", "slow", "-pix_fmt", "yuv420p", "-threads", "1"]
    command += ["-fflags", "+bitexact", "-flags:v", "+bitexact", "-movflags", "+faststart", "-f", "mp4", str(path)]
    raw = b"".join(
        frame.tobytes() * (1 if place < len(frames) - 1 else max(1, stays[-1] // stays[0]))
        for place, frame in enumerate(frames)
    )
    done = subprocess.run(command, input=raw, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False)
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise UserError(
            f"ffmpeg cannot make the film ({said[-1] if said else done.returncode}); give a name in .webp or .gif"
        )
