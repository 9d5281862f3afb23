"""Makes dlib_face.npz with dlib-bin and face_recognition_models, which are needed for this alone.

    python -m tests.reference.make_dlib_face

The frame is the descriptor's own file without its 22 MB of weights. With a formula's weights in their place dlib
describes pictures, and any machine can make the same file and hold another reader and network against that.
"""

import importlib.util
import re
import tempfile
from pathlib import Path

import dlib
import numpy as np

from .dlib_file import formula_file
from .formula_pictures import picture

HERE = Path(__file__).parent
SIDE = 150


def whole_number(content, place):
    length = content[place] & 15
    return int.from_bytes(content[place + 1 : place + 1 + length], "little"), place + 1 + length


def taken_apart(content):
    """The frame, and of each layer: where in the frame its numbers belong, its kind, its count and its outputs."""
    kept, begins, kinds, counts, place = [], [], [], [], 0
    while True:
        found = re.compile(rb"con_4|affine_|fc_2").search(content, place)
        if not found:
            break
        at = found.end()
        for _ in range(2 if found.group() == b"fc_2" else 0):
            _, at = whole_number(content, at)
        sizes = []
        for _ in range(5):
            size, at = whole_number(content, at)
            sizes.append(size)
        kept.append(content[place:at])
        begins.append(sum(map(len, kept)))
        kinds.append(found.group().decode())
        counts.append(int(np.prod(sizes[1:])))
        place = at + 4 * counts[-1]
    kept.append(content[place:])
    of_norm = [count // 2 for kind, count in zip(kinds, counts) if kind == "affine_"]
    outputs = [one for one in of_norm for _ in range(2)] + [128]
    frame = np.frombuffer(b"".join(kept), np.uint8)
    return {"frame": frame, "begins": begins, "kinds": kinds, "counts": counts, "outputs": outputs}


def main():
    models = Path(importlib.util.find_spec("face_recognition_models").submodule_search_locations[0]) / "models"
    found = taken_apart((models / "dlib_face_recognition_resnet_model_v1.dat").read_bytes())
    made = {key: np.array(value) for key, value in found.items()}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "formula.dat"
        file.write_bytes(formula_file(made))
        network = dlib.face_recognition_model_v1(str(file))
        features = [np.array(network.compute_face_descriptor(picture(seed, SIDE, SIDE))) for seed in range(3)]
    np.savez_compressed(HERE / "dlib_face.npz", **made, features=np.array(features, np.float32))


if __name__ == "__main__":
    main()
