"""Files in, files out: nothing is executed that was read, nothing is left half-written."""

from .files import atomic_path, write_text
from .model_file import ModelFormat, read_model, write_model
from .pickles import read_pickle
from .safetensor_files import read_safetensors, write_safetensors
from .strict import load_strictly
from .training_state import load_state, save_state

__all__ = [
    "ModelFormat",
    "atomic_path",
    "load_state",
    "load_strictly",
    "read_model",
    "read_pickle",
    "read_safetensors",
    "save_state",
    "write_model",
    "write_safetensors",
    "write_text",
]
