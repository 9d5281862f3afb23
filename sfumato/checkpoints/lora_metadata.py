"""What a LoRA's file says of itself, in the keys that other programs look at.

| key | read by |
|---|---|
| modelspec.* | ComfyUI, A1111, catalogues: Stability's ModelSpec 1.0.1 |
| ss_* | A1111, kohya's scripts: as those write them |

Of what stood in another file's metadata only settings and titles are written again: no path, no name of a photo or
folder, no list of captions' words.
"""

import json
import re
from typing import Dict, List, Mapping, Tuple

from .embeddings import without_names
from .low_rank import LoraFile, LowRank
from .stand_ins import shortened
from .texts import parsed_json

TRIGGER = "modelspec.trigger_phrase"
TITLE = "modelspec.title"
OURS = "sfumato."
"""How keys begin that are ours alone."""
_LISTS = ("tag_frequency", "dataset_dirs", "bucket_info", "datasets")
_MOST_WORDS, _LONGEST = 5, 200
"""Of captions' words that are told, and signs of a trigger phrase."""

_SPEC = (
    *("title", "author", "description", "date", "license", "usage_hint", "tags", "trigger_phrase", "resolution"),
    *("architecture", "implementation", "prediction_type", "timestep_range", "encoder_layer"),
)
_SETTINGS = (
    *("output_name", "base_model_version", "v2", "clip_skip", "max_token_length", "resolution", "seed", "steps"),
    *("max_train_steps", "epoch", "num_epochs", "num_train_images", "num_reg_images", "learning_rate", "unet_lr"),
    *("text_encoder_lr", "lr_scheduler", "lr_warmup_steps", "optimizer", "max_grad_norm", "mixed_precision"),
    *("total_batch_size", "batch_size_per_device", "gradient_accumulation_steps", "gradient_checkpointing"),
    *("loss_type", "min_snr_gamma", "noise_offset", "prior_loss_weight", "network_dropout", "scale_weight_norms"),
    *("training_started_at", "training_finished_at", "sd_model_hash", "new_sd_model_hash"),
)
_KEPT = {*(f"modelspec.{name}" for name in _SPEC), *(f"ss_{name}" for name in _SETTINGS)}


def lora_metadata(lora: LoraFile) -> Dict[str, str]:
    """What is written into a LoRA's file.

    Args:
        lora: its own metadata counts before what is said here by default, where it is one of the keys that are kept:
            settings, titles, and all that begins with "sfumato.". There is no date unless it stands there.
    """
    trigger = ", ".join(word.token for word in lora.words)
    spec = {
        "modelspec.architecture": "stable-diffusion-v1/lora",
        "modelspec.implementation": "diffusers",
        "modelspec.prediction_type": "epsilon",
        "modelspec.resolution": "512x512",
        TITLE: trigger or "LoRA",
        "ss_base_model_version": "sd_v1",
        "ss_v2": "False",
        **({TRIGGER: trigger} if trigger else {}),
    }
    kept = {key: text for key, text in lora.metadata.items() if key in _KEPT or key.startswith(OURS)}
    kept = without_names(kept)
    return {**spec, **kept, "modelspec.sai_model_spec": "1.0.1", **_sizes(lora)}


def ours_in(metadata: Mapping[str, str]) -> Dict[str, str]:
    """What a LoRA's metadata tell of how sfumato learned it; empty for others'."""
    return {key[len(OURS) :]: value for key, value in metadata.items() if key.startswith(OURS)}


def trained_words(metadata: Mapping[str, str]) -> str:
    """What to say in a prompt to have a LoRA, as its file tells it, with commas between; nothing where it does not.

    The trigger phrase; else what the captions said most, as kohya's scripts count it: {"10_dog": {"sks dog": 10}}; else
    the folders' names.
    """
    phrase = metadata.get(TRIGGER, "").strip()
    if phrase:
        return shortened(phrase, _LONGEST)
    try:
        folders = parsed_json(metadata.get("ss_tag_frequency", "{}"), False, {})
    except ValueError:
        return ""
    counts: Dict[str, int] = {}
    for tags in folders.values() if isinstance(folders, dict) else ():
        for tag, count in tags.items() if isinstance(tags, dict) else ():
            counts[tag.strip()] = counts.get(tag.strip(), 0) + (count if type(count) is int else 0)
    if not counts and isinstance(folders, dict):
        counts = dict.fromkeys((re.sub(r"^\d+_", "", folder) for folder in folders), 1)
    most = sorted((tag for tag in counts if tag), key=lambda tag: (-counts[tag], tag))
    return ", ".join(shortened(tag) for tag in most[:_MOST_WORDS])


def told_settings(settings: Mapping[str, str]) -> Dict[str, str]:
    """Of a LoRA's settings (`LoraInfo.settings`) those that say something in a line: no list of captions or folders."""
    return {name: text for name, text in settings.items() if name not in _LISTS and text not in ("None", "{}", "")}


def _sizes(lora: LoraFile) -> Dict[str, str]:
    """Rank and alpha as kohya's scripts tell them: the linear layers' (and 1x1 convolutions'), and the others'."""
    every = [*lora.unet.values(), *lora.text.values()]
    convolutions = [one for one in every if one.down.dim() == 4 and one.down.shape[2] > 1]
    linear = [one for one in every if one.down.dim() == 2 or one.down.shape[2] == 1]
    rank, alpha = _most(linear or convolutions)
    told = {"ss_network_module": "networks.lora", "ss_network_dim": str(rank), "ss_network_alpha": str(alpha)}
    if convolutions:
        rank, alpha = _most(convolutions)
        told["ss_network_args"] = json.dumps({"conv_dim": str(rank), "conv_alpha": str(alpha)})
    return told


def _most(layers: List[LowRank]) -> Tuple[int, float]:
    """The commonest rank and its alpha; of several as common the largest."""
    pairs = [(one.rank, float(one.alpha)) for one in layers]
    return max(set(pairs), key=lambda pair: (pairs.count(pair), pair))
