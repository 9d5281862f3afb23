"""Makes inception.npz and inception.keys.json with pytorch-fid, which is needed for this alone.

    TORCH_HOME=/tmp/formula python -m tests.reference.make_inception

Formula weights are saved where pytorch-fid keeps its own, and its class loads them; so TORCH_HOME must be a new folder.
"""

import json
import tempfile
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from pytorch_fid import inception
from pytorch_fid.fid_score import calculate_fid_given_paths

from tests.reference.formula_pictures import SIZES, picture, two_sets
from tests.reference.formula_weights import tensor_for

HERE = Path(__file__).parent


def main():
    """Save the weights, and write what pytorch-fid says of pictures with them."""
    weights = Path(torch.hub.get_dir()) / "checkpoints" / Path(inception.FID_WEIGHTS_URL).name
    if weights.exists():
        raise SystemExit(f"{weights} is there; give a new folder as TORCH_HOME")
    weights.parent.mkdir(parents=True)
    asked = {}

    def remember(network, state):
        asked.update(network.state_dict())

    inception.load_state_dict_from_url = lambda *_, **__: {}
    plain, torch.nn.Module.load_state_dict = torch.nn.Module.load_state_dict, remember
    inception.fid_inception_v3()
    torch.nn.Module.load_state_dict = plain
    shapes = {key: list(value.shape) for key, value in asked.items()}
    (HERE / "inception.keys.json").write_text(json.dumps(shapes, indent=0) + "\n")
    torch.save({key: tensor_for(key, shape) for key, shape in shapes.items()}, weights)
    inception.load_state_dict_from_url = lambda *_, **__: torch.load(weights)

    network = inception.InceptionV3([3]).eval()
    features = []
    for seed, (height, width) in enumerate(SIZES):
        pixels = torch.from_numpy(picture(seed, height, width)).permute(2, 0, 1)[None] / 255
        with torch.no_grad():
            features.append(network(pixels)[0].flatten().numpy())
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / name for name in ("first", "second")]
        for path, pictures in zip(paths, two_sets()):
            path.mkdir()
            for number, pixels in enumerate(pictures):
                Image.fromarray(pixels).save(path / f"{number:03d}.png")
        distance = calculate_fid_given_paths(list(map(str, paths)), 50, "cpu", 2048, num_workers=0)
    np.savez_compressed(HERE / "inception.npz", features=np.stack(features), distance=float(distance))
    print(f"distance {distance}; features {np.stack(features).mean()} +- {np.stack(features).std(axis=0).mean()}")


if __name__ == "__main__":
    main()
