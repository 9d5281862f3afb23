"""Runs of everything that ships, for a report without runs of one's own.

Each is a command as a user would type it, in a process of its own: so the notes it leaves say what can be typed again.
"""

import json
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Dict, List, NamedTuple

from .. import __version__
from ..bars import Bar
from ..checkpoints import write_text
from ..errors import UserError
from ..models.shipped import shipped

_NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")

_INPUT = {
    "0": {
        "src_image": "mnistm",
        "token_name": "<mine>",
        "prompt": ["a chalk <mine>", "a colourful <mine> next to a two"],
        "prompt_4_clip_eval": ["a chalk digit", "a colourful digit next to a two"],
    }
}
TRAINING = shipped("digits-training")
"""The note and log of the shipped digit weights' training."""


class Amount(NamedTuple):
    """How much is done."""

    digits: int
    """Pictures of each digit and dataset."""
    steps: int
    """In which a word is learned, with four previews on the way."""
    prompts: int
    """Pictures of each measurement of the small world."""


WHOLE = Amount(digits=50, steps=400, prompts=40)
QUICK = Amount(digits=5, steps=20, prompts=4)


def run_embedded(folder: Path, amount: Amount = WHOLE) -> None:
    """Paint and measure with the weights that ship; what this version finished already is not done again.

    Args:
        folder: for one folder a run, all of one amount.
        amount: see there.

    Raises:
        UserError: if a command fails, which says why by itself.
    """
    (folder / "id2label.json").write_text(json.dumps(dict(enumerate(_NAMES))))
    (folder / "input.json").write_text(json.dumps(_INPUT))
    with Bar(_commands(folder, amount).items(), desc="runs of what ships", unit="run") as bar:
        for name, commands in bar:
            done, state = folder / f"{name}.done", json.dumps([__version__, *_commands(Path(), amount)[name]])
            if done.is_file() and done.read_text() == state:
                continue
            for command in commands:
                typed = shlex.join(["sfumato", *command])
                Bar.write(typed)
                if subprocess.run([sys.executable, "-m", "sfumato", *command], check=False).returncode:
                    raise UserError(f"`{typed}` failed, as said above; the same report goes on from there")
            write_text(done, state)


def _commands(folder: Path, amount: Amount) -> Dict[str, List[List[str]]]:
    """Name of a run -> its commands. Words are learned from painted digits, because real ones may not ship."""
    digits, photos, word = str(folder / "digits"), folder / "photos", str(folder / "word")
    five = ["--digits", "4", "--datasets", "mnistm", "--count", "5", "--overwrite"]
    learning = ["--token", "<mine>", "--steps", str(amount.steps), "--preview-every", str(amount.steps // 4)]
    painted, given = str(folder / "prompts"), str(folder / "input.json")
    names = ["--template", "a photo of a {}", "--out", str(folder / "zero-shot")]
    return {
        "digits": [
            ["digits", "generate", digits, "--count", str(amount.digits), "--overwrite"],
            ["digits", "evaluate", digits],
        ],
        "digit-figures": [["digits", "figures", str(folder / "digit-figures")]],
        "faces": [
            ["faces", "eta", "--out", str(folder / "faces")],
            ["faces", "interpolate", "--film", "--out", str(folder / "faces")],
        ],
        "word": [
            ["digits", "generate", str(photos), *five],
            ["concepts", "learn", str(photos / "mnistm"), word, *learning],
        ],
        "prompts": [
            [
                *("concepts", "generate", painted, "--overwrite"),
                *("--input", given, "--embeddings", f"{word}/word.safetensors"),
            ],
            ["concepts", "evaluate", "--json-path", given, "--input-dir", str(photos), "--output-dir", painted],
        ],
        "world": [["world", "evaluate", str(folder / "world"), "--count", str(amount.prompts)]],
        "zero-shot": [["zero-shot", str(Path(digits) / "svhn"), str(folder / "id2label.json"), *names]],
    }
