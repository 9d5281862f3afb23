"""hw2_3.sh INPUT_JSON OUT MODEL_CKPT: 25 pictures of every prompt, with the learned words."""

import shlex
from pathlib import Path

from ..errors import UserError
from .arguments import run

_SCRIPTS = Path(__file__).parents[2]
_PRESETS = {"<new1>": "course-dog", "<new2>": "course-style"}


def _paint(input_json: str, out: str, checkpoint: str) -> None:
    from ..concepts.generate import GenerateOptions, generate
    from ..concepts.prompts import UnknownWordError

    # Words that do not ship are looked for beside the scripts and beside the checkpoint.
    beside = [folder / "embeddings" for folder in (_SCRIPTS, Path(checkpoint).absolute().parent)]
    try:
        generate(
            GenerateOptions(
                out=Path(out),
                checkpoint=Path(checkpoint),
                input=Path(input_json),
                overwrite=True,
            ),
            beside,
        )
    except UnknownWordError as unknown:
        raise UserError(f"{unknown}. {_how_to_learn(unknown.word, Path(input_json), checkpoint)}") from None


def _how_to_learn(word: str, input_json: Path, checkpoint: str) -> str:
    """The command that learns a word of the input.json, and what it costs (docs/concepts.md has the arithmetic)."""
    from ..concepts.prompts import read_input

    key = next((source.key for source in read_input(input_json) if source.token == word), "KEY")
    how = f"--preset {_PRESETS[word]}" if word in _PRESETS else "--init WORD"
    command = (
        f"sfumato concepts learn hw2_data/textual_inversion/{key} runs/{key} --token {shlex.quote(word)} {how}"
        f" --checkpoint {shlex.quote(checkpoint)}"
    )
    return (
        f"This does, in some ten minutes on a GPU with 12 GB: `{command}`; then put runs/{key}/word.safetensors into a"
        " folder embeddings/ beside the checkpoint"
    )


if __name__ == "__main__":
    raise SystemExit(run("hw2_3.sh", ["INPUT_JSON", "OUT", "MODEL_CKPT"], _paint))
