"""The grade that the work will get, by what was measured; and what is missing of it, by what was not there."""

import platform
from pathlib import Path
from typing import Any, Dict, List, Optional

import torch

from ..checkpoints import read_json
from ..devices import Worker
from ..runs import write_note
from .handing_in import copy
from .setup import Setup

_BASELINES = "90% and 95%"
_STRONG = 0.95


def missing_parts(setup: Setup) -> Dict[str, str]:
    """Question or score -> why there is nothing to show.

    Questions are "P1.1" to "P3.2", scores "score 1" to "score 3".
    """
    found, options, missing = setup.found, setup.options, {}
    left_out = {name: f"problem {name} was left out (--only {options.only})" for name in "123"}
    reasons = {name: reason for name, reason in left_out.items() if name not in setup.problems}
    parts = {"1": ("P1.1", "P1.2", "P1.3"), "2": ("P2.1", "P2.2"), "3": ("P3.1", "P3.2")}
    for name, reason in reasons.items():
        missing.update(dict.fromkeys((*parts[name], f"score {name}"), reason))
    if "1" not in reasons and found.classifier is None:
        missing["score 1"] = "Classifier.pth was not found, so MNIST-M is judged by our own judge (give --classifier)"
    if "2" not in reasons:
        lacking = [name for name, path in (("face/noise", found.noise), ("face/UNet.pt", found.unet)) if path is None]
        if lacking:
            missing.update(dict.fromkeys((*parts["2"], "score 2"), f"{' and '.join(lacking)} not found in HW2_DATA"))
        elif found.truth is None:
            missing["score 2"] = "face/GT was not found in HW2_DATA"
    if "3" not in reasons:
        missing.update(_missing_of_concepts(setup))
    return missing


def _missing_of_concepts(setup: Setup) -> Dict[str, str]:
    missing, found = {}, setup.found
    clip = "no --clip was given, and the small one that ships knows digits only (give openai/clip-vit-base-patch32)"
    if found.classes is None or found.labels is None:
        missing["P3.1"] = "clip_zeroshot (val and id2label.json) was not found in HW2_DATA"
    elif not setup.judges:
        missing["P3.1"] = clip
    if found.input is None:
        missing["P3.2"] = missing["score 3"] = "textual_inversion/input.json was not found in HW2_DATA"
    elif setup.checkpoint_file is None:
        missing["P3.2"] = missing["score 3"] = "no --checkpoint was given to learn words for"
    elif not setup.judges:
        missing["score 3"] = clip
    if "P3.2" not in missing and len(setup.all_sources) < 2:
        missing["P3.2"] = "the input.json has one concept, and no other photos lie beside it"
    return missing


def write_grade(setup: Setup) -> None:
    """Collect what was measured: runs/grade.json, and the same beside the pictures."""
    rows = [*_digit_rows(setup.runs), *_face_rows(setup.runs), *_concept_rows(setup.runs)]
    environment = (
        f"Python {platform.python_version()}, torch {torch.__version__}, on {Worker.here().device().type.upper()}"
    )
    path = setup.runs / "grade.json"
    told: Dict[str, Any] = {"rows": rows, "environment": environment, "missing": missing_parts(setup)}
    write_note(path, "course grade", setup.settings(), **told)
    copy(path, setup.out / "grade.json")


def grade_in_words(setup: Setup) -> List[str]:
    """The lines of the summary."""
    told = read_json(setup.runs / "grade.json", "run the same command again", ours=True)
    marks = {True: "pass", False: "FAIL", None: ""}
    lines = [f"{row['what']}: {row['value']}  {_against(row)}  {marks[row['passed']]}".rstrip() for row in told["rows"]]
    return [*lines, *(f"missing, {part}: {why}" for part, why in told["missing"].items())]


def _against(row: Dict[str, Any]) -> str:
    return f"(baseline {row['baseline']})" if row["baseline"] else ""


def _row(problem: str, what: str, value: str, baseline: str = "", passed: Optional[bool] = None) -> Dict[str, Any]:
    return {"problem": problem, "what": what, "value": value, "baseline": baseline, "passed": passed}


def _note(path: Path) -> Optional[Dict[str, Any]]:
    return dict(read_json(path, "run the same command again", ours=True)) if path.is_file() else None


def _digit_rows(runs: Path) -> List[Dict[str, Any]]:
    note = _note(runs / "digits" / "scores.json")
    if note is None:
        return []
    names = {"mnistm": "MNIST-M", "svhn": "SVHN"}
    rows = [
        _row("1", f"{names[one['dataset']]} by {one['judge']}", f"{one['accuracy']:.2%}") for one in note["datasets"]
    ]
    mean = note["mean_accuracy"]
    return [*rows, _row("1", "mean of both", f"{mean:.2%}", _BASELINES, mean >= _STRONG)]


def _face_rows(runs: Path) -> List[Dict[str, Any]]:
    note = _note(runs / "faces" / "scores.json")
    if note is None:
        return []
    passed = all(one["passes"] for one in note["pictures"])
    return [_row("2", "mean squared error", f"{note['mean_mse']:.4f}", f"{note['limit']:g}", passed)]


def _concept_rows(runs: Path) -> List[Dict[str, Any]]:
    rows = []
    for one in (_note(runs / "concepts" / "scores.json") or {"prompts": []})["prompts"]:
        baseline = "" if one["baseline"] is None else f"{one['baseline'][0]:g} / {one['baseline'][1]:g}"
        value = f"image {one['image']:.2f} / text {one['text']:.2f}"
        rows.append(_row("3", one["prompt"], value, baseline, one["passed"]))
    note = _note(runs / "zero-shot" / "zero-shot.json")
    if note is not None:
        rows.append(_row("3", f"zero-shot accuracy by {note['clip']}", f"{note['top1']:.2%}"))
    return rows
