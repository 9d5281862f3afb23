"""Training, end to end on a dataset of thirty drawings: interrupted, killed, resumed, refused."""

import json
import re
import sys
from dataclasses import fields, replace

import numpy as np
import pytest
import torch
from PIL import Image

pytest.importorskip("accelerate")
pytest.importorskip("tensorboard")

from sfumato.checkpoints import read_safetensors
from sfumato.diffusion import CosineSchedule
from sfumato.digits.batches import DigitBatches
from sfumato.digits.data import read_both
from sfumato.digits.evaluate import accuracies
from sfumato.digits.labels import DATASETS, label_of
from sfumato.digits.model import load_digits
from sfumato.digits.painting import paint
from sfumato.digits.train import TrainOptions, train
from sfumato.errors import UserError
from sfumato.models.digit_unet import DigitUNetConfig
from sfumato.pictures.data import kept_apart
from sfumato.training import AlignedLoop
from tests.digits.conftest import sheet_cell

SMALL = DigitUNetConfig(width=16, inner_width=16, inner_blocks=1, embedding=16)


def options(data, out, **changes):
    loop = AlignedLoop(**{"steps": 24, "batch_size": 8, "warmup": 2, **changes.pop("loop", {})})
    # fp32 on every machine: what is compared is compared to rounding errors.
    defaults = {"save_every": 6, "look_every": 0, "network": SMALL, "precision": "fp32"}
    whole = {**defaults, **changes}
    own = {name: whole.pop(name) for name in list(whole) if name in {one.name for one in fields(TrainOptions)}}
    return TrainOptions(data, out, training=replace(TrainOptions(data, out).training, loop=loop, **whole), **own)


def test_a_run_leaves_a_model_a_log_and_sheets(data, tmp_path):
    finished = train(options(data, tmp_path / "run", look_every=12, look_count=1, loop={"steps": 40}))
    model = load_digits(finished)
    assert model.network.config == SMALL
    lines = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    losses = [line["loss"] for line in lines if "loss" in line]
    assert losses[-1] < losses[0]
    judged = [line for line in lines if "accuracy/svhn" in line]
    assert [line["step"] for line in judged] == [12, 24, 36, 40]
    assert len(list((tmp_path / "run").glob("sheet-*.png"))) == 4
    assert list((tmp_path / "run" / "tensorboard").iterdir())


def below(prefix, tensors):
    return {key[len(prefix) :]: value for key, value in tensors.items() if key.startswith(prefix)}


def same(a, b):
    return set(a) == set(b) and all(torch.equal(a[key], b[key]) for key in a)


def test_the_finished_model_and_the_looks_are_of_the_mean_weights(data, tmp_path, monkeypatch):
    """Not of the last weights: by the last saved state, which holds both."""
    looks = []

    def spied(model, labels, *rest, **more):
        pixels = paint(model, labels, *rest, **more)
        weights = {key: value.clone().cpu() for key, value in model.network.state_dict().items()}
        looks.append((weights, list(labels), pixels))
        return pixels

    monkeypatch.setattr("sfumato.digits.train.paint", spied)
    finished = train(options(data, tmp_path / "run", look_every=24, look_count=2))
    state = read_safetensors(tmp_path / "run" / "state-00000024.safetensors")[0]
    last, mean = below("network.network.", state), below("ema.network.", state)
    assert max(float((last[key] - mean[key]).abs().max()) for key in mean) > 1e-3
    assert same(read_safetensors(finished)[0], {key: value.half() for key, value in mean.items()})

    assert [labels for _, labels, _ in looks] == [
        [label_of(dataset, digit) for digit in range(10) for _ in range(2)] for dataset in DATASETS
    ]
    assert all(same(weights, mean) for weights, _, _ in looks)
    painted = [pixels for _, _, pixels in looks]
    sheet = np.asarray(Image.open(tmp_path / "run" / "sheet-00000024.png").convert("RGB"))
    for digit in range(10):
        shown = [sheet_cell(sheet, digit, column) for column in range(4)]
        assert np.array_equal(shown, torch.cat([pixels[2 * digit : 2 * digit + 2] for pixels in painted]))
    lines = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    digits = torch.arange(10).repeat_interleave(2)
    wanted = accuracies(
        {name: (p.permute(0, 3, 1, 2).float() / 127.5 - 1, digits) for name, p in zip(DATASETS, painted)}
    )
    assert {name: lines[-1][f"accuracy/{name}"] for name in DATASETS} == wanted


