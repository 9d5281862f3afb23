"""Where learned words are found, and between which formats they are converted."""

from dataclasses import dataclass
from pathlib import Path
from typing import List, Optional, Sequence, Tuple

import torch

from ..checkpoints import (
    FORMATS,
    PREFIXES,
    SIZE_KEY,
    Embedding,
    atomic_path,
    read_embeddings,
    read_stable_diffusion,
    visible_files,
    write_embedding,
    write_safetensors,
)
from ..devices import DTYPES
from ..errors import UserError
from .model import SMALL_WORLD, StableDiffusion
from .stages import GivenWord, newest, refuse_clashes, spellings

_SHIPPED = Path(__file__).parents[1] / "models" / "weights" / "words"
_ENDINGS = (".safetensors", ".pt", ".bin", ".pth", ".ckpt", ".npy")
"""Of the files in folders, in lower case; a file that is named itself may have any name."""


def shipped_words(checkpoint: str) -> List[Embedding]:
    """The words that come with the package for one checkpoint.

    Args:
        checkpoint: its fingerprint; words learned for another one do not fit, whatever their width.
    """
    found = [word for path in sorted(_SHIPPED.glob("*.safetensors")) for word in read_embeddings(path)]
    return [word for word in found if word.metadata.get("checkpoint") == checkpoint]


def embedding_files(given: Sequence[Path]) -> List[Path]:
    """Files, and the files inside folders, in order.

    Raises:
        UserError: for a folder without any.
    """
    files: List[Path] = []
    for path in given:
        inside = _files_in(path) if path.is_dir() else [path]
        if not inside:
            raise UserError(f"{path}: holds no {', '.join(_ENDINGS)}; give files of learned words")
        files += inside
    return files


def _files_in(folder: Path) -> List[Path]:
    return [path for path in visible_files(folder) if path.suffix.lower() in _ENDINGS]


def given_words(given: Sequence[Path], beside: Sequence[Path] = ()) -> List[GivenWord]:
    """The words of files and folders, each once; see `newest` for folders that hold several stages of one.

    Args:
        given: files of learned words, folders of such files, or "FILE=TOKEN" for a file whose word is to be called so.
        beside: folders that the user did not name. A given word takes the place of theirs, one of a later folder that
            of an earlier.

    Raises:
        UserError: for what cannot be used, and for a token that comes from two given files.
    """
    found: List[GivenWord] = []
    for path in given:
        file, token = _renamed(path)
        inside = [GivenWord(f, word) for f in embedding_files([file]) for word in read_embeddings(f, token)]
        found += newest(inside) if file.is_dir() else inside
    found = refuse_clashes(found)
    taken = {spelling for one in found for spelling in spellings(one.word)}
    for folder in reversed(beside):
        inside = [GivenWord(f, word, by_user=False) for f in _files_in(folder) for word in read_embeddings(f)]
        free = [one for one in refuse_clashes(newest(inside)) if taken.isdisjoint(spellings(one.word))]
        taken.update(spelling for one in free for spelling in spellings(one.word))
        found = free + found
    return found


def _renamed(path: Path) -> Tuple[Path, Optional[str]]:
    """FILE=TOKEN in its parts; what is there under the whole name is a file of that name."""
    file, cut, token = str(path).rpartition("=")
    if not cut or path.exists() or not (Path(file).exists() or token.startswith("<")):
        return path, None
    if not token or Path(file).is_dir():
        raise UserError(f"{path}: a file and what its word is to be called, such as word.pt=<dog>")
    return Path(file), token


def with_words(checkpoint: Optional[Path], dtype: torch.dtype, given: Sequence[GivenWord]) -> StableDiffusion:
    """A model that knows its shipped words and given ones, which take the place of shipped ones of the same token.

    Args:
        checkpoint: see `StableDiffusion.load`; the small one that ships by default.
        dtype: see there.
        given: see `given_words`.

    Raises:
        UserError: for a checkpoint that cannot be used, or a word that does not fit it.
    """
    model = StableDiffusion.load(checkpoint or SMALL_WORLD, dtype)
    model.learn_words(shipped_words(model.name))
    for one in given:
        try:
            model.learn_words([one.word])
        except UserError as fault:
            raise UserError(f"{one.file}: {fault}") from None
    return model


@dataclass
class ConvertOptions:
    """Convert a checkpoint of any layout to one with CompVis' keys, or a learned word between formats."""

    source: Path
    """A checkpoint (.ckpt, .safetensors or a diffusers folder), the word "small" for the one that ships, or the file of
    a learned word."""
    out: Path
    """The file to write: a checkpoint's ends in .safetensors or .ckpt."""
    word: Optional[str] = None
    """The format of a learned word: sfumato, diffusers, a1111, compvis, tokens, emb_params or bare. A checkpoint is
    converted without it."""
    rename: Optional[str] = None
    """Another token for the word, such as <new1>."""
    precision: Optional[str] = None
    """Of a checkpoint's weights: fp32, fp16 or bf16; as they are by default."""


def convert(options: ConvertOptions) -> Path:
    """Convert; returns the file written.

    Raises:
        UserError: for a source, format or precision that cannot be used.
    """
    if not options.out.parent.is_dir():
        raise UserError(f"{options.out.parent}: there is no such folder; make it first")
    if options.word is None:
        _convert_checkpoint(options)
    else:
        if options.word not in FORMATS:
            raise UserError(f"unknown format {options.word!r}; choose one of {', '.join(FORMATS)}")
        words = read_embeddings(options.source)
        if len(words) > 1:
            tokens = ", ".join(word.token for word in words)
            raise UserError(f"{options.source}: holds several words ({tokens}); a file of the other formats holds one")
        token = words[0].token
        if words[0].any_case:
            # Other formats have no such words: there only what stands in brackets is safe from being found in others.
            token = words[0].also[0] if words[0].also else f"<{token}>"
        write_embedding(options.out, words[0]._replace(token=options.rename or token), options.word)
    print(f"wrote {options.out}")
    return options.out


def _convert_checkpoint(options: ConvertOptions) -> None:
    if options.out.suffix not in (".safetensors", ".ckpt"):
        raise UserError(f"{options.out}: a checkpoint is written as .safetensors or .ckpt; give a name that ends so")
    if options.precision is not None and options.precision not in DTYPES:
        raise UserError(f"unknown precision {options.precision!r}; choose one of {', '.join(DTYPES)}")
    if options.rename is not None:
        raise UserError("--rename is for learned words; give their format with --word")
    parts = read_stable_diffusion(SMALL_WORLD if str(options.source) == "small" else options.source)
    dtype = DTYPES.get(options.precision or "")
    tensors = {
        prefix + key: value.to(dtype) if dtype and value.is_floating_point() else value
        for name, prefix in PREFIXES.items()
        for key, value in getattr(parts, name).items()
    }
    tensors[SIZE_KEY] = torch.tensor(parts.size)
    if options.out.suffix == ".ckpt":
        with atomic_path(options.out) as beside:
            torch.save({"state_dict": tensors}, str(beside))
    else:
        write_safetensors(options.out, tensors, {"format": "sfumato stable diffusion v1"})
    if parts.ignored:
        print(f"left out {len(parts.ignored)} tensors that nothing needs: {', '.join(parts.ignored[:3])} ...")
