"""Concepts learned apart, joined: each is answered as by its own weights, and other texts as before."""

import pytest
import torch

pytest.importorskip("accelerate", minversion="1.0")

from sfumato.checkpoints import read_learned
from sfumato.concepts.words import with_words
from sfumato.converting import ConvertOptions, convert
from sfumato.errors import UserError
from sfumato.models.additions import Addition
from sfumato.personalisation.joining import join, states_of, states_of_others
from sfumato.personalisation.learn import learn
from sfumato.stable_diffusion import StableDiffusion

from .test_learn import options, photos
from .test_methods import ALONE

__all__ = ["photos"]

LAYER = "unet.input_blocks.1.1.transformer_blocks.0.attn2.to_k"


@pytest.fixture(scope="module")
def files(photos, checkpoint, tmp_path_factory):
    """Two concepts, each learned by itself."""
    found = []
    for token, init in (("<a>", "dog"), ("<b>", "cat")):
        out = tmp_path_factory.mktemp("learned") / "run"
        told = {"method": "custom", "token": token, "init": init, "weights_lr": 0.05, "beside": ALONE}
        found.append(learn(options(photos, out, checkpoint, **told)))
    return found


def test_each_concept_is_answered_as_by_its_own_and_others_as_little_as_can_be(checkpoint, files):
    model, learned = StableDiffusion.load(checkpoint), [read_learned(file) for file in files]
    joined = join(model, learned)
    assert [word.token for word in joined.words] == ["<a>", "<b>"] and set(joined.additions) == set(
        learned[0].additions
    )
    together = joined.additions[LAYER].delta().double()
    states = [states_of(model, one.words[0]) for one in learned]
    for own, said in zip(learned, states):
        wanted = said @ own.additions[LAYER].delta().double().T
        torch.testing.assert_close(said @ together.T, wanted, rtol=1e-3, atol=1e-3 * float(wanted.abs().max()))
    summed = sum(one.additions[LAYER].delta().double() for one in learned)
    apart = states[0] @ (summed - learned[0].additions[LAYER].delta().double()).T
    assert apart.abs().max() > 0.01 * (states[0] @ summed.T).abs().max(), "which the sum does not"
    # Any other matrix that answers the concepts so changes plain texts more.
    regular = states_of_others(model, [word for one in learned for word in one.words])
    constraint = torch.cat(states)
    free = torch.eye(constraint.shape[1], dtype=torch.float64) - torch.linalg.pinv(constraint) @ constraint
    source = torch.Generator().manual_seed(0)
    for size in (1e-3, 1e-2):
        other = together + size * torch.randn(together.shape, generator=source, dtype=torch.float64) @ free
        assert (regular @ other.T).norm() > (regular @ together.T).norm()


def test_one_command_joins_and_the_file_paints(checkpoint, files, tmp_path):
    out = convert(
        ConvertOptions(files[0], tmp_path / "both.safetensors", merge=(str(files[1]),), checkpoint=checkpoint)
    )
    wanted = join(StableDiffusion.load(checkpoint), [read_learned(file) for file in files])
    found = read_learned(out).additions[LAYER]
    assert isinstance(found, Addition)
    torch.testing.assert_close(found.delta(), wanted.additions[LAYER].delta(), rtol=1e-3, atol=1e-5)
    out = out.rename(tmp_path / "of any name")
    _, words = with_words(checkpoint, torch.float32, [], custom=[str(out)])
    assert [one.word.token for one in words] == ["<a>", "<b>"]


def test_what_cannot_be_joined_is_refused(photos, checkpoint, files, tmp_path):
    word = learn(options(photos, tmp_path / "word", checkpoint, steps=1))
    for merge, message in (
        ((), "give others to join it with, by --merge"),
        ((str(word),), "is no file of --method custom"),
        ((str(files[0]),), "<a> is a word of two files"),
    ):
        with pytest.raises(UserError, match=message):
            convert(ConvertOptions(files[0], tmp_path / "out.safetensors", merge=merge, checkpoint=checkpoint))
    for idle in ({"pick": "<a>"}, {"precision": "fp16"}, {"word": "a1111"}):
        with pytest.raises(UserError, match=f"--{next(iter(idle))}: does nothing for"):
            convert(ConvertOptions(files[0], tmp_path / "out.safetensors", merge=(str(files[1]),), **idle))
    with pytest.raises(UserError, match=r"--checkpoint: does nothing for .* which is a learned word"):
        convert(ConvertOptions(word, tmp_path / "out.safetensors", checkpoint=checkpoint))
    assert not (tmp_path / "out.safetensors").exists()
