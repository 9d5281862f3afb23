"""What a hostile file is, and the command that reads it."""

import pathlib
from typing import Callable, Dict, List, NamedTuple, Union

CANARY = "canary"
"""What a file that acts would leave in the folder that a command runs in; the texts of reports have it too."""

Content = Union[bytes, Dict[str, bytes]]
"""Of a file, or of each file in a folder."""


class Case(NamedTuple):
    """One hostile file or folder."""

    command: str
    """Which reads it, of COMMANDS."""
    what: str
    """It tries, as a file's name."""
    make: Callable[[], Content]

    @property
    def name(self) -> str:
        """Of the file or folder: the command, and what it tries."""
        return f"{self.command}--{self.what}"

    def write(self, folder: pathlib.Path) -> pathlib.Path:
        """Make it; the same bytes every time."""
        path, content = folder / self.name, self.make()
        if isinstance(content, bytes) and self.command in _IN_FOLDERS:
            content = {_IN_FOLDERS[self.command]: content}
        if isinstance(content, bytes):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        else:
            for name, part in content.items():
                (path / name).parent.mkdir(parents=True, exist_ok=True)
                (path / name).write_bytes(part)
        return path


_IN_FOLDERS = {"noise": "00.pt"}
"""Commands that read a folder -> the name of a single file in it."""


def _words(text: str) -> List[str]:
    return text.split()


COMMANDS: Dict[str, List[str]] = {
    "noise": _words("faces generate FILE OUT shipped --steps 1"),
    "unet": _words("faces generate GOOD/noises OUT FILE --steps 1"),
    "faces": _words("faces train FILE OUT --steps 1 --batch-size 2 --held-out 1 --look-every 0"),
    "face": _words("faces invert FILE --out OUT --steps 1"),
    "weights": _words("digits generate OUT --weights FILE --datasets svhn --digits 0 --count 1 --steps 1"),
    "digits": _words("digits train FILE OUT --steps 1 --encoder-steps 1 --batch-size 2 --look-every 0"),
    "classifier": _words("digits evaluate GOOD/painted --classifier FILE --json OUT/scores.json"),
    "real": _words("digits evaluate GOOD/painted --real FILE --json OUT/scores.json"),
    "painted": _words("digits evaluate FILE --json OUT/scores.json"),
    "checkpoint": _words("concepts generate OUT --checkpoint FILE --prompt one --count 1 --steps 1"),
    "words": _words("concepts generate OUT --embeddings FILE --prompt one --count 1 --steps 1"),
    "convert": _words("concepts convert FILE OUT/word.pt --word bare"),
    "input": _words("concepts generate OUT --input FILE --count 1 --steps 1"),
    "photos": _words("concepts learn FILE OUT --token <new7> --steps 1 --batch-size 1 --preview-every 0"),
    "pictures": _words("zero-shot FILE GOOD/labels.json"),
    "labels": _words("zero-shot GOOD/pictures FILE --out OUT"),
    "clip": _words("zero-shot GOOD/pictures GOOD/labels.json --clip FILE"),
    "run": _words("report OUT --run FILE --no-pdf"),
}
"""Command -> its arguments, with FILE for the hostile one, OUT for a new folder, GOOD for a folder of good inputs."""

TENSOR_READERS = ("noise", "unet", "weights", "classifier", "checkpoint", "words", "convert")


def turns(whats: Dict[str, Callable[[], Content]]) -> List[Case]:
    """A case each, read by the commands that read tensors in turn: behind them all is the same reader."""
    return [
        Case(TENSOR_READERS[place % len(TENSOR_READERS)], what, make)
        for place, (what, make) in enumerate(whats.items())
    ]
