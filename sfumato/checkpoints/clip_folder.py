"""A CLIP as a folder that transformers reads: config, weights, tokenizer, and how pictures are prepared."""

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from ..models.stable_diffusion.tokenizer import TOKENIZER_FILE
from .files import write_text
from .safetensor_files import write_safetensors

if TYPE_CHECKING:
    from transformers import CLIPModel


def write_clip(folder: Path, clip: "CLIPModel", note: str) -> None:
    """Write a CLIP in half precision.

    Args:
        folder: made if missing; files in it are replaced.
        clip: takes pictures in [-1, 1].
        note: how the weights came to be.
    """
    write_description(folder, clip)
    half = {
        key: value.to(torch.float16) for key, value in clip.state_dict().items() if not key.endswith("position_ids")
    }
    write_safetensors(folder / "model.safetensors", half, {"format": "pt", "note": note})


def write_description(folder: Path, clip: "CLIPModel") -> None:
    """Write all but the weights: the network's shape, the tokenizer, how pictures are prepared."""
    folder.mkdir(parents=True, exist_ok=True)
    config: Any = clip.config
    side, length = config.vision_config.image_size, config.text_config.max_position_embeddings
    pictures = {
        "image_processor_type": "CLIPImageProcessor",
        "feature_extractor_type": "CLIPFeatureExtractor",
        "do_resize": True,
        "size": side,
        "resample": 3,
        "do_center_crop": True,
        "crop_size": side,
        "do_rescale": True,
        "rescale_factor": 1 / 255,
        "do_normalize": True,
        "image_mean": [0.5] * 3,
        "image_std": [0.5] * 3,
        "do_convert_rgb": True,
    }
    words = {
        "tokenizer_class": "CLIPTokenizerFast",
        "model_max_length": length,
        "bos_token": "<|startoftext|>",
        "eos_token": "<|endoftext|>",
        "pad_token": "<|endoftext|>",
        "unk_token": "<|endoftext|>",
    }
    shutil.copyfile(TOKENIZER_FILE, folder / "tokenizer.json")
    write_text(folder / "preprocessor_config.json", json.dumps(pictures, indent=2) + "\n")
    write_text(folder / "tokenizer_config.json", json.dumps(words, indent=2) + "\n")
    write_text(folder / "config.json", clip.config.to_json_string())
