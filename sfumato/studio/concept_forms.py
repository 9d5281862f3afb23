"""Prompts painted, and words learned from photos."""

import math
from typing import Any, Dict, List

from ..concepts.generate import GenerateOptions
from ..errors import UserError
from ..personalisation.learn_options import LearnOptions
from .asked import Asked, typed
from .fields import CHOICE, LONG, PICTURES, WEIGHTS, WORDS, Field, option
from .forms import Form, listed, named, painting_fields, sent_pictures
from .found import additions, word_files
from .job import OUT
from .place import Place

_MOST_ADDED = 20
_FROM = "checkpoint", "Checkpoint", "checkpoints", "The small one that ships, which knows digits, by default."


def _words(asked: Asked, place: Place) -> List[str]:
    words = ["concepts", "generate", OUT, *named(asked, "checkpoint", place)]
    words += ["--prompt", *asked.several("prompt"), "--count", asked.word("count")]
    said = "\n".join(
        [*asked.several("prompt"), asked.word("negative_prompt") if asked.given("negative_prompt") else ""]
    )
    files = [str(place.path(name)) for name in word_files(place, said)]
    return [*words, *(["--embeddings", *files] if files else []), *_added(asked, place), *asked.options()]


def _added(asked: Asked, place: Place) -> List[str]:
    """The LoRAs that are ticked, each with its amount."""
    rows: Any = asked.raw("loras") or []
    if not isinstance(rows, list) or len(rows) > _MOST_ADDED:
        raise UserError(f"LoRAs: at most {_MOST_ADDED} can be added at once")
    kinds = {one.name: one.kind for one in additions(place)} if rows else {}
    found: Dict[str, List[str]] = {"lora": [], "custom": []}
    for row in rows:
        name, amount = (str(row.get("name")), row.get("amount")) if isinstance(row, dict) else ("", None)
        given = isinstance(amount, (int, float)) and not isinstance(amount, bool) and math.isfinite(amount)
        if kinds.get(name, "") not in found or not given:
            raise UserError(f"{name[:80]!r}: is no LoRA that the page lists; load the page anew")
        found[kinds[name]].append(f"{place.path(name)}:{typed(amount)}")
    return [word for kind, files in found.items() if files for word in (f"--{kind}", *files)]


CONCEPTS = Form(
    "concepts",
    "Paint a prompt",
    "Paint",
    (
        option(
            GenerateOptions,
            "prompt",
            "Prompt",
            kind=LONG,
            flag="",
            default="a chalk seven",
            listed="words",
            help="One a line.",
            needed=True,
        ),
        option(GenerateOptions, "sampling.negative_prompt", "Negative prompt"),
        listed(*_FROM),
        Field("loras", "LoRAs", "loras", help="Added to the weights, each by its amount.", listed="loras"),
        Field("weights", "Add a LoRA or word from a file", WEIGHTS, help="A .safetensors.", more=True),
        *painting_fields(
            GenerateOptions,
            option(GenerateOptions, "sampling.regions", "Regions: | parts the picture into columns", more=True),
            option(GenerateOptions, "sampling.height", "Height", more=True),
            option(GenerateOptions, "sampling.width", "Width", more=True),
            option(GenerateOptions, "batch_size", "Pictures at once", more=True),
            count=2,
            slides=False,
        ),
    ),
    _words,
    "With Stable Diffusion v1: the small one that ships, or one of the folder given with --models.",
    command="concepts generate",
)


def _learned(asked: Asked, place: Place) -> List[str]:
    words = ["concepts", "learn", sent_pictures(asked, "photos", place), OUT, *named(asked, "checkpoint", place)]
    return [*words, "--token", asked.word("token"), "--init", asked.word("init"), *asked.options()]


LEARN = Form(
    "concepts-learn",
    "Learn a word",
    "Learn",
    (
        Field("photos", "Photos", PICTURES, help="About five of one thing, or in one style.", needed=True),
        option(LearnOptions, "method", "Method"),
        option(
            LearnOptions,
            "token",
            "Word",
            kind="text",
            flag="",
            default="<mine>",
            needed=True,
            help="As prompts will say it, such as <mine>.",
        ),
        option(
            LearnOptions,
            "init",
            "What it is about",
            kind="text",
            flag="",
            default="digit",
            needed=True,
            help="A word such as dog, or painting for a style: the new vectors begin as its.",
        ),
        option(LearnOptions, "kind", "Kind", kind=CHOICE, default="object", choices=("object", "style")),
        listed(*_FROM),
        option(LearnOptions, "steps", "Steps"),
        option(LearnOptions, "batch_size", "Photos a step", more=True),
        option(LearnOptions, "vectors", "Vectors of the word", more=True),
        option(LearnOptions, "lr", "Learning rate of the word", more=True),
        option(LearnOptions, "rank", "Rank of a LoRA", more=True),
        option(LearnOptions, "preview", "Previews, a prompt a line", kind=WORDS, more=True),
        option(LearnOptions, "preview_every", "Steps between previews", more=True),
        option(LearnOptions, "keep", "Which stage is kept", more=True),
        option(LearnOptions, "reading.fit", "Photos that are not square", more=True),
        option(LearnOptions, "running.save_every", "Steps between saved states", more=True),
        option(LearnOptions, "seed", "Seed", more=True),
    ),
    _learned,
    "From a few photos. A stopped run goes on where it was; the finished word is among the buttons above the prompt.",
    shows="training",
)
