"""hw2_3.sh INPUT_JSON OUT MODEL_CKPT: 25 pictures of every prompt, with the learned words."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Dict, List, Optional, Sequence, Union

from ..errors import UserError
from .arguments import run

if TYPE_CHECKING:
    from ..concepts.prompts import UnknownWordError

_SCRIPTS = Path(__file__).resolve().parents[2]
_PRESETS = {"<new1>": "course-dog", "<new2>": "course-style"}


def paint(
    input_json: Union[str, Path],
    out: Union[str, Path],
    checkpoint: Union[str, Path],
    beside: Optional[Sequence[Path]] = None,
) -> List[UserError]:
    """Paint the prompts whose words are there, and of them what is not painted yet; the folder gets the pictures and
    nothing else.

    Args:
        input_json: what to paint.
        out: the folder.
        checkpoint: of Stable Diffusion v1.
        beside: folders of learned words, a later one's in place of an earlier one's; by default embeddings/ beside the
            scripts and beside the checkpoint. Words that ship for the checkpoint need none.

    Returns:
        An error for each word that nobody has learned, with what learns it; the prompts that have it are not painted.

    Raises:
        UserError: for what cannot be used, before anything is painted.
    """
    from ..concepts.generate import GenerateOptions, generate
    from ..concepts.prompts import UnknownWordError

    if beside is None:
        beside = [folder / "embeddings" for folder in (_SCRIPTS, Path(checkpoint).absolute().parent)]
    options = GenerateOptions(out=Path(out), checkpoint=Path(checkpoint), input=Path(input_json), overwrite=True)
    left_out: List[UserError] = []
    generate(options, beside, left_out)
    words: Dict[str, List[UnknownWordError]] = {}
    for fault in left_out:
        if isinstance(fault, UnknownWordError):
            words.setdefault(fault.word, []).append(fault)
    others = [fault for fault in left_out if not isinstance(fault, UnknownWordError)]
    return [_not_painted(faults, Path(input_json), str(checkpoint)) for faults in words.values()] + others


def _not_painted(faults: List["UnknownWordError"], input_json: Path, checkpoint: str) -> UserError:
    """A line on the prompts of one word, with the command that learns it and what it costs (docs/concepts.md has the
    arithmetic)."""
    from ..concepts.prompts import read_input

    word = faults[0].word
    key = next((source.key for source in read_input(input_json) if source.token == word), "KEY")
    how = f"--preset {_PRESETS[word]}" if word in _PRESETS else "--init WORD"
    command = (
        f"sfumato concepts learn hw2_data/textual_inversion/{key} runs/{key} --token {shlex.quote(word)} {how}"
        f" --checkpoint {shlex.quote(checkpoint)}"
    )
    what = f"{len(faults)} prompts are" if len(faults) > 1 else f"{faults[0].prompt!r} is"
    return UserError(
        f"{what} not painted: nobody has learned {word} for this checkpoint; known are: {faults[0].known}. This does,"
        f" in some ten minutes on a GPU with 12 GB: `{command}`; then put runs/{key}/word.safetensors into a folder"
        " embeddings/ beside the checkpoint, and run this again"
    )


def main() -> int:
    """What the script calls."""
    return run("hw2_3.sh", ["INPUT_JSON", "OUT", "MODEL_CKPT"], paint)
