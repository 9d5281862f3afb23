"""All commands, by what one wants to do: where each one's function lies, and what it does in a line."""

from typing import Dict, NamedTuple, Tuple


class Command(NamedTuple):
    """Where a command's function is, and what it does in a line."""

    module: str
    function: str
    options: str
    summary: str
    needs: Tuple[str, ...] = ()
    """Packages of `extras.py` without which it cannot end."""


_TRAINING = ("accelerate", "tensorboard")
_DRAWING = ("matplotlib",)
_CLIP = ("transformers",)

AIMS: Dict[str, Dict[str, Command]] = {
    "paint": {
        "digits generate": Command(
            "sfumato.digits.generate", "generate", "GenerateOptions", "paint digits, in two looks"
        ),
        "faces noise": Command("sfumato.faces.noises", "noise", "NoiseOptions", "draw noises to paint faces from"),
        "faces generate": Command(
            "sfumato.faces.generate", "generate", "GenerateOptions", "paint a face from every noise in a folder"
        ),
        "concepts generate": Command(
            "sfumato.concepts.generate", "generate", "GenerateOptions", "paint prompts with Stable Diffusion v1"
        ),
        "pictures generate": Command(
            "sfumato.pictures.generate", "generate", "GenerateOptions", "paint pictures like those that were learned"
        ),
        "again": Command("sfumato.again.again", "again", "AgainOptions", "paint a picture anew from its own text"),
    },
    "teach": {
        "pictures train": Command(
            "sfumato.pictures.learn", "learn", "LearnOptions", "learn to paint pictures like your own", _TRAINING
        ),
        "concepts learn": Command(
            "sfumato.personalisation.learn",
            "learn",
            "LearnOptions",
            "learn a word, or more, from a few photos",
            (*_TRAINING, *_CLIP),
        ),
        "concepts distill": Command(
            "sfumato.personalisation.distill",
            "distill",
            "DistillOptions",
            "a LoRA that paints in four passes",
            _TRAINING,
        ),
        "digits train": Command(
            "sfumato.digits.train", "train", "TrainOptions", "train the digit model on MNIST-M and SVHN", _TRAINING
        ),
        "faces train": Command("sfumato.faces.train", "train", "TrainOptions", "train a face model", _TRAINING),
        "presets": Command(
            "sfumato.presets", "presets", "PresetsOptions", "trainings that were done, and what they reach"
        ),
    },
    "understand": {
        "grid": Command("sfumato.grid.grid", "grid", "GridOptions", "two settings of a painting, on one sheet"),
        "digits figures": Command(
            "sfumato.digits.figures", "figures", "FiguresOptions", "contact sheets and the reverse process"
        ),
        "faces eta": Command("sfumato.faces.figures", "eta", "EtaOptions", "what eta changes"),
        "faces interpolate": Command(
            "sfumato.faces.figures", "interpolate", "InterpolateOptions", "slerp and lerp between two noises"
        ),
        "faces invert": Command(
            "sfumato.faces.invert", "invert", "InvertOptions", "from a picture to its noise, and back"
        ),
        "classify": Command(
            "sfumato.classify", "classify", "ClassifyOptions", "ask CLIP which name fits each of your pictures", _CLIP
        ),
    },
    "measure": {
        "digits evaluate": Command(
            "sfumato.digits.evaluate", "evaluate", "EvaluateOptions", "score a folder of painted digits"
        ),
        "faces evaluate": Command(
            "sfumato.faces.evaluate", "evaluate", "EvaluateOptions", "compare painted faces with true ones"
        ),
        "concepts evaluate": Command(
            "sfumato.concepts.evaluate", "evaluate", "EvaluateOptions", "score painted concepts with CLIP", _CLIP
        ),
        "pictures evaluate": Command(
            "sfumato.pictures.evaluate", "evaluate", "EvaluateOptions", "measure painted pictures, look for copies"
        ),
        "zero-shot": Command(
            "sfumato.zero_shot", "zero_shot", "ZeroShotOptions", "classify pictures with CLIP by names", _CLIP
        ),
    },
    "look and play": {
        "studio": Command(
            "sfumato.studio.studio",
            "studio",
            "StudioOptions",
            "all of it on a page in the browser",
            ("starlette", "uvicorn"),
        ),
    },
    "show and hand in": {
        "report": Command(
            "sfumato.report.report", "report", "ReportOptions", "runs as one page, HTML and PDF", ("jinja2", *_DRAWING)
        ),
        "course": Command(
            "sfumato.homework.course",
            "course",
            "CourseOptions",
            "the course's homework whole, and its grade",
            (*_TRAINING, *_CLIP, "jinja2", *_DRAWING),
        ),
    },
    "prepare": {
        "doctor": Command("sfumato.doctor", "doctor", "DoctorOptions", "what this machine has for all of it"),
        "info": Command("sfumato.info", "info", "InfoOptions", "what any file is: checkpoint, LoRA, word, picture"),
        "concepts convert": Command(
            "sfumato.converting", "convert", "ConvertOptions", "convert checkpoints and learned words"
        ),
        "digits train-judge": Command(
            "sfumato.digits.train_judge",
            "train_judge",
            "TrainJudgeOptions",
            "train a classifier that judges digits",
            ("accelerate",),
        ),
        "digits real-features": Command(
            "sfumato.digits.real_features",
            "write_real_features",
            "RealFeaturesOptions",
            "features of real digits, for `evaluate`",
        ),
    },
    "make the small world": {
        "world autoencoder": Command(
            "sfumato.world.train_autoencoder",
            "train_autoencoder",
            "AutoencoderOptions",
            "train the small autoencoder",
            _TRAINING,
        ),
        "world clip": Command(
            "sfumato.world.train_clip", "train_clip", "ClipOptions", "train the small CLIP", (*_TRAINING, *_CLIP)
        ),
        "world train": Command(
            "sfumato.world.train", "train", "TrainOptions", "train the small Stable Diffusion", _TRAINING
        ),
        "world judge": Command(
            "sfumato.world.train_judge", "train_judge", "JudgeOptions", "train the small world's judge", ("accelerate",)
        ),
        "world photos": Command(
            "sfumato.world.photos", "photos", "PhotosOptions", "five pictures to learn a word from"
        ),
        "world evaluate": Command(
            "sfumato.world.evaluate", "evaluate", "EvaluateOptions", "measure the small world and its words"
        ),
    },
}

