"""Files in, files out: nothing is executed that was read, nothing is left half-written."""

from .archives import member_bytes, opened_zip
from .arrays import read_npz
from .custom_files import CustomFile, holds_custom, read_custom, write_custom
from .dlib_file import read_face_descriptor
from .embeddings import FORMATS, Embedding, read_embeddings, write_embedding
from .files import atomic_path, remove_leftovers, temporary_folder, write_text
from .folders import is_hidden, leads_out, visible_entries, visible_files
from .learned_files import LearnedFile, holds_additions, read_learned, read_words_alone, write_additions, write_words
from .lora_files import read_lora
from .lora_info import LoraInfo, what_lora
from .lora_keys import WIDTHS
from .lora_merging import Merged, Weighted, merge_loras
from .lora_metadata import OURS, lora_metadata, ours_in, trained_words
from .lora_writing import LORA_NAMINGS, write_lora
from .low_rank import LoraFile, LowRank, Shapes, layer_shapes
from .model_file import ModelFormat, read_model, write_model
from .safetensor_files import read_safetensors, write_safetensors
from .settings import but_length, refuse_other_settings
from .stable_diffusion import (
    PREFIXES,
    SIZE_KEY,
    Parts,
    fingerprint,
    name_of_weights,
    read_stable_diffusion,
    write_stable_diffusion,
)
from .stand_ins import StandIn, described, shortened
from .strict import filled, fitting, load_strictly, loaded, not_finite, refuse_others, some, unfilled
from .tensor_files import looks_like_safetensors, read_tensor, read_tensors, weights_in
from .texts import TextError, parsed_json, read_json, read_text
from .torch_saving import write_torch
from .training_state import Saved, checksum, load_state, save_state
from .vae_files import holds_vae, read_vae
from .what_file import WhatFile, what_file
from .word_converting import convert_words, holds_words
from .word_files import embedding_files, given_words
from .word_stages import GivenWord, refuse_clashes

__all__ = [
    "FORMATS",
    "LORA_NAMINGS",
    "OURS",
    "PREFIXES",
    "SIZE_KEY",
    "WIDTHS",
    "CustomFile",
    "Embedding",
    "GivenWord",
    "LearnedFile",
    "LoraFile",
    "LoraInfo",
    "LowRank",
    "Merged",
    "ModelFormat",
    "Parts",
    "Saved",
    "Shapes",
    "StandIn",
    "TextError",
    "Weighted",
    "WhatFile",
    "atomic_path",
    "but_length",
    "checksum",
    "convert_words",
    "described",
    "embedding_files",
    "filled",
    "fingerprint",
    "fitting",
    "given_words",
    "holds_additions",
    "holds_custom",
    "holds_vae",
    "holds_words",
    "is_hidden",
    "layer_shapes",
    "leads_out",
    "load_state",
    "load_strictly",
    "loaded",
    "looks_like_safetensors",
    "lora_metadata",
    "member_bytes",
    "merge_loras",
    "name_of_weights",
    "not_finite",
    "opened_zip",
    "ours_in",
    "parsed_json",
    "read_custom",
    "read_embeddings",
    "read_face_descriptor",
    "read_json",
    "read_learned",
    "read_lora",
    "read_model",
    "read_npz",
    "read_safetensors",
    "read_stable_diffusion",
    "read_tensor",
    "read_tensors",
    "read_text",
    "read_vae",
    "read_words_alone",
    "refuse_clashes",
    "refuse_other_settings",
    "refuse_others",
    "remove_leftovers",
    "save_state",
    "shortened",
    "some",
    "temporary_folder",
    "trained_words",
    "unfilled",
    "visible_entries",
    "visible_files",
    "weights_in",
    "what_file",
    "what_lora",
    "write_additions",
    "write_custom",
    "write_embedding",
    "write_lora",
    "write_model",
    "write_safetensors",
    "write_stable_diffusion",
    "write_text",
    "write_torch",
    "write_words",
]