def test_killed_and_resumed_it_ends_with_the_same_bits(data, tmp_path, killed_then_resumed):
    whole = train(options(data, tmp_path / "whole"))
    command = [sys.executable, "-m", "tests.digits.test_train", str(data), str(tmp_path / "killed")]
    killed_then_resumed(command, tmp_path / "killed")
    expected, got = read_safetensors(whole)[0], read_safetensors(tmp_path / "killed" / "digits.safetensors")[0]
    assert set(expected) == set(got)
    for key, value in expected.items():
        assert torch.equal(value, got[key]), key


def test_two_processes_share_one_run(data, tmp_path, on_two_processes):
    """Under torchrun one log is written and the weights are those of one process but for rounding."""
    alone = train(options(data, tmp_path / "alone"))
    said = on_two_processes("-m", "tests.digits.test_train", data, tmp_path / "shared")
    assert said.count("wrote ") == 1
    assert len((tmp_path / "shared" / "log.jsonl").read_text().splitlines()) == 2
    expected, got = read_safetensors(alone)[0], read_safetensors(tmp_path / "shared" / "digits.safetensors")[0]
    for key, value in expected.items():
        assert torch.allclose(value.float(), got[key].float(), atol=5e-3), key


def test_a_finished_run_is_not_repeated(data, tmp_path):
    finished = train(options(data, tmp_path / "run"))
    before, log = read_safetensors(finished)[0], (tmp_path / "run" / "log.jsonl").read_text()
    train(options(data, tmp_path / "run"))
    after = read_safetensors(finished)[0]
    assert all(torch.equal(before[key], after[key]) for key in before)
    assert (tmp_path / "run" / "log.jsonl").read_text() == log


def test_a_finished_model_may_be_trained_further(data, tmp_path):
    first = train(options(data, tmp_path / "first"))
    further = train(options(data, tmp_path / "further", start=first, loop={"steps": 1}, muon_lr=0.0, adam_lr=0.0))
    before, after = read_safetensors(first)[0], read_safetensors(further)[0]
    assert all(torch.equal(before[key], after[key]) for key in before)
    with pytest.raises(UserError, match=r"is a network of .* give its shape"):
        train(options(data, tmp_path / "other", start=first, network=DigitUNetConfig()))


def test_other_settings_do_not_go_on_in_the_same_folder(data, tmp_path):
    train(options(data, tmp_path / "run"))
    with pytest.raises(UserError, match=r"run: holds a run with hidden = 0.1, not 0.2"):
        train(options(data, tmp_path / "run", hidden=0.2))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"loop": {"accumulate": 3}}, "cannot be shared evenly"),
        ({"precision": "fp16"}, "fp16 needs a CUDA GPU"),
    ],
)
def test_settings_that_cannot_be_are_refused(data, tmp_path, changes, words):
    with pytest.raises(UserError, match=words):
        train(options(data, tmp_path / "run", **changes))
    assert not (tmp_path / "run").exists()


def test_a_plan_says_what_would_be_done_and_does_not_do_it(data, tmp_path, capsys):
    train(options(data, tmp_path / "run", plan=True))
    said = capsys.readouterr().out
    assert "60 from" in said and "6 held out" in said and "mnistm 0 3" in said
    assert re.search(r"24 steps, [\d.]+ s a step here, .* finished 20\d\d-", said)
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["pictures.png"]
    train(options(data, tmp_path / "run", look_every=24, look_count=1))
    done = capsys.readouterr().out.splitlines()
    assert done[-1] == f"sfumato digits generate painted --weights {tmp_path / 'run' / 'digits.safetensors'}"
    assert "loss/held_out" in (tmp_path / "run" / "log.jsonl").read_text()
    train(options(data, tmp_path / "run", look_every=24, look_count=1))
    assert "s a step" not in capsys.readouterr().out, "the run is finished"


def test_minutes_stand_in_for_steps(data, tmp_path):
    train(options(data, tmp_path / "run", minutes=0.05))
    steps = json.loads((tmp_path / "run" / "clock.json").read_text())["steps"]
    assert (tmp_path / "run" / f"state-{steps:08d}.safetensors").exists()


