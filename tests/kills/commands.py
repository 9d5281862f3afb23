"""Every command that writes, as small as it can be, and the files that it is given."""

import json
from shlex import quote

from PIL import Image

from sfumato.models.shipped import shipped
from tests.digits.conftest import draw_digit_files
from tests.homework.miniature import write_classes, write_faces, write_photos
from tests.pictures.conftest import draw

LOOP = "--steps 4 --batch-size 4 --warmup 1 --save-every 1 --precision fp32"
WORLD = "digits mnist.npz"
SMALL = "--width 32 --multipliers 1 1 2 --blocks 1"

PREPARED = (
    f"pictures train pictures model --size 8 --width 8 --blocks 1 --look-every 0 {LOOP}",
    "faces noise noise --count 2",
    "faces generate noise faces shipped --steps 2",
    "digits generate numbers --count 1 --steps 2",
    "pictures generate painted --weights model --count 6 --steps 2",
    "concepts generate told --input input.json --steps 1",
    f"world autoencoder {WORLD} autoencoder {SMALL} --look-every 0 {LOOP} --steps 1",
    f"world clip {WORLD} clip --look-every 0 {LOOP} --steps 1",
)
"""Run once before, for the others to have something to read."""

COMMANDS = {
    "digits generate": "digits generate out --count 2 --digits 1 2 --steps 2 --batch-size 1",
    "again": "again numbers/svhn/3_001.png out.png",
    "digits evaluate": "digits evaluate numbers --json scores.json",
    "digits figures": "digits figures out --steps 2",
    "grid": 'grid out --paint "digits generate --digits 3 --datasets svhn --steps 2" --across seed 0 1'
    " --down guidance-scale 1 3",
    "digits train": f"digits train digits out --width 32 --inner-width 32 --inner-blocks 1 --look-every 4 {LOOP}"
    " --look-count 1 --encoder-steps 2",
    "digits train-judge": "digits train-judge digits/svhn out/judge.safetensors --steps 2",
    "digits real-features": "digits real-features test.npz out/features.safetensors --count 20",
    "faces generate": "faces generate noise out shipped --steps 2 --batch-size 1",
    "faces evaluate": "faces evaluate faces faces --write out",
    "faces eta": "faces eta --out out --rows 2 --etas 0 1 --steps 2 --each",
    "faces interpolate": "faces interpolate --out out --stops 3 --steps 2 --each",
    "faces invert": "faces invert faces/00.png --out out --steps 2 3",
    "faces noise": "faces noise out --count 5 --size 16",
    "faces train": "faces train pictures out --size 8 --width 16 --multipliers 1 2 --blocks 1 --groups 8 --patch 1"
    f" --look-every 2 {LOOP}",
    "pictures train": f"pictures train pictures out --size 8 --width 8 --blocks 1 --look-every 2 {LOOP}",
    "pictures generate": "pictures generate out --weights model --count 2 --steps 2 --batch-size 1",
    "pictures evaluate": "pictures evaluate painted --real pictures --weights model"
    " --features judge-svhn --json out.json",
    "concepts generate": 'concepts generate out --prompt a "two sevens" --count 2 --steps 1 --batch-size 1',
    "concepts learn": "concepts learn photos out --steps 4 --batch-size 2 --save-every 1 --preview-every 2"
    " --preview-count 1 --preview {} --init digit --precision fp32",
    "concepts distill": "concepts distill small out --prompt a --count 1 --rank 2 --steps 2 --batch-size 1"
    " --save-every 1 --preview-every 0 --precision fp32",
    "concepts evaluate": "concepts evaluate --json-path input.json --input-dir photos --output-dir told",
    "concepts convert": "concepts convert small out.safetensors",
    "course": "course hw2_data out --student-id R1 --checkpoint small --only 2,3 --word-steps 2 --hours 0",
    "zero-shot": "zero-shot shown labels.json --out out",
    "classify": "classify shown --names three seven --out out",
    "report": "report out --run faces numbers --no-pdf",
    "world autoencoder": f"world autoencoder {WORLD} out {SMALL} --look-every 4 {LOOP}",
    "world clip": f"world clip {WORLD} out --look-every 4 {LOOP}",
    "world train": f"world train {WORLD} autoencoder/autoencoder.safetensors clip/clip out"
    f" --width 32 --multipliers 1 1 --attention 0 --blocks 1 --context 64 --pool 64 --look-every 0 {LOOP}",
    "world judge": f"world judge {WORLD} out/judge.safetensors --steps 2",
    "world photos": f"world photos {WORLD} out --count 2",
    "world evaluate": "world evaluate out --count 1 --steps 1",
}
"""Name -> what is typed."""

SCRIPTS = {
    "hw2_1.sh": "hw2_1.sh out",
    "hw2_2.sh": f"hw2_2.sh noise out {quote(str(shipped('faces64.safetensors')))}",
    "hw2_3.sh": f"hw2_3.sh input.json out {quote(str(shipped('world.safetensors')))}",
}
"""The course's scripts; they paint fewer pictures than they are for."""
HANDED_IN = {
    "hw2_1.sh": {f"{dataset}/3_00{number}.png" for dataset in ("mnistm", "svhn") for number in (1, 2)},
    "hw2_2.sh": {"00.png", "01.png"},
    "hw2_3.sh": {f"0/0/source0_prompt0_{number}.png" for number in range(2)},
}
"""All that their folders hold in the end."""


def draw_inputs(folder):
    """The files that no command makes."""
    for number in range(12):
        draw(folder / "pictures" / ("rose" if number % 2 else "tulip") / f"{number:02d}.png", number)
    draw_digit_files(folder)
    for number in range(2):
        draw(folder / "photos" / f"{number}.png", number, side=(48, 48))
    source = {"src_image": ".", "token_name": "<new1>", "prompt": ["a <new1>"], "prompt_4_clip_eval": ["a three"]}
    (folder / "input.json").write_text(json.dumps({"0": {**source, "baseline": [[0, 0]]}}))
    write_faces(folder / "hw2_data" / "face")
    write_photos(folder / "hw2_data" / "textual_inversion", sources=1)
    write_classes(folder / "hw2_data" / "clip_zeroshot")
    (folder / "shown").mkdir()
    for number in range(4):
        Image.new("RGB", (48, 48), (60 * number, 90, 30)).save(folder / "shown" / f"{number % 2}_{number}.png")
    (folder / "labels.json").write_text(json.dumps({"0": "three", "1": "seven"}))
