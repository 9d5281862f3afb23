"""The command line: one table, command -> function, imported only when called.

Options come from each function's own options dataclass; see flags.py.
"""

import importlib
import shlex
import sys
from typing import Dict, List, NamedTuple, NoReturn, Optional

from . import __version__
from .errors import UserError
from .program import end_program, run_program


class Command(NamedTuple):
    """Where a command's function is, and what it does in a line."""

    module: str
    function: str
    options: str
    summary: str


COMMANDS: Dict[str, Command] = {
    "digits generate": Command(
        "sfumato.digits.generate", "generate", "GenerateOptions", "paint digits with the shipped or your own weights"
    ),
    "digits evaluate": Command(
        "sfumato.digits.evaluate", "evaluate", "EvaluateOptions", "score a folder of painted digits"
    ),
    "digits figures": Command(
        "sfumato.digits.figures", "figures", "FiguresOptions", "contact sheets and the reverse process"
    ),
    "digits train": Command(
        "sfumato.digits.train", "train", "TrainOptions", "train the digit model on MNIST-M and SVHN"
    ),
    "digits train-judge": Command(
        "sfumato.digits.train_judge", "train_judge", "TrainJudgeOptions", "train a classifier that judges digits"
    ),
    "digits real-features": Command(
        "sfumato.digits.real_features",
        "write_real_features",
        "RealFeaturesOptions",
        "write the features of real digits that `evaluate` compares with",
    ),
    "faces generate": Command(
        "sfumato.faces.generate", "generate", "GenerateOptions", "paint a face from every noise in a folder"
    ),
    "faces evaluate": Command(
        "sfumato.faces.evaluate", "evaluate", "EvaluateOptions", "compare painted faces with true ones"
    ),
    "faces eta": Command("sfumato.faces.figures", "eta", "EtaOptions", "what eta changes: a grid of noises and etas"),
    "faces interpolate": Command(
        "sfumato.faces.figures", "interpolate", "InterpolateOptions", "what lies between two noises: slerp and lerp"
    ),
    "faces invert": Command(
        "sfumato.faces.invert", "invert", "InvertOptions", "from a picture to the noise that paints it, and back"
    ),
    "faces noise": Command("sfumato.faces.noises", "noise", "NoiseOptions", "draw noises to paint faces from"),
    "faces train": Command("sfumato.faces.train", "train", "TrainOptions", "train a face model"),
    "pictures train": Command(
        "sfumato.pictures.learn", "learn", "LearnOptions", "learn to paint pictures like your own"
    ),
    "pictures generate": Command(
        "sfumato.pictures.generate", "generate", "GenerateOptions", "paint pictures like those that were learned"
    ),
    "pictures evaluate": Command(
        "sfumato.pictures.evaluate", "evaluate", "EvaluateOptions", "measure painted pictures, and look for copies"
    ),
    "presets": Command("sfumato.presets", "presets", "PresetsOptions", "trainings that were done, and what they reach"),
    "concepts generate": Command(
        "sfumato.concepts.generate", "generate", "GenerateOptions", "paint prompts with Stable Diffusion v1"
    ),
    "concepts learn": Command("sfumato.concepts.learn", "learn", "LearnOptions", "learn a word from a few photos"),
    "concepts evaluate": Command(
        "sfumato.concepts.evaluate", "evaluate", "EvaluateOptions", "score painted concepts with CLIP"
    ),
    "concepts convert": Command(
        "sfumato.converting", "convert", "ConvertOptions", "convert checkpoints and learned words"
    ),
    "course": Command(
        "sfumato.homework.course", "course", "CourseOptions", "the course's homework whole, and the grade it will get"
    ),
    "zero-shot": Command("sfumato.zero_shot", "zero_shot", "ZeroShotOptions", "classify pictures with CLIP by names"),
    "report": Command("sfumato.report.report", "report", "ReportOptions", "pictures and numbers of runs as one page"),
    "doctor": Command("sfumato.doctor", "doctor", "DoctorOptions", "what this machine has for all of it"),
    "world autoencoder": Command(
        "sfumato.world.train_autoencoder", "train_autoencoder", "AutoencoderOptions", "train the small autoencoder"
    ),
    "world clip": Command("sfumato.world.train_clip", "train_clip", "ClipOptions", "train the small CLIP"),
    "world train": Command("sfumato.world.train", "train", "TrainOptions", "train the small Stable Diffusion"),
    "world judge": Command("sfumato.world.train_judge", "train_judge", "JudgeOptions", "train the small world's judge"),
    "world photos": Command(
        "sfumato.world.photos", "photos", "PhotosOptions", "five pictures to learn the small world's words from"
    ),
    "world evaluate": Command(
        "sfumato.world.evaluate", "evaluate", "EvaluateOptions", "measure the small world and its words"
    ),
}


def main(arguments: Optional[List[str]] = None) -> int:
    """Run a command.

    Returns:
        The exit status: 0, or 2 where the user's input cannot be used.
    """
    words = sys.argv[1:] if arguments is None else arguments
    return run_program("sfumato", lambda: _main(words))


def program() -> NoReturn:
    """What is installed as `sfumato`: the command that was typed, then this process's end."""
    end_program(main())


def _main(words: List[str]) -> int:
    if not words or words[0] in ("-h", "--help"):
        print(_overview())
        return 0 if words else 2
    if words[0] == "--version":
        print(f"sfumato {__version__}")
        return 0
    # Most commands are a job and a verb; zero-shot classification is one word.
    name = words[0] if words[0] in COMMANDS else " ".join(words[:2])
    if name not in COMMANDS:
        inside = [command for command in COMMANDS if command.split()[0] == words[0]]
        if inside and (len(words) == 1 or words[1] in ("-h", "--help")):
            print(_overview(inside))
            return 0 if len(words) > 1 else 2
        raise UserError(f"there is no command {name!r}; `sfumato --help` lists them")
    _run(name, words[len(name.split()) :])
    return 0


def _run(name: str, flags: List[str]) -> None:
    from .flags import read_flags
    from .options import check_options
    from .runs import COMMAND_LINE

    command = COMMANDS[name]
    module = importlib.import_module(command.module)
    options = read_flags(name, getattr(module, command.options), flags)
    check_options(options)
    typed = COMMAND_LINE.set(shlex.join(["sfumato", *name.split(), *flags]))
    try:
        getattr(module, command.function)(options)
    finally:
        COMMAND_LINE.reset(typed)


def _overview(names: Optional[List[str]] = None) -> str:
    lines = ["sfumato: diffusion models, small and exact", "", "usage: sfumato JOB VERB [OPTIONS]", ""]
    lines += [f"  {name:<21} {COMMANDS[name].summary}" for name in names or COMMANDS]
    return "\n".join([*lines, "", "`sfumato JOB VERB --help` shows the options of a command."])
