"""Batches of pictures that were encoded once."""

import torch

from sfumato.pictures.latents import LatentBatches
from sfumato.stable_diffusion import SCHEDULE

MOMENTS = torch.cat([torch.arange(3.0)[:, None, None, None].expand(3, 4, 2, 2), torch.full((3, 4, 2, 2), -30.0)], 1)
"""Of three pictures, whose latents are their numbers."""


def no_texts(picked, step, source):
    return torch.zeros(len(picked), 1, dtype=torch.int64)


def batch(step=0, rows=slice(None), count=8, **more):
    return LatentBatches(MOMENTS, no_texts, count, SCHEDULE, 5, **more)(step, rows)


def numbers(x0):
    return (x0 / 0.18215).mean(dim=(1, 2, 3)).round().long()


def test_what_belongs_to_the_pictures_comes_with_them_and_changes_no_draw():
    marks, plain = torch.tensor([10, 11, 12]), batch()
    told = batch(more=[marks, MOMENTS])
    assert all(torch.equal(one, other) for one, other in zip(plain, told)) and len(told) == 6
    assert torch.equal(told[4], numbers(told[0]) + 10) and torch.equal(told[5], MOMENTS[numbers(told[0])])
    part = batch(rows=slice(2, 5), more=[marks])
    assert torch.equal(part[4], told[4][2:5])


def test_pictures_are_drawn_as_often_as_is_said():
    found = numbers(batch(count=6000, often=torch.tensor([1, 0, 5]))[0]).bincount(minlength=3)
    # 1,000 of 6,000, give or take three standard deviations.
    assert found[1] == 0 and abs(int(found[0]) - 1000) < 87
    alike = batch(often=torch.tensor([1, 1, 1]))
    assert all(torch.equal(one, other) for one, other in zip(batch(), alike))
