"""Files in, files out: nothing is executed that was read, nothing is left half-written."""

from .embeddings import FORMATS, Embedding, read_embeddings, write_embedding
from .files import atomic_path, remove_leftovers, write_text
from .model_file import ModelFormat, read_model, write_model
from .pickles import read_pickle
from .safetensor_files import read_safetensors, write_safetensors
from .stable_diffusion import PREFIXES, SIZE_KEY, Parts, fingerprint, read_stable_diffusion
from .strict import filled, load_strictly, some
from .training_state import load_state, save_state

__all__ = [
    "FORMATS",
    "PREFIXES",
    "SIZE_KEY",
    "Embedding",
    "ModelFormat",
    "Parts",
    "atomic_path",
    "filled",
    "fingerprint",
    "load_state",
    "load_strictly",
    "read_embeddings",
    "read_model",
    "read_pickle",
    "read_safetensors",
    "read_stable_diffusion",
    "remove_leftovers",
    "save_state",
    "some",
    "write_embedding",
    "write_model",
    "write_safetensors",
    "write_text",
]
