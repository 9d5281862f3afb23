"""Numbers that have grown beyond what their type holds: no picture of them is saved, and no weights."""

import pytest
import torch

pytest.importorskip("safetensors")
pytest.importorskip("tyro")

from sfumato.checkpoints import Embedding, read_safetensors, write_embedding, write_stable_diffusion
from sfumato.cli import main
from sfumato.errors import UserError
from sfumato.models.shipped import shipped

COMMANDS = {
    "digits": "digits generate OUT --weights MODEL --count 1 --digits 1 --datasets svhn",
    "world": "concepts generate OUT --checkpoint MODEL --prompt a --count 1 --steps 3 --precision fp32",
    "faces64": "faces generate noise OUT MODEL --steps 3",
}
LAST = {"digits": "leave.weight", "world": "model.diffusion_model.out.2.weight", "faces64": "out.2.weight"}


@pytest.fixture
def overflown(tmp_path, monkeypatch):
    """Makes a shipped model whose last layer answers 1e38 times as much."""
    from safetensors.torch import save_file

    monkeypatch.chdir(tmp_path)

    def make(name):
        tensors, metadata = read_safetensors(shipped(f"{name}.safetensors"))
        tensors = {key: value.float() if value.is_floating_point() else value for key, value in tensors.items()}
        key = next(key for key in tensors if key.endswith(LAST[name]))
        tensors[key] = tensors[key] * 1e38
        save_file(tensors, f"{name}.safetensors", metadata)

    return make


@pytest.mark.parametrize("name", list(COMMANDS))
def test_no_picture_of_overflown_numbers_is_saved(overflown, tmp_path, capsys, name):
    overflown(name)
    assert main(["faces", "noise", "noise", "--count", "1"]) == 0
    capsys.readouterr()
    words = COMMANDS[name].replace("MODEL", f"{name}.safetensors").replace("OUT", "out").split()
    assert main(words) == 2
    said = [line for line in capsys.readouterr().err.split("\n") if line.startswith("sfumato:")]
    told = "the pictures are not finite in fp32, so none of them is saved; paint with other weights, or more --steps"
    assert said == [f"sfumato: {told}"]
    assert not list((tmp_path / "out").rglob("*.png"))


def test_the_precision_that_overflowed_is_named(overflown, capsys):
    """In bf16 the same weights are to be tried in fp32."""
    overflown("world")
    words = COMMANDS["world"].replace("MODEL", "world.safetensors").replace("OUT", "out").replace("fp32", "bf16")
    assert main(words.split()) == 2
    assert (
        "the pictures are not finite in bf16, so none of them is saved; paint with --precision fp32"
        in capsys.readouterr().err
    )


@pytest.mark.parametrize("name", ["half.safetensors", "half.ckpt"])
def test_weights_that_are_no_numbers_are_not_written(tmp_path, name):
    """Half precision holds no more than 65504."""
    large = {"unet": {"out.weight": torch.tensor([7e4])}, "vae": {}, "text": {}}
    with pytest.raises(UserError, match=f"{name}: is not written, for model.diffusion_model.out.weight would hold NaN"):
        write_stable_diffusion(tmp_path / name, large, 48, torch.float16)
    assert not list(tmp_path.iterdir())
    write_stable_diffusion(tmp_path / name, large, 48)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_learned_word_that_is_no_number_is_not_written(tmp_path):
    word = Embedding("<a>", torch.tensor([[1.0, float("inf")]]), {})
    for name, kind in (("a.safetensors", "sfumato"), ("a.pt", "a1111"), ("a.bin", "diffusers")):
        with pytest.raises(UserError, match=f"{name}: is not written, for <a> would hold NaN or infinity"):
            write_embedding(tmp_path / name, word, kind)
    assert not list(tmp_path.iterdir())
