"""Files in, files out: nothing is executed that was read, nothing is left half-written."""

from .archives import member_bytes, opened_zip
from .arrays import read_npz
from .dlib_file import read_face_descriptor
from .embeddings import FORMATS, Embedding, read_embeddings, write_embedding
from .files import atomic_path, remove_leftovers, temporary_folder, write_text
from .folders import is_hidden, leads_out, visible_entries, visible_files
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
from .strict import filled, fitting, load_strictly, loaded, not_finite, refuse_others, some
from .tensor_files import read_tensor, read_tensors, weights_in
from .texts import TextError, parsed_json, read_json, read_text
from .torch_saving import write_torch
from .training_state import Saved, checksum, load_state, save_state
from .word_converting import convert_words, holds_words
from .word_files import embedding_files, given_words
from .word_stages import GivenWord

__all__ = [
    "FORMATS",
    "PREFIXES",
    "SIZE_KEY",
    "Embedding",
    "GivenWord",
    "ModelFormat",
    "Parts",
    "Saved",
    "StandIn",
    "TextError",
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
    "holds_words",
    "is_hidden",
    "leads_out",
    "load_state",
    "load_strictly",
    "loaded",
    "member_bytes",
    "name_of_weights",
    "not_finite",
    "opened_zip",
    "parsed_json",
    "read_embeddings",
    "read_face_descriptor",
    "read_json",
    "read_model",
    "read_npz",
    "read_safetensors",
    "read_stable_diffusion",
    "read_tensor",
    "read_tensors",
    "read_text",
    "refuse_other_settings",
    "refuse_others",
    "remove_leftovers",
    "save_state",
    "shortened",
    "some",
    "temporary_folder",
    "visible_entries",
    "visible_files",
    "weights_in",
    "write_embedding",
    "write_model",
    "write_safetensors",
    "write_stable_diffusion",
    "write_text",
    "write_torch",
]
