"""What a run leaves behind, after whatever ended it."""

import json

import pytest

pytest.importorskip("accelerate", minversion="1.0")

from sfumato.errors import UserError
from sfumato.training import resume, run_recorded
from tests.training.test_training import draw, loss, trainer


def record(run, out, step_loss=loss):
    resume(run, out, {"seed": 0}, "digits train")
    run_recorded(
        run,
        draw,
        step_loss,
        lambda network: out / "done",
        out=out,
        settings={"seed": 0},
        what="a test",
        save_every=20,
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
