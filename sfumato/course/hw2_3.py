"""hw2_3.sh INPUT_JSON OUT MODEL_CKPT: 25 pictures of every prompt, with the learned words."""

from pathlib import Path

from ..concepts.generate import GenerateOptions, generate
from .arguments import run

_WORDS = Path(__file__).parents[2] / "embeddings"
"""Beside the scripts: where learned words that do not ship are looked for."""


def _paint(input_json: str, out: str, checkpoint: str) -> None:
    embeddings = (_WORDS,) if _WORDS.is_dir() else ()
    generate(
        GenerateOptions(
            out=Path(out), checkpoint=Path(checkpoint), input=Path(input_json), embeddings=embeddings, overwrite=True
        )
    )


if __name__ == "__main__":
    raise SystemExit(run("hw2_3.sh", ["INPUT_JSON", "OUT", "MODEL_CKPT"], _paint))