def test_a_digit_without_pictures_is_refused(data, tmp_path):
    table = data / "svhn" / "train.csv"
    rows = [row for row in table.read_text().splitlines() if not row.endswith(",7")]
    table.write_text("\n".join(rows) + "\n")
    with pytest.raises(UserError, match="svhn: has no picture of the digit 7"), pytest.warns(
        UserWarning, match="left out"
    ):
        train(options(data, tmp_path / "run"))
    assert not (tmp_path / "run").exists(), "the note of a run that never began"


def drawn_from(data, count, **chosen):
    """Batches of all pictures."""
    pictures = read_both(data)
    told = {"null": 20, "hidden": 0.1, **chosen}
    return DigitBatches(pictures, np.arange(len(pictures)), count, CosineSchedule(), **told)


def test_batches_are_balanced_and_a_function_of_the_step(data):
    batches = drawn_from(data, 400, svhn_share=0.75, hidden=0.25)
    x0, t, eps, label = batches(3, slice(None))
    again = batches(3, slice(1, None, 2))
    for whole, half in zip((x0, t, eps, label), again):
        assert torch.equal(whole[1::2], half)
    assert not torch.equal(batches(4, slice(None))[2], eps)
    shown = label[label < 20]
    assert abs(len(shown) / 400 - 0.75) < 0.07
    assert abs(float((shown >= 10).float().mean()) - 0.75) < 0.07
    assert torch.bincount(shown % 10, minlength=10).min() > 10
    assert float(x0.min()) >= -1.0
    assert float(x0.max()) <= 1.0


def test_times_lie_where_the_focus_is(data):
    """Mean and standard deviation of the times' logits are the focus's; without one all times are alike."""
    t = drawn_from(data, 400, time_focus=(1.0, 0.5))(0, slice(None))[1]
    logits = torch.logit((t + 0.5) / 1000)
    assert float(logits.mean()) == pytest.approx(1.0, abs=0.02)
    assert float(logits.std()) == pytest.approx(0.5, abs=0.02)
    t = drawn_from(data, 400)(0, slice(None))[1]
    assert (t.sort().values - 2.5 * torch.arange(400)).abs().max() <= 2.5


def test_training_draws_the_batches_of_its_options(data, tmp_path, monkeypatch):
    """Bit for bit those of a DigitBatches that is told the same."""
    drawn = []

    class Spied(DigitBatches):
        def __call__(self, step, rows):
            drawn.append(super().__call__(step, rows))
            return drawn[-1]

    monkeypatch.setattr("sfumato.digits.train.DigitBatches", Spied)
    chosen = {"svhn_share": 0.25, "hidden": 0.4, "time_focus": (1.5, 0.2)}
    train(options(data, tmp_path / "run", **chosen, loop={"steps": 2, "batch_size": 40, "seed": 5}))
    pictures = read_both(data)
    seen = kept_apart(pictures)[0]
    batches = DigitBatches(pictures, seen, 40, CosineSchedule(), null=20, **chosen, seed=5)
    # Three steps measured the pace before.
    assert len(drawn) == 5
    for step, got in enumerate(drawn[3:]):
        assert all(torch.equal(a, b) for a, b in zip(got, batches(step, slice(None))))


def test_pictures_stay_with_their_labels(data):
    """Each drawing's bright column tells its digit; inverted pictures have a dark one."""
    x0, _, _, label = drawn_from(data, 200, hidden=0.0)(0, slice(None))
    columns = x0[:, :, 6:22].mean(dim=(1, 2))
    middle = torch.stack([columns[:, 4 + 2 * digit : 7 + 2 * digit].mean(dim=1) for digit in range(10)], dim=1)
    found = torch.where(columns.mean(dim=1) < 0, middle.argmax(dim=1), middle.argmin(dim=1))
    assert torch.equal(found, label % 10)
    inverted = columns.mean(dim=1) > 0
    assert not inverted[label < 10].any()
    assert 0.3 < float(inverted[label >= 10].float().mean()) < 0.7


if __name__ == "__main__":
    from pathlib import Path

    train(options(Path(sys.argv[1]), Path(sys.argv[2])))
