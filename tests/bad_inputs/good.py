"""Small good inputs, and for every command the arguments with which it would work."""

import json

import torch

from sfumato.checkpoints import write_model
from sfumato.checkpoints.clip_folder import write_clip
from sfumato.cli import main
from sfumato.diffusion import FlowSchedule
from sfumato.model import Diffusion
from sfumato.models.shipped import shipped
from sfumato.models.stable_diffusion import VAE, VAEConfig
from sfumato.models.unet import UNet
from sfumato.world.autoencoders import FORMAT
from sfumato.world.train_clip import new_clip
from tests.digits.conftest import draw_digit_files
from tests.pictures.conftest import draw

_ONE_STEP = ["--steps", "1", "--batch-size", "2", "--warmup", "1", "--precision", "fp32", "--look-every", "0"]
_WORLD = {"data": "digits", "mnist": "mnist.npz"}

ARGUMENTS = {
    "digits generate": {"out": "OUT", "": ["--count", "1", "--steps", "1"]},
    "digits evaluate": {"folder": "painted-digits"},
    "digits figures": {"out": "OUT", "": ["--steps", "1"]},
    "grid": {
        "out": "OUT",
        "": [
            *("--paint", "digits generate --digits 3 --datasets svhn --steps 1"),
            *("--across", "seed", "0", "1", "--down", "guidance-scale", "1"),
        ],
    },
    "digits train": {"data": "digits", "out": "OUT", "": [*_ONE_STEP, "--encoder-steps", "1"]},
    "digits train-judge": {"data": "digits/svhn", "out": "OUT", "": ["--steps", "1"]},
    "digits real-features": {"real": "test.npz", "out": "OUT"},
    "faces generate": {"noise": "noise", "out": "OUT", "unet": "faces.safetensors", "": ["--steps", "1"]},
    "faces evaluate": {"out": "painted", "truth": "painted", "write": "OUT"},
    "faces eta": {"": ["--rows", "1", "--etas", "0", "--steps", "1"]},
    "faces interpolate": {"": ["--stops", "2", "--steps", "1"]},
    "faces invert": {"image": "painted/00.png", "": ["--steps", "1"]},
    "faces noise": {"out": "OUT", "": ["--count", "1"]},
    "faces train": {"data": "painted", "out": "OUT", "": [*_ONE_STEP, "--upscale"]},
    "pictures train": {"source": "painted", "out": "OUT", "": [*_ONE_STEP, "--size", "8", "--width", "8"]},
    "pictures generate": {
        "out": "OUT",
        "weights": "pictures.safetensors",
        "": ["--count", "1", "--steps", "1"],
    },
    "pictures evaluate": {"painted": "painted-again", "real": "painted", "": ["--features", "judge-svhn"]},
    "again": {"picture": "painted-digits/svhn/3_001.png", "out": "OUT.png"},
    "presets": {},
    "concepts generate": {"out": "OUT", "": ["--prompt", "a seven", "--count", "1", "--steps", "1"]},
    "concepts learn": {
        "photos": "photos/0",
        "out": "OUT",
        "": ["--steps", "1", "--batch-size", "1", "--preview-every", "0", "--init", "digit"],
    },
    "concepts distill": {
        "checkpoint": str(shipped("world.safetensors")),
        "out": "OUT",
        "": ["--prompt", "a", "--count", "1", "--rank", "2", "--steps", "1", "--batch-size", "1"],
    },
    "concepts evaluate": {"json_path": "input.json", "input_dir": "photos", "output_dir": "concepts"},
    "concepts convert": {"source": "word.safetensors", "out": "OUT.pt", "": ["--word", "a1111"]},
    "course": {"data": ".", "out": "OUT", "": ["--student-id", "R1", "--only", "1", "--plan"]},
    "zero-shot": {"images": "named", "labels": "labels.json"},
    "classify": {"pictures": "named", "": ["--names", "three", "seven"]},
    "report": {"out": "OUT", "run": "painted-digits", "": ["--no-pdf"]},
    "studio": {"folder": "OUT", "": ["--port", "0"]},
    "doctor": {},
    "info": {"files": "word.safetensors"},
    "world autoencoder": {**_WORLD, "out": "OUT", "": [*_ONE_STEP, "--width", "32"]},
    "world clip": {**_WORLD, "out": "OUT", "": _ONE_STEP},
    "world train": {
        **_WORLD,
        "autoencoder": "autoencoder.safetensors",
        "clip": "clip",
        "out": "OUT",
        "": [*_ONE_STEP, "--pool", "1"],
    },
    "world judge": {**_WORLD, "out": "OUT", "": ["--steps", "1"]},
    "world photos": {**_WORLD, "out": "OUT", "": ["--count", "1"]},
    "world evaluate": {"out": "OUT", "": ["--count", "1", "--steps", "1"]},
}
"""Field -> its value, a path inside the good inputs, or of OUT in the working folder; "" -> flags besides."""

