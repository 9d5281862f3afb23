"""The course's downloads in small: few digits, a face network of 32x32, photos for two words of the small world, and
digits in the place of the fifty classes."""

import json

import torch
from PIL import Image

from sfumato.digits.generate import GenerateOptions, generate
from sfumato.faces.generate import GenerateOptions as FaceOptions
from sfumato.faces.generate import generate as generate_faces
from sfumato.faces.model import face_model
from sfumato.faces.noises import NoiseOptions, noise
from sfumato.images import picture_files
from sfumato.models.face_unet import FaceUNet, FaceUNetConfig
from tests.digits.conftest import draw_digit_files

FACE = FaceUNetConfig(width=16, multipliers=(1, 2), blocks=1, attention=(1,), groups=8, size=32, patch=2)
_SOURCES = {"0": ("mnistm", 3), "1": ("svhn", 4)}
PLAIN = {"0": "three", "1": "chalk"}


def write_miniature(data):
    """hw2_data, with everything that the course's has."""
    draw_digit_files(data)
    write_faces(data / "face")
    write_photos(data / "textual_inversion")
    write_classes(data / "clip_zeroshot")


def write_faces(folder):
    folder.mkdir(parents=True)
    torch.manual_seed(0)
    network = FaceUNet(FACE)
    torch.nn.init.normal_(network.out[2].weight, std=0.02)
    face_model(network).save(folder / "UNet.safetensors")
    (folder / "UNet.safetensors").rename(folder / "UNet.pt")
    noise(NoiseOptions(folder / "noise", count=4, size=FACE.size))
    generate_faces(FaceOptions(folder / "noise", folder / "GT", folder / "UNet.pt"))


def write_photos(folder, sources=2):
    painted = folder.parent / "painted"
    generate(GenerateOptions(out=painted, digits=(3, 4), count=5))
    told = {}
    for key, (dataset, digit) in [*_SOURCES.items()][:sources]:
        (folder / key).mkdir(parents=True)
        for path in sorted((painted / dataset).glob(f"{digit}_*.png")):
            Image.open(path).resize((40, 36)).save(folder / key / path.name)
        word = f"<mini{key}>"
        text = f"a {word}" if key == "0" else f"a seven in the style of {word}"
        told[key] = {
            "src_image": PLAIN[key],
            "token_name": word,
            "prompt": [text],
            "prompt_4_clip_eval": [text.replace(word, PLAIN[key])],
            "baseline": [[0, 0]],
        }
    (folder / "input.json").write_text(json.dumps(told))


def write_classes(folder):
    (folder / "val").mkdir(parents=True)
    (folder / "id2label.json").write_text(json.dumps({"3": "three", "4": "four"}))
    for dataset in ("mnistm", "svhn"):
        for number, path in enumerate(picture_files(folder.parent / "painted" / dataset)):
            Image.open(path).save(folder / "val" / f"{path.name[0]}_{dataset}{number}.png")