COMMANDS: Dict[str, Command] = {name: command for commands in AIMS.values() for name, command in commands.items()}


class Job(NamedTuple):
    """The commands that begin with one word."""

    summary: str
    examples: Tuple[str, ...]


JOBS: Dict[str, Job] = {
    "digits": Job(
        "digits of MNIST-M and SVHN, from a model trained from scratch",
        (
            "sfumato digits generate painted",
            "sfumato digits evaluate painted",
            "sfumato digits train hw2_data/digits runs/digits --minutes 30",
        ),
    ),
    "faces": Job(
        "faces from a pretrained network, and what lies between them",
        (
            "sfumato faces noise noises --count 8",
            "sfumato faces generate noises painted shipped",
            "sfumato faces interpolate --out between",
        ),
    ),
    "concepts": Job(
        "prompts, and words of your own, with Stable Diffusion v1",
        (
            'sfumato concepts generate painted --prompt "a chalk seven" --count 4',
            'sfumato concepts learn photos runs/word --token "<mine>" --init digit',
            'sfumato concepts generate dogs --checkpoint model.ckpt --prompt "a dog"',
        ),
    ),
    "pictures": Job(
        "a model of your own pictures",
        (
            "sfumato pictures train flowers runs/flowers --size 64 --minutes 60",
            "sfumato pictures generate painted --weights runs/flowers --count 25",
            "sfumato pictures evaluate painted --real flowers",
        ),
    ),
    "world": Job(
        "how the small Stable Diffusion that ships was made",
        (
            "sfumato world evaluate measured --count 20",
            "sfumato world photos hw2_data/digits mnist.npz photos",
        ),
    ),
}

EXAMPLES = (
    'sfumato concepts generate painted --prompt "a chalk seven" --count 4',
    "sfumato pictures train flowers runs/flowers --size 64 --minutes 60",
    "sfumato report page --run painted",
)
"""Of the whole: what most people want first."""
