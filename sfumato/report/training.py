"""A training's part of any section: its curves, and the last pictures that it showed on the way."""

from dataclasses import replace
from typing import List

from .curves import curve, series
from .found import Note, short
from .parts import Figure, Part
from .shots import picture
from .words import words

_TITLES = {
    "loss": "loss",
    "rate": "learning rate, share of its peak",
    "loss/held_out": "loss: held out",
    "accuracy/mnistm": "accuracy: MNIST-M",
    "accuracy/svhn": "accuracy: SVHN",
    "psnr": "PSNR in dB",
    "right_digit": "share of digits found",
}
"""What trainings log -> its axis, and after a colon its name there; see `curve`."""


def training(note: Note) -> Part:
    """The curves of what the run logged."""
    shown, what = curves(note), note.command.split()[0]
    for sheet in note.files("sheet-[0-9]*.png")[-1:]:
        caption = words("caption.looked", step=int(sheet.stem.split("-")[1]))
        shown.append(picture(sheet, f"pictures of {what} during training", caption, note, "looked"))
    # Such as how several runs were put together.
    remarks = [str(note.content["remark"])] if "remark" in note.content else []
    return Part(f"Training in {short(note.folder)}", remarks, shown)


def curves(note: Note) -> List[Figure]:
    """What the run logged, over its steps; nothing for a run without a log."""
    lines = note.log()
    seen = {name for line in lines for name in line}
    names = {name: title for name, title in _TITLES.items() if name in seen}
    what = f"training curves of {note.command.split()[0]}"
    if not names:
        return []
    runs = [(str(name), float(after)) for name, after in note.content.get("runs", {}).items()]
    first = next(iter(names))
    steps, values = series(lines, first)
    caption = words("caption.curves", what=names[first], begun=values[0], ended=values[-1], steps=steps[-1])
    return [replace(curve(lines, names, what, caption, runs), key="curves")]
