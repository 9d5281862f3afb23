"""hw2_3.sh INPUT_JSON OUT MODEL_CKPT: 25 pictures of every prompt, with the learned words."""

from pathlib import Path

from ..concepts.generate import GenerateOptions, generate
from .arguments import run

_SCRIPTS = Path(__file__).parents[2]


def _paint(input_json: str, out: str, checkpoint: str) -> None:
    # Words that do not ship are looked for beside the scripts and beside the checkpoint.
    beside = (folder / "embeddings" for folder in (_SCRIPTS, Path(checkpoint).absolute().parent))
    generate(
        GenerateOptions(
            out=Path(out),
            checkpoint=Path(checkpoint),
            input=Path(input_json),
            embeddings=tuple(folder for folder in beside if folder.is_dir()),
            overwrite=True,
        )
    )


if __name__ == "__main__":
    raise SystemExit(run("hw2_3.sh", ["INPUT_JSON", "OUT", "MODEL_CKPT"], _paint))
