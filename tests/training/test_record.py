"""What a run leaves behind, after whatever ended it."""

import json
from dataclasses import asdict

import pytest
import torch

pytest.importorskip("accelerate", minversion="1.0")

from sfumato.checkpoints import save_state
from sfumato.errors import UserError
from sfumato.training import LoopOptions, resume, run_recorded
from tests.training.test_training import draw, finish, loss, trainer


def record(run, out, step_loss=loss, save_every=20):
    settings = {"loop": asdict(run.options)}
    resume(run, out, settings)
    run_recorded(
        run,
        draw,
        step_loss,
        lambda network: out / "done",
        out=out,
        settings=settings,
        what="a test",
        save_every=save_every,
        look=lambda step: {},
        look_every=0,
    )


def logged(out):
    return [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]


def test_a_log_goes_on_where_the_saved_state_stands(tmp_path):
    """Steps that were logged after the last saved state, or cut off, are not there twice; seconds go on."""
    record(trainer(steps=40), tmp_path)
    assert [line["step"] for line in logged(tmp_path)] == [20, 40]
    (tmp_path / "state-00000040.safetensors").unlink()
    lines = [{**line, "seconds": 100.0} for line in logged(tmp_path)]
    (tmp_path / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines) + '{"step": 60, "lo')
    record(trainer(steps=40), tmp_path)
    assert [line["step"] for line in logged(tmp_path)] == [20, 40]
    assert logged(tmp_path)[0]["seconds"] == 100.0 < logged(tmp_path)[1]["seconds"] + 1e-9


def test_a_loss_that_is_no_number_is_a_users_error(tmp_path):
    with pytest.raises(UserError, match="the loss is nan at step 1; lower the learning rate"):
        record(trainer(steps=40), tmp_path, lambda network, batch: loss(network, batch) * float("nan"))


def same(one, other):
    return all(torch.equal(value, other.state()[key]) for key, value in one.state().items())


@pytest.mark.parametrize(("first", "then"), [(40, 60), (40, 41), (30, 100), (60, 45)])
def test_another_length_is_as_if_it_had_been_asked_for_at_the_start(tmp_path, capsys, first, then):
    """A finished run made longer, and one that had not begun to end made shorter; to the last bit."""
    whole, run = trainer(steps=then), trainer(steps=first)
    finish(whole)
    if first < then:
        record(run, tmp_path, save_every=7)
    else:
        part = trainer(steps=first)
        resume(part, tmp_path, {"loop": asdict(part.options)})
        steps = part.run(draw, loss)
        for _ in range(20):
            next(steps)
        save_state(tmp_path, 20, part.state(), {"loop": asdict(part.options)}, part.options.steady)
    later = trainer(steps=then)
    record(later, tmp_path, save_every=7)
    assert same(whole, later)
    assert f"as a run of {then} steps from the start" in capsys.readouterr().out


def test_where_no_state_is_left_from_before_the_fall_it_is_said(tmp_path):
    record(trainer(steps=40), tmp_path)
    (tmp_path / "state-00000020.safetensors").unlink()
    whole, later = trainer(steps=60), trainer(steps=60)
    finish(whole)
    with pytest.warns(UserWarning, match="goes on from step 40 to other weights than 60 steps from the start"):
        record(later, tmp_path)
    assert later.steps_done == 60 and not same(whole, later)


def test_fewer_steps_than_are_done_are_refused(tmp_path):
    record(trainer(steps=40), tmp_path)
    with pytest.raises(UserError, match="holds a run that is at step 40; give more --steps, or another folder"):
        record(trainer(steps=30), tmp_path)


def test_looks_after_the_step_that_a_run_goes_on_from_are_forgotten(tmp_path):
    """And nothing of the user's own."""
    run = trainer(steps=40)
    later = ("sheet-00000021.png", "preview-000040.png", "words/step-000040.safetensors")
    kept = ("sheet-00000020.png", "words/step-000020.safetensors", "sheet-final.png", "my-sheet-00000040.png")
    (tmp_path / "words").mkdir()
    save_state(tmp_path, 20, run.state(), {"loop": asdict(run.options)})
    for name in (*later, *kept):
        (tmp_path / name).touch()
    resume(run, tmp_path, {"loop": asdict(run.options)})
    assert run.steps_done == 20
    assert not any((tmp_path / name).exists() for name in later) and all((tmp_path / name).exists() for name in kept)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.45, 1.0])
@pytest.mark.parametrize("steps", [1, 2, 7, 40, 100])
def test_steady_steps_are_those_whose_rates_a_longer_run_has_too(steps, share):
    short, long = (LoopOptions(steps=count, warmup=5, decay_share=share) for count in (steps, 1000))
    assert all(short.rate(step) == long.rate(step) for step in range(short.steady))
    assert short.steady == steps or short.rate(short.steady) < long.rate(short.steady)


def test_a_gradient_that_is_no_number_stops_before_the_weights_have_it(tmp_path):
    """The loss is finite, its slope is not; the last sound state stays."""

    def steep(network, batch):
        rows = loss(network, batch)
        return rows + (0 * rows).sqrt() if run.steps_done == 25 else rows

    run = trainer(steps=40)
    with pytest.raises(UserError, match="the gradient is nan at step 26; lower the learning rate, or train in fp32"):
        record(run, tmp_path, steep, save_every=10)
    assert sorted(path.name for path in tmp_path.glob("state-*"))[-1] == "state-00000020.safetensors"
    assert torch.cat([one.flatten() for one in run.network.parameters()]).isfinite().all()


def test_weights_that_are_no_numbers_are_not_saved(tmp_path):
    def spoiled(network, batch):
        if run.steps_done == 19:
            run.ema.update = lambda network, step: network[0].bias.data.fill_(float("inf"))
        return loss(network, batch)

    run = trainer(steps=40)
    with pytest.raises(UserError, match="the weights are no longer finite after step 20; lower the learning rate"):
        record(run, tmp_path, spoiled, save_every=10)
    assert [path.name for path in tmp_path.glob("state-*")] == ["state-00000010.safetensors"]
