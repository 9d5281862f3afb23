"""Drawing ahead: in a thread, one part and no more, and nothing is left of it."""

import threading
import traceback

import pytest
import torch

pytest.importorskip("accelerate")

from sfumato.training.prefetch import DrawnAhead

from .test_training import draw, loss, trainer, weights


def drawers():
    return [thread for thread in threading.enumerate() if thread.name.startswith("draw")]


@pytest.fixture(autouse=True)
def nothing_is_left():
    yield
    assert not drawers()


def told(places):
    """A draw that writes down what it was asked for, and by whom."""

    def drawn(step, rows):
        places.append((step, rows, threading.current_thread().name))
        return draw(step, rows)

    return drawn


@pytest.mark.parametrize("accumulate", [1, 3])
def test_every_part_is_drawn_once_in_order_by_one_thread_and_none_after_the_end(accumulate):
    places, run = [], trainer(steps=5, accumulate=accumulate)
    assert len(list(run.run(told(places), loss))) == 5
    parts = [slice(part, None, accumulate) for part in range(accumulate)]
    assert [place[:2] for place in places] == [(step, rows) for step in range(5) for rows in parts]
    (name,) = {name for _, _, name in places}
    assert name.startswith("draw")


def test_the_next_part_is_drawn_while_a_step_runs_and_no_further_one():
    """Each loss waits for the draw of the next step to have begun; without a thread it would wait in vain."""
    begun = [threading.Event() for _ in range(6)]

    def drawn(step, rows):
        begun[step].set()
        return draw(step, rows)

    def waiting(network, batch):
        if run.steps_done < 5:
            assert begun[run.steps_done + 1].wait(20)
        if run.steps_done < 4:
            assert not begun[run.steps_done + 2].wait(0.02)
        return loss(network, batch)

    run = trainer(steps=6)
    assert len(list(run.run(drawn, waiting))) == 6


def test_the_weights_are_those_of_drawing_in_line():
    ahead, alone = trainer(steps=12, accumulate=2), trainer(steps=12, accumulate=2)
    list(ahead.run(draw, loss))
    for _ in range(12):  # A run for each step: nothing is ahead of its first part.
        next(alone.run(draw, loss))
    assert torch.equal(weights(ahead), weights(alone))


def test_what_goes_wrong_in_the_thread_is_told_with_its_traceback_at_its_step():
    def unlucky_draw(step, rows):
        if step == 3:
            raise OSError("the disk is gone")
        return draw(step, rows)

    run = trainer()
    with pytest.raises(OSError, match="the disk is gone") as error:
        list(run.run(unlucky_draw, loss))
    assert run.steps_done == 3
    assert "unlucky_draw" in [frame.name for frame in traceback.extract_tb(error.value.__traceback__)]


def test_an_error_of_a_part_that_nobody_takes_is_nobodys():
    def short(step, rows):
        assert step < 4
        return draw(step, rows)

    run = trainer()
    for progress in run.run(short, loss):
        if progress.step == 4:
            run.end_at(4)
    assert run.steps_done == 4


def test_a_run_that_is_closed_forgotten_or_interrupted_leaves_no_thread():
    closed = trainer().run(draw, loss)
    next(closed)
    assert drawers()
    closed.close()
    assert not drawers()

    forgotten = trainer().run(draw, loss)
    next(forgotten)
    del forgotten
    assert not drawers()

    def interrupted(network, batch):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        next(trainer().run(draw, interrupted))


@pytest.mark.parametrize("end", [7, 8, 9, 30])
def test_a_run_may_become_shorter_or_longer_at_any_step(end):
    """To the step that it stands at, to the one that is being drawn, beyond it, and beyond the first end."""
    places, run = [], trainer(steps=20)
    for progress in run.run(told(places), loss):
        if progress.step == 7:
            run.end_at(end)
    assert run.steps_done == end
    drawn = [step for step, _, _ in places]
    assert drawn == list(range(len(drawn)))
    assert end <= len(drawn) <= max(end, 8), "what was begun is cancelled if the thread had not come to it"


def test_another_place_than_the_one_begun_is_drawn_nevertheless():
    with DrawnAhead(lambda step, rows: (torch.tensor(step), rows)) as drawn:
        assert drawn.take((0, slice(0, 1)), (1, slice(0, 1)))[0] == 0
        assert drawn.take((5, slice(0, 1)), (6, slice(0, 1)))[0] == 5
        assert drawn.take((6, slice(1, 2)), None)[1] == slice(1, 2)


def test_the_thread_that_draws_has_one_processor_and_all_others_have_theirs():
    """A second team of threads would make each of the network's wait asleep."""
    before, found = torch.get_num_threads(), []

    def looked(step, rows):
        torch.zeros(100, 100, 100).sum()
        found.append(torch.get_num_threads())
        return ()

    torch.set_num_threads(3)
    try:
        with DrawnAhead(looked) as drawn:
            drawn.take((0, slice(0, 1)), None)
            assert torch.get_num_threads() == 3
            later = threading.Thread(target=lambda: found.append(torch.get_num_threads()))
            later.start()
            later.join()
    finally:
        torch.set_num_threads(before)
    assert found == [1, 3]
