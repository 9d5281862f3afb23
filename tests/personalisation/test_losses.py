"""The mean over what is shown."""

import torch

from sfumato.diffusion import NetworkDenoiser, make_loss, training_loss
from sfumato.personalisation.losses import masked_loss, masked_mean
from sfumato.stable_diffusion import SCHEDULE


def drawn(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def test_where_all_is_shown_it_is_the_plain_mean_to_the_bit():
    for height, width in ((6, 6), (7, 5), (64, 64)):
        errors = drawn(3, 4, height, width).square()
        assert torch.equal(masked_mean(errors, torch.ones(3, 1, height, width)), errors.flatten(1).mean(dim=1))


def test_each_row_is_divided_by_what_is_shown_of_it():
    """By hand: errors 1, 2, 3, 4 in one channel and tenfold in the other; halves count half."""
    errors = torch.tensor([[1.0, 2.0], [3.0, 4.0]]) * torch.tensor([1.0, 10.0])[:, None, None]
    weights = torch.tensor([[[1.0, 0.0], [0.0, 0.0]], [[0.0, 0.5], [1.0, 0.0]], [[0.25] * 2] * 2])[:, None]
    found = masked_mean(errors.expand(3, 2, 2, 2), weights)
    wanted = torch.tensor([1.0, (0.5 * 2 + 3) / 1.5, 2.5]) * 5.5
    torch.testing.assert_close(found, wanted)


def test_hidden_errors_have_no_gradient():
    errors = drawn(2, 4, 6, 6).requires_grad_()
    weights = (drawn(2, 1, 6, 6, seed=1) > 0).float()
    masked_mean(errors, weights).sum().backward()
    shown = errors.grad != 0
    assert torch.equal(shown, weights.bool().expand_as(shown))


def test_it_is_the_training_loss_with_errors_counted_by_what_is_shown():
    def network(x, t):
        return 0.5 * x + t[:, None, None, None] / 1000

    denoiser = NetworkDenoiser(network, SCHEDULE, "eps")
    x0, eps, t = drawn(3, 4, 6, 6), drawn(3, 4, 6, 6, seed=1), torch.tensor([10, 500, 990])
    plain = training_loss(denoiser, x0, t, eps, make_loss("uniform"))
    assert torch.equal(masked_loss(denoiser, x0, t, eps, torch.ones(3, 1, 6, 6)), plain)
    half = torch.zeros(3, 1, 6, 6)
    half[..., :3] = 1
    left, right = (part.contiguous() for part in (x0[..., :3], eps[..., :3]))
    torch.testing.assert_close(
        masked_loss(denoiser, x0, t, eps, half), training_loss(denoiser, left, t, right, make_loss("uniform"))
    )
