"""hw2_1.sh OUT: 1,000 digits into OUT/{mnistm,svhn}/{digit}_{001..050}.png."""

from pathlib import Path

from .arguments import run


def _paint(out: str) -> None:
    from ..digits.generate import GenerateOptions, generate

    generate(GenerateOptions(out=Path(out), overwrite=True))


if __name__ == "__main__":
    raise SystemExit(run("hw2_1.sh", ["OUT"], _paint))
