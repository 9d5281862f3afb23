"""Models of anybody's own pictures: learned from a zip or from pictures, and painted with."""

from typing import List

from ..errors import UserError
from ..pictures.generate import GenerateOptions
from ..pictures.learn import LearnOptions
from .asked import Asked
from .fields import NUMBER, NUMBERS, PICTURES, ZIP, Field, option
from .forms import Form, listed, named, painting_fields, sent_file, sent_pictures
from .job import OUT
from .place import Place


def _learned(asked: Asked, place: Place) -> List[str]:
    if asked.given("zip") == asked.given("photos"):
        raise UserError("Pictures: give either a zip, or pictures one by one")
    source = sent_file(asked, "zip", place) if asked.given("zip") else sent_pictures(asked, "photos", place)
    if not asked.given("steps") and not asked.given("minutes"):
        raise UserError("Minutes: say for how long it should learn, or give steps")
    return ["pictures", "train", source, OUT, *named(asked, "start", place), *asked.options()]


OWN_LEARN = Form(
    "own-learn",
    "Learn your pictures",
    "Learn",
    (
        Field("zip", "A zip of pictures", ZIP, help="The names of folders inside it are the labels."),
        Field("photos", "Or pictures", PICTURES),
        option(
            LearnOptions,
            "size",
            "Size",
            kind=NUMBERS,
            default=(32,),
            help="Side of the squares, or height and width.",
            flag="--size",
        ),
        option(LearnOptions, "training.minutes", "Minutes", kind=NUMBER),
        option(LearnOptions, "training.loop.steps", "Or steps", default=""),
        option(LearnOptions, "grey", "Grey pictures", more=True),
        option(LearnOptions, "reading.upscale", "Enlarge pictures that are smaller", more=True),
        option(LearnOptions, "reading.fit", "Pictures that are not square", more=True),
        option(LearnOptions, "training.flip", "Mirror every second picture", more=True),
        option(LearnOptions, "training.loop.batch_size", "Pictures a step", more=True),
        option(LearnOptions, "training.look_every", "Steps between sheets", more=True),
        option(LearnOptions, "training.save_every", "Steps between saved states", more=True),
        option(LearnOptions, "width", "Width of the network", more=True),
        option(LearnOptions, "blocks", "Blocks of the network", more=True),
        listed("start", "Begin from", "models", "A model that was learned here; random weights by default.", more=True),
    ),
    _learned,
    "A diffusion model from scratch. Sheets show what it paints while it learns; a stopped run goes on.",
    shows="training",
)


def _painted(asked: Asked, place: Place) -> List[str]:
    words = ["pictures", "generate", OUT, *named(asked, "weights", place)]
    label = ["--label", asked.word("label")] if asked.given("label") else []
    return [*words, *label, "--count", asked.word("count"), *asked.options()]


OWN_PAINT = Form(
    "own-paint",
    "Paint with your model",
    "Paint",
    (
        listed("weights", "Model", "models", "One that was learned here.", needed=True),
        listed("label", "Label", "labels", "All of them by default."),
        *painting_fields(GenerateOptions, count=8),
    ),
    _painted,
    "By label, or all of them.",
    command="pictures generate",
)
