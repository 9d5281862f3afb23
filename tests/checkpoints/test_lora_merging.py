"""Several LoRAs as one."""

import pytest
import torch

pytest.importorskip("safetensors")

from sfumato.checkpoints import LoraFile, LowRank, Weighted, merge_loras, write_lora
from sfumato.errors import UserError
from tests.checkpoints.loras import QUERY, TEXT, UNET, WORD, a_lora, drawn


def summed(given, layer):
    return sum(one.unet * one.lora.unet[layer].delta().double() for one in given if layer in one.lora.unet)


def two():
    other = {layer: one._replace(down=one.down.flip(0) + 0.5) for layer, one in a_lora(UNET, 3, 2.0).items()}
    return Weighted(LoraFile(a_lora(UNET), a_lora(TEXT)), 0.7, 2.0), Weighted(LoraFile(other, {}), -0.4)


def test_the_sum_is_exact_where_the_rank_allows_it():
    given = two()
    merged, error = merge_loras(given, 5)
    assert error < 1e-12 and set(merged.unet) == set(UNET)
    for layer, one in merged.unet.items():
        expected = summed(given, layer)
        assert one.rank <= 5 and one.alpha == one.rank
        assert (one.delta().double() - expected).norm() / expected.norm() < 1e-6, layer
    for layer, one in merged.text.items():
        expected = 2 * given[0].lora.text[layer].delta()
        assert (one.delta() - expected).norm() / expected.norm() < 1e-6 and one.rank == 2


def test_what_is_cut_is_the_least_that_can_be_and_is_told():
    given = two()
    merged, error = merge_loras(given, 2)
    off = whole = 0.0
    for layer, one in merged.unet.items():
        expected = summed(given, layer)
        values = torch.linalg.svdvals(expected.flatten(1))
        dropped = (one.delta().double() - expected).norm().square()
        assert dropped == pytest.approx(float(values[2:].square().sum()), rel=1e-4, abs=1e-6)
        off, whole = off + float(dropped), whole + float(expected.norm().square())
    whole += sum(float((2 * one.delta()).norm().square()) for one in given[0].lora.text.values())
    assert error == pytest.approx((off / whole) ** 0.5, rel=1e-4) and error > 0.1


def test_two_of_one_kind_need_no_higher_rank_and_order_is_no_matter(tmp_path):
    one = LoraFile(a_lora(UNET), {})
    merged, error = merge_loras([Weighted(one, 0.25), Weighted(one, 0.75)], 8)
    assert error < 1e-12 and all(layer.rank <= 2 for layer in merged.unet.values())
    for number, given in enumerate((two(), two()[::-1])):
        written = []
        for _ in range(2):
            write_lora(tmp_path / f"{number}.safetensors", merge_loras(given, 8).lora, UNET)
            written.append((tmp_path / f"{number}.safetensors").read_bytes())
        assert written[0] == written[1], "the same LoRAs give the same bytes"
    first, second = merge_loras(two(), 8).lora, merge_loras(two()[::-1], 8).lora
    for layer, pair in first.unet.items():
        torch.testing.assert_close(pair.down, second.unet[layer].down, rtol=1e-3, atol=1e-4)


def test_what_adds_nothing_stays_nothing():
    none = LoraFile({QUERY: LowRank(drawn(2, 32), torch.zeros(32, 2), 2.0)}, {})
    merged, error = merge_loras([Weighted(none)], 4)
    assert error == 0 and not merged.unet[QUERY].delta().any()


def test_words_come_along_and_two_of_one_name_are_refused():
    one = LoraFile(a_lora(UNET), {}, [WORD])
    assert [word.token for word in merge_loras([Weighted(one), Weighted(one)], 2).lora.words] == ["<new1>"]
    other = one._replace(words=[WORD._replace(vectors=-WORD.vectors)])
    with pytest.raises(UserError, match="<new1>: is a word of two of the LoRAs"):
        merge_loras([Weighted(one), Weighted(other)], 2)


def test_what_cannot_be_merged_is_refused():
    one = LoraFile(a_lora(UNET), {})
    other = LoraFile({QUERY: LowRank(drawn(2, 48), drawn(32, 2), 2.0)}, {})
    with pytest.raises(UserError, match=f"{QUERY}: the LoRAs have different shapes there"):
        merge_loras([Weighted(one), Weighted(other)], 2)
    with pytest.raises(UserError, match="at least 1, got 0"):
        merge_loras([Weighted(one)], 0)
