"""The digits' section."""

from pathlib import Path
from typing import List

from .curves import confusions, curve, read_log
from .found import Found, Note
from .parts import Part, Section, Table, flat, picture
from .section import Kind, section
from .words import words

_NAMES = {"mnistm": "MNIST-M", "svhn": "SVHN"}


def digits_section(found: Found) -> Section:
    """Pictures, the reverse process, accuracy, confusion, variety and training curves, of what is there."""
    painted = found.all("digits generate")
    scores = "accuracy: `sfumato digits generate OUT`, then `sfumato digits evaluate OUT`"
    kinds = [
        Kind("digits figures", _figures, "sheets and the reverse process: `sfumato digits figures OUT`"),
        Kind("digits evaluate", lambda note: _scores(note, painted), scores),
        Kind("digits train", _training, "training curves: `sfumato digits train hw2_data/digits RUN`"),
    ]
    return section("Digits: two datasets, from noise", [words("digits"), words("digits difficulties")], kinds, found)


def _figures(note: Note) -> Part:
    kinds = {
        "sheet": ("ten by ten painted digits", "a row a digit, a column a noise."),
        "reverse-process": (
            "six moments of painting a zero",
            "painting one zero. Above the noisy picture, below the clean one that the network sees in it.",
        ),
    }
    shown = [
        picture(note.folder / f"{dataset}-{kind}.png", f"{alt}, {name}", f"{name}: {caption}")
        for kind, (alt, caption) in kinds.items()
        for dataset, name in _NAMES.items()
        if (note.folder / f"{dataset}-{kind}.png").is_file()
    ]
    return Part("Painted digits", figures=shown, commands=[note.command_line], settings=flat(note.settings))


def _scores(note: Note, runs: List[Note]) -> Part:
    datasets = note.content["datasets"]
    rows = [
        [
            _NAMES.get(one["dataset"], one["dataset"]),
            f"{one['accuracy']:.2%}",
            str(one["pictures"]),
            f"{one['recall']:.2f}",
            f"{one['precision']:.2f}",
            f"{one['frechet_distance']:.2f}",
            one["judge"],
        ]
        for one in datasets
    ]
    header = ["dataset", "accuracy", "pictures", "recall", "precision", "Fréchet distance", "judge"]
    painted = [one for one in runs if one.folder == note.folder]
    return Part(
        "Accuracy and variety",
        words=[words("accuracy", mean=note.content["mean_accuracy"])],
        tables=[Table("The pictures of each dataset.", header, rows)],
        figures=[
            confusions(
                {_NAMES.get(one["dataset"], one["dataset"]): one["confusion"] for one in datasets},
                "confusion matrices of the painted digits",
                "What was read in the pictures of each digit.",
            )
        ],
        commands=[one.command_line for one in (*painted, note)],
        settings=flat(painted[0].settings) if painted else {},
        glance=[
            (f"digits of {row[0]} read as asked, by {row[6]}", f"{row[1]} of {row[2]}; recall {row[3]}") for row in rows
        ],
    )


def _training(note: Note) -> Part:
    lines = read_log(note.folder / "log.jsonl")
    names = {"loss": "loss", "rate": "learning rate, share of its peak"}
    seen = {name for line in lines for name in line}
    looked = {f"accuracy/{key}": f"accuracy, {name}" for key, name in _NAMES.items() if f"accuracy/{key}" in seen}
    shown = [curve(lines, {**names, **looked}, "training curves", "Grey: as logged. Blue: smoothed.")]
    return Part(
        f"Training in {_short(note.folder)}",
        figures=shown if lines else [],
        commands=[note.command_line],
        settings=flat(note.settings),
    )


def _short(folder: Path) -> str:
    return "/".join(folder.parts[-2:])
