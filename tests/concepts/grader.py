"""The course's grader of concepts, written from what is known of it; of ours it uses the reading of weights alone.

It needs transformers 4.19.2, whose own code prepares pictures and texts: elsewhere its numbers are other ones.
"""

import json
import os

import numpy as np
import torch
from PIL import Image

READ = (".jpg", ".jpeg", ".png", ".gif", ".bmp", ".tiff")


def graded(input_json, pictures, photos, clip_folder):
    """source -> for each prompt its scores, the best pictures and whether it passes.

    Args:
        input_json: the course's file.
        pictures: the folder that was painted into.
        photos: the folder with one of each source, called like it.
        clip_folder: a CLIP.
    """
    network, processor = loaded(clip_folder)
    with open(input_json) as file:
        sources = json.load(file)
    found = {}
    for key, source in sources.items():
        names = sorted(name for name in os.listdir(photos / key) if os.path.splitext(name)[1].lower() in READ)
        references = [opened(photos / key / name) for name in names]
        found[key] = []
        for number, text in enumerate(source["prompt_4_clip_eval"]):
            folder = pictures / key / str(number)
            painted = sorted(os.listdir(folder))
            if len(painted) != 25:
                raise ValueError(f"{folder}: {len(painted)} files")
            rows = [(*judged(network, processor, opened(folder / name), references, text), name) for name in painted]
            best = sorted(rows, key=lambda row: row[0] + 2.5 * row[1], reverse=True)[:5]
            image, logit = (float(np.mean([row[place] for row in best])) for place in (0, 1))
            floor = source["baseline"][number]
            passed = image >= floor[0] and logit >= floor[1]
            found[key].append({"image": image, "text": logit, "best": [row[2] for row in best], "passed": passed})
    return found


def opened(path):
    """A picture as it lies, its file closed."""
    with Image.open(path) as picture:
        picture.load()
        return picture


def judged(network, processor, picture, references, text):
    """(mean of 100 cosines with the photos, logit of the text) of one picture."""
    with torch.no_grad():
        inputs = processor(text=[text], images=[picture], return_tensors="pt", padding=True)
        logit = float(network(**inputs).logits_per_image[0, 0])
        mine = network.get_image_features(pixel_values=inputs["pixel_values"])
        cosines = []
        for reference in references:
            theirs = network.get_image_features(**processor(images=[reference], return_tensors="pt"))
            cosines.append(100 * float(torch.nn.functional.cosine_similarity(mine, theirs)[0]))
    return float(np.mean(cosines)), logit


def loaded(folder):
    """transformers' network and its processor of a folder."""
    from transformers import CLIPConfig, CLIPFeatureExtractor, CLIPModel, CLIPProcessor, CLIPTokenizerFast

    from sfumato.checkpoints import read_tensors

    told = json.loads((folder / "config.json").read_text())
    halves = {f"{name}_dict": told[name] for name in ("text_config", "vision_config")}
    network = CLIPModel(CLIPConfig(**halves, projection_dim=told["projection_dim"]))
    state = {key: value.float() for key, value in read_tensors(folder / "model.safetensors").value.items()}
    missing, unknown = network.load_state_dict(state, strict=False)
    assert not unknown and all(key.endswith("position_ids") for key in missing), (missing, unknown)
    tokenizer = CLIPTokenizerFast.from_pretrained(str(folder))
    return network.eval(), CLIPProcessor(CLIPFeatureExtractor.from_pretrained(str(folder)), tokenizer)
