"""What is added to a model's weights: it learns, it is painted as it was previewed, and the checkpoint stays."""

from pathlib import Path

import pytest
import torch

pytest.importorskip("accelerate", minversion="1.0")

from sfumato.checkpoints import read_learned
from sfumato.concepts.painting import Sampling
from sfumato.images import open_picture, sheet_cells
from sfumato.models.additions import Addition, Attachment, add, added
from sfumato.personalisation.learn import learn
from sfumato.personalisation.methods import METHODS, first_additions
from sfumato.stable_diffusion import StableDiffusion
from tests.personalisation.test_learn import options, photos

__all__ = ["photos"]


def random_additions(model, method, scale=0.1):
    """Additions that are not nothing."""
    source = torch.Generator().manual_seed(1)
    return {
        name: one._replace(parts=tuple(scale * torch.randn(part.shape, generator=source) for part in one.parts))
        for name, one in first_additions(model, METHODS[method], 4, 2.0, True, 0).items()
    }


@pytest.mark.parametrize("method", ["custom", "lora"])
def test_beside_the_layers_or_in_their_weights_is_one_network(checkpoint, method):
    model = StableDiffusion.load(checkpoint)
    additions = random_additions(model, method)
    ids = torch.tensor([model.tokenizer()("a dog").ids])
    x, t = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(0)), torch.tensor([500])

    def answer():
        with torch.no_grad():
            return model.unet(x, t, model.text(ids))

    plain, attachment = answer(), Attachment(model.networks(), list(additions))
    torch.testing.assert_close(answer(), plain, rtol=0, atol=0)
    attachment.values = additions
    beside = answer()
    attachment.remove()
    with added(model.networks(), additions):
        torch.testing.assert_close(answer(), beside, rtol=1e-4, atol=1e-5)
    assert (beside - plain).abs().max() > 1e-3
    torch.testing.assert_close(answer(), plain, rtol=0, atol=0)


@pytest.mark.parametrize("method", ["custom", "lora"])
def test_each_method_begins_as_nothing_and_has_its_own_layers(checkpoint, method):
    model = StableDiffusion.load(checkpoint)
    additions = first_additions(model, METHODS[method], 4, 4.0, True, 0)
    assert all(not one.delta().any() for one in additions.values())
    blocks = [name for name, module in model.unet.named_modules() if name.endswith("attn2")]
    layers = model.text.config.layers
    assert len(additions) == {"custom": 2 * len(blocks), "lora": 8 * len(blocks) + 4 * layers}[method]


def test_a_convolution_gets_a_thin_addition_too():
    torch.manual_seed(0)
    layer = torch.nn.Conv2d(3, 6, 3, stride=2, padding=1)
    network, x = torch.nn.Sequential(layer), torch.randn(2, 3, 9, 9)
    addition = Addition((torch.randn(2, 3, 3, 3), torch.randn(6, 2, 1, 1)), 0.5)
    attachment = Attachment(network, ["0"])
    attachment.values = {"0": addition}
    beside = network(x)
    attachment.remove()
    add(network, {"0": addition})
    torch.testing.assert_close(network(x), beside, rtol=1e-4, atol=1e-5)
    with pytest.raises(ValueError, match=r"has the shape \[6, 5\], the layer's weight \[6, 3, 3, 3\]"):
        add(network, {"0": Addition((torch.zeros(6, 5),))})


@pytest.mark.parametrize("method", ["custom", "lora"])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_what_is_painted_is_what_was_previewed_and_the_checkpoint_stays(
    photos, checkpoint, tmp_path, method, precision
):
    before, run = Path(checkpoint).read_bytes(), tmp_path / "run"
    told = {"method": method, "preview_every": 4, "weights_lr": 0.02, "precision": precision, "preview": ("a {}",)}
    file = learn(options(photos, run, checkpoint, **told))
    assert Path(checkpoint).read_bytes() == before
    learned = read_learned(file)
    assert [word.token for word in learned.words] == ["<new1>"] and learned.additions
    assert all(one.delta().any() for one in learned.additions.values())
    prompt, sampling = "a <new1>", Sampling(steps=15)
    kept = sheet_cells(open_picture(run / "preview-000004.png"), 2, 2)
    model = StableDiffusion.load(checkpoint)
    assert (kept[0].astype(int) - sheet_cells(open_picture(run / "preview-000000.png"), 2, 2)[0]).any()
    del model
    from sfumato.concepts.added import add_given, given_additions
    from sfumato.concepts.painting import encoded, paint
    from sfumato.concepts.words import with_words
    from sfumato.devices import DTYPES
    from sfumato.diffusion import seed_of

    (given,) = given_additions("--custom", [str(file)])
    model = with_words(checkpoint, DTYPES[precision], given.words)
    add_given(model, [given])
    for number in range(2):
        states, nothing = (encoded(model, [text]) for text in (prompt, ""))
        painted = paint(model, states, nothing[:, 0], [seed_of(0, "preview", number)], sampling)
        assert abs(painted[0].numpy().astype(int) - kept[number]).max() <= 1