WRITTEN_FILES = {
    ("digits train-judge", "out"),
    ("digits real-features", "out"),
    ("world judge", "out"),
    ("again", "out"),
    *((name, field) for name in ARGUMENTS for field in ("json", "film")),
}
"""Paths of files that are written."""
WRITTEN_FOLDERS = {
    *((name, field) for name in ARGUMENTS for field in ("out", "cache", "write")),
    ("studio", "folder"),
} - {*WRITTEN_FILES, ("faces evaluate", "out")}
"""Paths of folders that are written into."""
READ_FOLDERS = {
    *((name, "data") for name in ARGUMENTS if name != "faces train"),
    *(("digits evaluate", "folder"), ("faces evaluate", "out"), ("faces evaluate", "truth"), ("report", "run")),
    *(
        ("concepts distill", "pictures"),
        ("concepts learn", "photos"),
        ("concepts evaluate", "input_dir"),
        ("concepts evaluate", "output_dir"),
    ),
    *(("pictures evaluate", "painted"), ("zero-shot", "images"), ("world train", "clip")),
    *((name, "noise") for name in ARGUMENTS),
    *((name, "models") for name in ("again", "studio")),
}
"""Paths of folders that are read."""
READ_EITHER = {
    *((name, field) for name in ARGUMENTS for field in ("source", "real", "checkpoint", "embeddings")),
    *((name, field) for name in ("pictures generate", "pictures evaluate") for field in ("weights",)),
    *(("pictures train", "start"), ("faces train", "data"), ("classify", "pictures")),
} - {("digits evaluate", "real"), ("digits real-features", "real")}
"""Paths of what may be a folder or a file."""

TABLES = {
    "": {"spacing"},
    "digits generate": {"spacing", "datasets"},
    "pictures generate": {"spacing", "label"},
    "pictures evaluate": {"features"},
    "presets": {"name"},
}
"""Words of tables that are known later, from a model: command, or "" for all others, -> fields."""


def make_good_inputs(folder):
    """Everything that ARGUMENTS names, in a new folder; returns it."""
    torch.manual_seed(0)
    draw_digit_files(folder)
    assert main(["digits", "generate", str(folder / "painted-digits"), "--count", "1", "--steps", "1"]) == 0
    for number in range(12):
        for name in ("painted", "painted-again"):
            draw(folder / name / f"{number:02d}.png", number, (8, 8))
    table = "".join(f"{number:02d}.png,{'ab'[number % 2]}\n" for number in range(12))
    (folder / "table.csv").write_text(f"name,label\n{table}")
    draw(folder / "photos" / "0" / "0.png", 0, (48, 48))
    for number in range(25):
        draw(folder / "concepts" / "0" / "0" / f"source0_prompt0_{number}.png", number, (48, 48))
    (folder / "input.json").write_text(json.dumps({"0": {"token_name": "<new1>", "prompt": ["a <new1>"]}}))
    draw(folder / "named" / "0_a.png", 0, (48, 48))
    (folder / "labels.json").write_text(json.dumps({"0": "seven"}))
    (folder / "templates.txt").write_text("a photo of {}\n")
    (folder / "noise").mkdir()
    for number in range(2):
        torch.save(torch.randn(1, 3, 64, 64), str(folder / "noise" / f"{number:02d}.pt"))
    Diffusion(UNet(8, width=8, blocks=1), FlowSchedule(), "velocity").save(folder / "pictures.safetensors")
    config = {"width": 32, "multipliers": (1, 1, 1), "blocks": 1}
    write_model(folder / "autoencoder.safetensors", VAE(VAEConfig(**config)), FORMAT, config)
    write_clip(folder / "clip", new_clip(), "")
    for name, source in (("faces", "faces64.safetensors"), ("word", "words/new1.safetensors")):
        (folder / f"{name}.safetensors").write_bytes(shipped(source).read_bytes())
    return folder
